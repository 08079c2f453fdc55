"""What operations are done to: the ARNs that policies are asked for. Pure.

Each service says which of its parameters name the thing itself. Others (a role, a key, a source)
never do, and neither does the order that somebody writes parameters in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from tapwater_server.clouds.aws.account import Account, parse_arn

Params = Mapping[str, Any]
Namer = Callable[[Account, str, Params], Sequence[str]]
RESOURCES_MAX = 1_000
_FUNCTION = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9]):)?"
    r"(?:(?P<account>[0-9]{12}):)?(?:function:)?(?P<rest>[^:]+(?::[^:]+)?)"
)
_LABEL = re.compile(r":[^:/]+$")


def resources_of(
    account: Account, service: str, operation: str, params: Params, *, path: str = "/"
) -> Sequence[str]:
    """Name what is meant. "*": nothing in particular.

    >>> from tapwater_server.model.ids import AppId
    >>> account = Account(id="000000000000", home=AppId("aws"))
    >>> resources_of(account, "lambda", "Invoke", {"FunctionName": "000000000000:function:thumbs"})
    ['arn:aws:lambda:us-east-1:000000000000:function:thumbs']
    """
    if service == "sqs" and not params.get("QueueUrl"):
        params = {**params, "QueueUrl": path}
    namer = _NAMERS.get(service)
    found = list(namer(account, operation, params)) if namer is not None else []
    return found[:RESOURCES_MAX] or ["*"]


def roles_of(params: Params) -> Sequence[str]:
    """Name the roles that are handed to somebody who will take them on."""
    target = params.get("Target")
    places = [params, *_dicts([target]), *_dicts(params.get("Targets"))]
    found = [_text(place, name) for place in places for name in ("Role", "RoleArn", "RoleARN")]
    return [role for role in found if role.startswith("arn:")]


def _text(params: Params, *names: str) -> str:
    """Take the first of these parameters that is there."""
    for name in names:
        value = params.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _texts(value: Any) -> Sequence[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _dicts(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _named(account: Account, service: str, shape: str, name: str, *, region: bool = True) -> str:
    """Give an ARN; a name that is one already stays."""
    if name.startswith("arn:"):
        return name
    return account.arn(service, shape.format(name), region=None if region else "")


def _lambda(account: Account, operation: str, params: Params) -> Sequence[str]:
    function = _text(params, "FunctionName")
    if function:
        return [_function(account, function, _text(params, "Qualifier"))]
    layer, version = _text(params, "LayerName"), params.get("VersionNumber")
    if layer:
        named = _named(account, "lambda", "layer:{}", layer)
        return [f"{named}:{version}" if version is not None else named]
    mapping = _text(params, "UUID")
    if mapping:
        return [account.arn("lambda", f"event-source-mapping:{mapping}")]
    arn = _text(params, "Resource", "ResourceArn", "Arn", "CodeSigningConfigArn")
    return [arn] if arn.startswith("arn:") else []


def _function(account: Account, said: str, qualifier: str) -> str:
    found = _FUNCTION.fullmatch(said)
    if found is None:
        return said
    name, _, inside = found["rest"].partition(":")
    qualifier = qualifier or inside
    resource = f"function:{name}" + (f":{qualifier}" if qualifier else "")
    region, owner = found["region"] or account.region, found["account"] or account.id
    return f"arn:aws:lambda:{region}:{owner}:{resource}"


def _sqs(account: Account, operation: str, params: Params) -> Sequence[str]:
    name = _text(params, "QueueName")
    source = _text(params, "SourceArn")
    if operation in ("CreateQueue", "GetQueueUrl") and name:
        return [account.arn("sqs", name)]
    if operation in ("StartMessageMoveTask", "ListMessageMoveTasks") and source:
        return [each for each in (source, _text(params, "DestinationArn")) if each]
    if operation in ("ListQueues", "CancelMessageMoveTask"):
        return []
    try:
        parts = [unquote(part) for part in urlsplit(_text(params, "QueueUrl")).path.split("/")]
    except ValueError:
        return []
    kept = [part for part in parts if part]
    return [account.arn("sqs", kept[-1])] if kept else []


def _sns(account: Account, operation: str, params: Params) -> Sequence[str]:
    subscription = _text(params, "SubscriptionArn")
    if subscription and not params.get("TopicArn"):
        return [subscription.rpartition(":")[0]] if subscription.count(":") > 5 else [subscription]
    arn = _text(params, "TopicArn", "TargetArn", "ResourceArn", "PlatformApplicationArn")
    if arn:
        return [arn]
    name = _text(params, "Name")
    return [account.arn("sns", name)] if name else []


def _iam(account: Account, operation: str, params: Params) -> Sequence[str]:
    for parameter, shape in (
        ("RoleName", "role/{}"),
        ("UserName", "user/{}"),
        ("GroupName", "group/{}"),
        ("InstanceProfileName", "instance-profile/{}"),
    ):
        name = _text(params, parameter)
        if name:
            return [_named(account, "iam", shape, name, region=False)]
    name = _text(params, "PolicyArn", "PolicyName")
    return [_named(account, "iam", "policy/{}", name, region=False)] if name else []


def _sts(account: Account, operation: str, params: Params) -> Sequence[str]:
    role = _text(params, "RoleArn")
    return [role] if role else []


def _logs(account: Account, operation: str, params: Params) -> Sequence[str]:
    shape = "log-group:{}:*"
    several = [*_texts(params.get("logGroupIdentifiers")), *_texts(params.get("logGroupNames"))]
    one = _text(params, "logGroupName", "logGroupIdentifier", "resourceArn")
    prefix = _text(params, "logGroupNamePrefix")
    if prefix and not one:
        return [account.arn("logs", f"log-group:{prefix}*")]
    return [
        _named(account, "logs", shape, name.removesuffix(":*")) + (":*" if _is_arn(name) else "")
        for name in ([one] if one else several)
    ]


def _is_arn(name: str) -> bool:
    return name.startswith("arn:")


def _ssm(account: Account, operation: str, params: Params) -> Sequence[str]:
    names = [_text(params, "Name", "Path", "ResourceId"), *_texts(params.get("Names"))]
    found = []
    for name in filter(None, names):
        # A version or a label behind a name is not a part of it.
        plain = name.rpartition(":parameter/")[2] if _is_arn(name) else _LABEL.sub("", name)
        prefix = name[: -len(plain)] if _is_arn(name) and ":parameter/" in name else ""
        plain = _LABEL.sub("", plain).removeprefix("/")
        found.append(prefix + plain if prefix else account.arn("ssm", f"parameter/{plain}"))
    return found


def _secretsmanager(account: Account, operation: str, params: Params) -> Sequence[str]:
    names = [_text(params, "SecretId", "Name"), *_texts(params.get("SecretIdList"))]
    return [_named(account, "secretsmanager", "secret:{}", name) for name in names if name]


def _cloudformation(account: Account, operation: str, params: Params) -> Sequence[str]:
    name = _text(params, "StackName", "StackId")
    if name:
        return [_named(account, "cloudformation", "stack/{}/*", name)]
    change_set = _text(params, "ChangeSetName")
    return [change_set] if _is_arn(change_set) else []


def _events(account: Account, operation: str, params: Params) -> Sequence[str]:
    arn = _text(params, "ResourceARN")
    if arn:
        return [arn]
    if operation == "PutEvents":
        names = [_text(each, "EventBusName") or "default" for each in _dicts(params.get("Entries"))]
        return [_named(account, "events", "event-bus/{}", name) for name in dict.fromkeys(names)]
    bus = _text(params, "EventBusName") or "default"
    if "EventBus" in operation or operation in ("PutPermission", "RemovePermission"):
        name = _text(params, "Name") or bus
        return (
            []
            if operation == "ListEventBuses"
            else [_named(account, "events", "event-bus/{}", name)]
        )
    rule = _text(params, "Rule", "Name")
    if not rule or _is_arn(rule):
        return [rule] if rule else []
    label = bus.rpartition("event-bus/")[2]
    return [account.arn("events", f"rule/{rule}" if label == "default" else f"rule/{label}/{rule}")]


def _scheduler(account: Account, operation: str, params: Params) -> Sequence[str]:
    arn, name = _text(params, "ResourceArn"), _text(params, "Name")
    if arn or not name:
        return [arn] if arn else []
    if "Group" in operation:
        return [account.arn("scheduler", f"schedule-group/{name}")]
    return [account.arn("scheduler", f"schedule/{_text(params, 'GroupName') or 'default'}/{name}")]


_NAMERS: Mapping[str, Namer] = {
    "lambda": _lambda,
    "sqs": _sqs,
    "sns": _sns,
    "iam": _iam,
    "sts": _sts,
    "logs": _logs,
    "ssm": _ssm,
    "secretsmanager": _secretsmanager,
    "cloudformation": _cloudformation,
    "events": _events,
    "scheduler": _scheduler,
}


def moved(arn: str, account: Account) -> str:
    """Name what would be the same thing in an account and its region.

    >>> from tapwater_server.model.ids import AppId
    >>> moved("arn:aws:sqs:eu-west-1:1:jobs", Account(id="000000000000", home=AppId("aws")))
    'arn:aws:sqs:us-east-1:000000000000:jobs'
    """
    parsed = parse_arn(arn)
    if parsed is None or not parsed.account:
        return arn
    region = parsed.region and account.region
    return f"arn:{parsed.partition}:{parsed.service}:{region}:{account.id}:{parsed.resource}"
