"""What a request asks to do, as policies call it: an action, and the ARN of what it is done to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.models import Model
from tapwater_server.clouds.aws.protocol.reading import find_operation, read_params

RESOURCES_MAX = 1_000


class Wish(NamedTuple):
    """What somebody wants to do, and to what."""

    action: str
    resource: str


# Services whose model is called otherwise than the scope of their signatures.
MODELS: Mapping[str, str] = {"states": "stepfunctions", "monitoring": "cloudwatch"}
_ACTIONS: Mapping[str, str] = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
# Service -> parameter -> how the resource of that name is called. A name that is an ARN is one.
_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "lambda": {"FunctionName": "function:{}", "LayerName": "layer:{}"},
    "sqs": {"QueueName": "{}"},
    "sns": {"Name": "{}"},
    "iam": {
        "RoleName": "role/{}",
        "UserName": "user/{}",
        "PolicyName": "policy/{}",
    },
    "logs": {"logGroupName": "log-group:{}:*", "logGroupNamePrefix": "log-group:{}*"},
    "ssm": {"Name": "parameter/{}", "Names": "parameter/{}", "Path": "parameter/{}"},
    "secretsmanager": {"SecretId": "secret:{}", "Name": "secret:{}"},
    "cloudformation": {"StackName": "stack/{}/*"},
    "events": {"Rule": "rule/{}", "Name": "rule/{}", "EventBusName": "event-bus/{}"},
    "scheduler": {"Name": "schedule/default/{}"},
}
_GLOBAL = frozenset({"iam"})


def wishes_of(model: Model, service: str, asked: AwsAsked) -> Sequence[Wish]:
    """Read what is wished, of a service that botocore has a model of.

    Raises:
        AwsError: the service has no such operation.
    """
    if service == "apigateway":  # Its actions are methods, its resources paths.
        return [Wish(f"apigateway:{asked.method}", _of_path(asked))]
    body = asked.whole or b""
    operation, labels = find_operation(model, asked, body)
    action = f"{service}:{operation.name}"
    try:
        params = read_params(model, operation, asked, body, labels)
    except AwsError:
        params = dict(labels)  # The service itself says what is wrong with it.
    resources = resources_of(asked.account, service, params)
    action = _ACTIONS.get(action, action)
    return [Wish(action, resource) for resource in resources[:RESOURCES_MAX]]


def resources_of(account: Account, service: str, params: Mapping[str, Any]) -> Sequence[str]:
    """Name what is meant: by an ARN, a queue's address, or a name. "*": nothing in particular.

    >>> account = Account(id="000000000000", home="aws")
    >>> resources_of(account, "lambda", {"FunctionName": "thumbs"})
    ['arn:aws:lambda:us-east-1:000000000000:function:thumbs']
    """
    found = [
        value
        for name, value in params.items()
        if isinstance(value, str) and name.lower().endswith("arn") and value.startswith("arn:")
    ]
    if found:
        return found[:1]
    if isinstance(params.get("QueueUrl"), str):
        return [account.arn("sqs", params["QueueUrl"].rpartition("/")[2])]
    for name, shape in _RESOURCES.get(service, {}).items():
        value = params.get(name)
        values = value if isinstance(value, list) else [value]
        named = [each for each in values if isinstance(each, str) and each]
        if named:
            return [_arn(account, service, shape, each) for each in named]
    return ["*"]


def _of_path(asked: AwsAsked) -> str:
    return f"arn:aws:apigateway:{asked.account.region}::{asked.path}"


def _arn(account: Account, service: str, shape: str, name: str) -> str:
    if name.startswith("arn:"):
        return name
    region = "" if service in _GLOBAL else None
    return account.arn(service, shape.format(name.removeprefix("/")), region=region)
