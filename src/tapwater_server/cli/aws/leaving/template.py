"""An app's functions as a SAM template, and what of the app does not come along. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.cli.aws.leaving.layout import Place
from tapwater_server.cli.aws.leaving.options import left, properties, retries, timeout_s
from tapwater_server.cli.aws.leaving.triggers import Made, bucket_name, convert, resource
from tapwater_server.cli.aws.leaving.usage import Used

CODE = "app/"
_RETRIES = 5
_VISIBLE = 6  # A queue hides a message six times as long as the function may take, as AWS advises.
_KINDS = {"queues": "Queue", "topics": "Topic", "blobs": "Bucket"}
_MISSING = {
    "docs": "DynamoDB is another thing: documents, queries and triggers must be written anew",
    "cache": "ElastiCache or DynamoDB",
    "mail": "Amazon SES",
    "users": "Amazon Cognito",
    "schedules": "EventBridge Scheduler, through boto3",
    "mqtt": "AWS IoT Core",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One function: where it is, and what it is."""

    place: Place
    options: Mapping[str, Any]  # all of them, by rank
    triggers: Sequence[Mapping[str, Any]]
    mount: bool = False  # a whole ASGI or WSGI app
    websocket: bool = False

    @property
    def restful(self) -> bool:
        return bool(self.place.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The whole app."""

    name: str
    python: str  # "3.12"
    functions: Sequence[Described]
    used: Used
    environment: Mapping[str, str] = field(default_factory=dict)
    cors: Mapping[str, Any] | None = None
    static: bool = False  # it has a folder public/


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What comes out."""

    template: dict[str, Any]
    handlers: Mapping[str, str]  # the text of each module in handlers/
    left: Sequence[str]  # what does not come along, in sentences


@dataclass(slots=True, kw_only=True)
class _Sum:
    """What has been gathered over all functions."""

    resources: dict[str, Any] = field(default_factory=dict)
    handlers: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    waits: dict[str, tuple[int, int]] = field(default_factory=dict)  # queue: seconds, tries
    guarded: bool = False


def export(app: App) -> Exported:
    """Make the template."""
    total = _Sum(names={kind: set(found) for kind, found in app.used.names.items()})
    total.left += _app_left(app)
    for function in app.functions:
        _add(function, app, total)
    template = _template(app, total)
    return Exported(template=template, handlers=total.handlers, left=tuple(total.left))


def _add(function: Described, app: App, total: _Sum) -> None:
    made, name = Made(), function.place.name
    for number, one in enumerate(function.triggers, 1):
        convert(str(one["source"]), one.get("arguments") or {}, made, number)
    for why in made.refused:
        total.left.append(f"{name}: {why}")
    total.left += [f"{name}: {one}" for one in left(function.options, restful=function.restful)]
    if function.websocket and not function.mount:
        total.left.append(f"{name}: WebSockets need an API of their own (AWS::ApiGatewayV2::Api)")
    if not function.restful and not made.events:
        total.left.append(f"{name}: nothing is left that would call it; it is not exported")
        return
    for kind, found in (("queues", made.queues), ("topics", made.topics), ("blobs", made.buckets)):
        total.names.setdefault(kind, set()).update(found)
    for queue in made.queues:
        total.waits[queue] = (timeout_s(function.options), retries(function.options, _RETRIES))
    if function.options.get("auth"):
        total.guarded = True
        total.left.append(
            f"{name}: auth={function.options['auth']!r}: users do not come along. The API lets in "
            "only who signs with AWS keys (IAM) until you say another authorizer"
        )
    total.handlers[f"{function.place.module}.py"] = _handler(function, app, made)
    total.resources[function.place.id] = _function(function, made)


def _handler(function: Described, app: App, made: Made) -> str:
    place = function.place
    arguments = f"{json.dumps(place.file)}, {json.dumps(f'{app.name}:{place.name}')}"
    kind = "restful" if function.restful else "reactive"
    module = "http" if function.restful else "reacting"
    if function.restful and function.mount:
        arguments += f", mount={json.dumps(place.path.rstrip('/'))}"
    if made.patterns:
        arguments += f", patterns={json.dumps(made.patterns)}"
    if made.batches:
        arguments += ", batches=True"
    return (
        f'"""What Lambda calls for {place.name}."""\n\n'
        f"from tapwater_on_lambda.{module} import {kind}\n\n"
        f"handler = {kind}({arguments})\n"
    )


def _function(function: Described, made: Made) -> dict[str, Any]:
    place = function.place
    events = dict(_routes(function)) if function.restful else made.events
    queue = bool(made.queues) and len(made.events) == len(made.queues)
    own = function.options.get("environment")
    said: dict[str, Any] = {
        "Handler": f"handlers.{place.module}.handler",
        **properties(function.options, queue=queue or function.restful),
        "Events": events,
    }
    if own:
        said["Environment"] = {"Variables": {str(k): str(v) for k, v in own.items()}}
    return {"Type": "AWS::Serverless::Function", "Properties": said}


def _routes(function: Described) -> Iterator[tuple[str, Any]]:
    path = function.place.path
    paths = [path, f"{path.rstrip('/')}/{{proxy+}}"] if function.mount else [path]
    for number, one in enumerate(paths, 1):
        said: dict[str, Any] = {"Path": one, "Method": "ANY", "ApiId": {"Ref": "Api"}}
        if function.options.get("auth"):
            said["Auth"] = {"Authorizer": "AWS_IAM"}
        yield f"Http{number}", {"Type": "HttpApi", "Properties": said}


def _template(app: App, total: _Sum) -> dict[str, Any]:
    resources = {**dict(_api(app, total)), **dict(_places(total)), **total.resources}
    statements = list(_statements(app, total))
    for one in resources.values():
        if one["Type"] == "AWS::Serverless::Function" and statements:
            one["Properties"]["Policies"] = [{"Version": "2012-10-17", "Statement": statements}]
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"{app.name}, exported from Tapwater",
    }
    if app.used.secrets:
        template["Parameters"] = {
            resource("Secret", name.replace("_", " ").title()): {"Type": "String", "NoEcho": True}
            for name in sorted(app.used.secrets)
        }
    function: dict[str, Any] = {"Runtime": f"python{app.python}", "CodeUri": CODE}
    variables = dict(_variables(app, total))
    if variables:
        function["Environment"] = {"Variables": variables}
    template["Globals"] = {"Function": function}
    template["Resources"] = resources
    if "Api" in resources:
        template["Outputs"] = {"Url": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}}}
    return template


def _api(app: App, total: _Sum) -> Iterator[tuple[str, Any]]:
    if not any(function.restful for function in app.functions):
        return
    said: dict[str, Any] = {"Name": app.name}
    if app.cors is not None:
        said["CorsConfiguration"] = dict(_cors(app.cors))
    if total.guarded:
        said["Auth"] = {"EnableIamAuthorizer": True}
    yield "Api", {"Type": "AWS::Serverless::HttpApi", "Properties": said}


def _cors(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "AllowOrigins", list(said.get("origins") or ["*"])
    yield "AllowMethods", list(said.get("methods") or ["*"])
    yield "AllowHeaders", list(said.get("headers") or ["*"])
    if said.get("expose"):
        yield "ExposeHeaders", list(said["expose"])
    if said.get("credentials"):
        yield "AllowCredentials", True
    if said.get("max_age"):
        yield "MaxAge", int(said["max_age"])


def _places(total: _Sum) -> Iterator[tuple[str, Any]]:
    for queue in sorted(total.names.get("queues", ())):
        id = resource("Queue", queue)
        said: dict[str, Any] = {}
        if queue in total.waits:
            wait_s, tries = total.waits[queue]
            dead = {"Fn::GetAtt": [f"{id}Dead", "Arn"]}
            said["VisibilityTimeout"] = min(wait_s * _VISIBLE, 43_200)
            said["RedrivePolicy"] = {"deadLetterTargetArn": dead, "maxReceiveCount": tries + 1}
            yield f"{id}Dead", {"Type": "AWS::SQS::Queue"}
        yield id, {"Type": "AWS::SQS::Queue", **({"Properties": said} if said else {})}
    for topic in sorted(total.names.get("topics", ())):
        yield resource("Topic", topic), {"Type": "AWS::SNS::Topic"}
    for bucket in sorted(total.names.get("blobs", ())):
        named = {"BucketName": bucket_name(bucket)}
        yield resource("Bucket", bucket), {"Type": "AWS::S3::Bucket", "Properties": named}


def _variables(app: App, total: _Sum) -> Iterator[tuple[str, Any]]:
    yield from app.environment.items()
    places = {
        kind: {name: _reference(kind, name) for name in sorted(names)}
        for kind, names in sorted(total.names.items())
        if names
    }
    if places:
        # By name, not by reference: a bucket that tells a function waits for that function.
        yield "TAPWATER_PLACES", {"Fn::Sub": json.dumps(places)}
    for name in sorted(app.used.secrets):
        ref = {"Ref": resource("Secret", name.replace("_", " ").title())}
        yield f"SECRET_{name}", ref


def _reference(kind: str, name: str) -> str:
    if kind == "blobs":
        return bucket_name(name)["Fn::Sub"]
    return f"${{{resource(_KINDS[kind], name)}}}"


def _statements(app: App, total: _Sum) -> Iterator[dict[str, Any]]:
    """What the functions may do there: what their code does."""
    used = app.used.services
    queues = sorted(total.names.get("queues", ()))
    if "queues" in used and queues:
        arns = [{"Fn::GetAtt": [resource("Queue", one), "Arn"]} for one in queues]
        yield {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arns}
    topics = sorted(total.names.get("topics", ()))
    if "topics" in used and topics:
        refs = [{"Ref": resource("Topic", one)} for one in topics]
        yield {"Effect": "Allow", "Action": "sns:Publish", "Resource": refs}
    buckets = sorted(total.names.get("blobs", ()))
    if "blobs" in used and buckets:
        names = [_reference("blobs", one) for one in buckets]
        where = [f"arn:${{AWS::Partition}}:s3:::{one}{end}" for one in names for end in ("", "/*")]
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]
        subs = [{"Fn::Sub": one} for one in where]
        yield {"Effect": "Allow", "Action": actions, "Resource": subs}
    if "events" in used:
        bus = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"
        yield {"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Fn::Sub": bus}}


def _app_left(app: App) -> Iterator[str]:
    for service, where in sorted(app.used.services.items()):
        if service in _MISSING:
            why = _MISSING[service]
            if service == "docs" and app.used.collections:
                why += f"; a table each for {', '.join(sorted(app.used.collections))}"
            yield f"{service} (used in {where}) says 501: {why}"
    for where in app.used.computed:
        yield f"{where}: the name is made at run time; add it to TAPWATER_PLACES in the template"
    for where in app.used.calls:
        yield f"{where}: ctx.call raises: let the function call the other through Lambda's Invoke"
    if app.static:
        yield "public/: serve it from S3 and CloudFront"
