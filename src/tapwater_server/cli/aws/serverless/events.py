"""Events of serverless.yml as events of SAM, one function per kind. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.cli.aws.serverless.authorizers import Strange, http_guard, rest_guard
from tapwater_server.cli.aws.serverless.names import bucket_id, topic_id

Said = Mapping[str, Any]
_HTTP = {"method", "path", "cors", "private", "authorizer", "integration", "operationId"}


class Unsupported(Exception):
    """An event, or a part of one, has no counterpart here. Its text says which."""


@dataclass(slots=True, kw_only=True)
class Made:
    """What the events of one function come to."""

    events: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, Any] = field(default_factory=dict)
    cors: Any = None  # what the REST API says to preflights
    authorizers: dict[str, Any] = field(default_factory=dict)  # that the REST API must have
    existing: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # buckets; to tell


def convert(kind: str, said: Any, made: Made, *, number: int, provider: Said) -> None:
    """Add one event to what is made.

    Raises:
        Unsupported: it is of another kind, or asks for what is not here.
    """
    convert_one = _KINDS.get(kind)
    if convert_one is None:
        raise Unsupported(f"the event {kind} has no counterpart here")
    convert_one(said, made, f"{kind[:1].upper()}{kind[1:]}{number}", provider)


def _http(said: Any, made: Made, name: str, _: Said) -> None:
    method, path, options = _method_and_path(said)
    if str(options.get("integration", "")).lower() not in ("", "lambda-proxy", "aws_proxy"):
        raise Unsupported("http: integration: only Lambda proxy integration")
    _check_known("http", options, _HTTP)
    event: dict[str, Any] = {
        "Path": path,
        "Method": "any" if method == "*" else method,
        "RestApiId": {"Ref": "ApiGatewayRestApi"},
    }
    auth = dict(_rest_auth(options, made))
    if options.get("private"):
        auth["ApiKeyRequired"] = True
    if auth:
        event["Auth"] = auth
    made.events[name] = {"Type": "Api", "Properties": event}
    if options.get("cors"):
        made.cors = options["cors"]


def _rest_auth(options: Said, made: Made) -> Said:
    authorizer = options.get("authorizer")
    if authorizer is None or authorizer == "NONE":
        return {}
    try:
        guard = rest_guard(authorizer)
    except Strange as error:
        raise Unsupported(f"http: authorizer: {error}") from error
    if guard.definition is not None:
        made.authorizers[guard.name] = guard.definition
    return guard.event


def _http_api(said: Any, made: Made, name: str, provider: Said) -> None:
    api = {"Ref": "HttpApi"}
    if said == "*":
        every = {"Path": "$default", "Method": "any", "ApiId": api}
        made.events[name] = {"Type": "HttpApi", "Properties": every}
        return
    method, path, options = _method_and_path(said)
    _check_known("httpApi", options, {"method", "path", "authorizer", "timeout"})
    properties: dict[str, Any] = {
        "Path": path,
        "Method": "any" if method == "*" else method,
        "ApiId": api,
    }
    shared = provider.get("httpApi") or {}
    if "payload" in shared:
        properties["PayloadFormatVersion"] = str(shared["payload"])
    if "timeout" in options:
        properties["TimeoutInMillis"] = int(float(options["timeout"]) * 1000)
    if options.get("authorizer"):
        try:
            known = shared.get("authorizers") or {}
            properties["Auth"] = http_guard(options["authorizer"], known)
        except Strange as error:
            raise Unsupported(f"httpApi: authorizer: {error}") from error
    made.events[name] = {"Type": "HttpApi", "Properties": properties}


def _method_and_path(said: Any) -> tuple[str, str, Mapping[str, Any]]:
    options: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    if isinstance(said, str):
        method, _, path = said.strip().partition(" ")
    else:
        method, path = str(options.get("method", "*")), str(options.get("path", ""))
        if " " in path.strip():  # httpApi: {path: "GET /x"} is written too
            method, _, path = path.strip().partition(" ")
    path = path.strip()
    if not path:
        raise Unsupported(f"an http event has no path: {said!r}")
    return method.lower(), path if path.startswith(("/", "$")) else f"/{path}", options


def _sqs(said: Any, made: Made, name: str, _: Said) -> None:
    options = said if isinstance(said, Mapping) else {"arn": said}
    known = {
        "batchSize": "BatchSize",
        "maximumBatchingWindow": "MaximumBatchingWindowInSeconds",
        "functionResponseType": "FunctionResponseTypes",
        "enabled": "Enabled",
        "filterPatterns": "FilterCriteria",
        "maximumConcurrency": "ScalingConfig",
    }
    _check_known("sqs", options, {"arn", *known})
    properties: dict[str, Any] = {"Queue": options["arn"]}
    for key, target in known.items():
        if key in options:
            properties[target] = _sqs_value(key, options[key])
    made.events[name] = {"Type": "SQS", "Properties": properties}


def _sqs_value(key: str, value: Any) -> Any:
    if key == "functionResponseType":
        return [value]
    if key == "maximumConcurrency":
        return {"MaximumConcurrency": value}
    if key == "filterPatterns":
        return {"Filters": [{"Pattern": json.dumps(one)} for one in value]}
    return value


def _s3(said: Any, made: Made, name: str, provider: Said) -> None:
    options = said if isinstance(said, Mapping) else {"bucket": said}
    _check_known("s3", options, {"bucket", "event", "rules", "existing", "forceDeploy"})
    bucket = options.get("bucket")
    if not isinstance(bucket, str):
        raise Unsupported("s3: the bucket must be named, not be a reference")
    rules = [
        {"Name": key, "Value": value}
        for rule in options.get("rules") or ()
        for key, value in rule.items()
    ]
    filtered = {"Filter": {"S3Key": {"Rules": rules}}} if rules else {}
    events = options.get("event", "s3:ObjectCreated:*")
    if options.get("existing"):
        listed = {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
        made.existing.append((bucket, {"Events": [events], **listed}))
        return
    resource = bucket_id(bucket)
    own = (provider.get("s3") or {}).get(bucket)
    properties = {_upper(key): value for key, value in own.items()} if own else {}
    properties = {key: value for key, value in properties.items() if key != "Name"}
    named = own.get("name", bucket) if isinstance(own, Mapping) else bucket
    made.resources[resource] = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": named, **properties},
    }
    event: dict[str, Any] = {"Bucket": {"Ref": resource}, "Events": events, **filtered}
    made.events[name] = {"Type": "S3", "Properties": event}


def _sns(said: Any, made: Made, name: str, _: Said) -> None:
    options = said if isinstance(said, Mapping) and not _is_function(said) else {"arn": said}
    known = {"arn", "topicName", "displayName", "filterPolicy", "filterPolicyScope"}
    _check_known("sns", options, known)
    arn = options.get("arn")
    topic: Any = arn
    if arn is None or (isinstance(arn, str) and not arn.startswith("arn:")):
        called = str(options.get("topicName") or arn)
        resource = topic_id(called)
        properties = {"TopicName": called}
        if options.get("displayName"):
            properties["DisplayName"] = str(options["displayName"])
        made.resources[resource] = {"Type": "AWS::SNS::Topic", "Properties": properties}
        topic = {"Ref": resource}
    event: dict[str, Any] = {"Topic": topic}
    for key in ("filterPolicy", "filterPolicyScope"):
        if key in options:
            event[_upper(key)] = options[key]
    made.events[name] = {"Type": "SNS", "Properties": event}


def _schedule(said: Any, made: Made, name: str, _: Said) -> None:
    options = said if isinstance(said, Mapping) else {"rate": said}
    known = {"rate", "enabled", "input", "name", "description", "method", "timezone"}
    _check_known("schedule", options, known)
    rates = options.get("rate")
    scheduler = options.get("method") == "scheduler"
    for index, rate in enumerate(rates if isinstance(rates, list) else [rates]):
        event: dict[str, Any] = {"ScheduleExpression" if scheduler else "Schedule": rate}
        if options.get("enabled") is False:
            event.update({"State": "DISABLED"} if scheduler else {"Enabled": False})
        if "input" in options:
            event["Input"] = _as_json(options["input"])
        if scheduler and options.get("timezone"):
            event["ScheduleExpressionTimezone"] = options["timezone"]
        kind = "ScheduleV2" if scheduler else "Schedule"
        made.events[f"{name}{index or ''}"] = {"Type": kind, "Properties": event}


def _event_bridge(said: Any, made: Made, name: str, _: Said) -> None:
    known = {"pattern", "schedule", "eventBus", "input", "inputPath", "enabled", "retryPolicy"}
    _check_known("eventBridge", said, {*known, "deadLetterQueueArn"})
    if "schedule" in said:
        _schedule({"rate": said["schedule"], **_only(said, "input", "enabled")}, made, name, {})
        return
    event: dict[str, Any] = {"Pattern": said.get("pattern")}
    bus = said.get("eventBus")
    if bus is not None:
        event["EventBusName"] = bus
    if "input" in said:
        event["Input"] = _as_json(said["input"])
    if "inputPath" in said:
        event["InputPath"] = said["inputPath"]
    if said.get("enabled") is False:
        event["State"] = "DISABLED"
    retries = said.get("retryPolicy")
    if retries:
        event["RetryPolicy"] = {
            "MaximumRetryAttempts": retries.get("maximumRetryAttempts"),
            "MaximumEventAgeInSeconds": retries.get("maximumEventAge"),
        }
    if "deadLetterQueueArn" in said:
        event["DeadLetterConfig"] = {"Arn": said["deadLetterQueueArn"]}
    made.events[name] = {"Type": "EventBridgeRule", "Properties": event}


def _cloudwatch_event(said: Any, made: Made, name: str, provider: Said) -> None:
    """Take the older word for an event of the default bus."""
    _check_known("cloudwatchEvent", said, {"event", "name", "input", "inputPath", "enabled"})
    rest = _only(said, "input", "inputPath", "enabled")
    _event_bridge({"pattern": said.get("event"), **rest}, made, name, provider)


_KINDS: Mapping[str, Callable[[Any, Made, str, Said], None]] = {
    "http": _http,
    "httpApi": _http_api,
    "sqs": _sqs,
    "s3": _s3,
    "sns": _sns,
    "schedule": _schedule,
    "eventBridge": _event_bridge,
    "cloudwatchEvent": _cloudwatch_event,
}


def _check_known(kind: str, options: Mapping[str, Any], known: set[str]) -> None:
    strange = sorted(set(options) - known)
    if strange:
        raise Unsupported(f"{kind}: {', '.join(strange)}: not understood here")


def _only(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names if name in said}


def _is_function(said: Mapping[str, Any]) -> bool:
    return len(said) == 1 and bool(re.match(r"Ref$|Fn::", next(iter(said))))


def _upper(key: str) -> str:
    return key[:1].upper() + key[1:]


def _as_json(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value)
