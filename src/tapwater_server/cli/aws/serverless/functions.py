"""Functions and layers of serverless.yml as resources of SAM. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.cli.aws.project import Notified
from tapwater_server.cli.aws.reading import Path_
from tapwater_server.cli.aws.serverless.apis import http_cors
from tapwater_server.cli.aws.serverless.events import Made, Unsupported, convert
from tapwater_server.cli.aws.serverless.names import bucket_id, function_id, layer_id
from tapwater_server.cli.aws.serverless.roles import role

_MEMORY_MB, _TIMEOUT_S = 1024, 6  # What the framework says where nobody does.
_SAME = {
    "description": "Description",
    "handler": "Handler",
    "layers": "Layers",
    "reservedConcurrency": "ReservedConcurrentExecutions",
    "tags": "Tags",
    "kmsKeyArn": "KmsKeyArn",
}
_UNDERSTOOD = {
    *_SAME,
    "name",
    "runtime",
    "memorySize",
    "timeout",
    "environment",
    "events",
    "url",
    "role",
    "architecture",
    "ephemeralStorageSize",
    "maximumRetryAttempts",
    "maximumEventAge",
    "destinations",
    "onError",
    "package",
    "provisionedConcurrency",
    "condition",
    "dependsOn",
    "tracing",
    "snapStart",
    "logRetentionInDays",
    "disableLogs",
    "versionFunction",
    "module",
    "iamRoleStatements",  # of serverless-iam-roles-per-function
    "iamRoleStatementsInherit",
    "iamRoleStatementsName",
    "warmup",  # of a plugin that does nothing here
}
_INHERITED = ("runtime", "memorySize", "timeout", "layers", "tags", "architecture", "role")


@dataclass(slots=True, kw_only=True)
class Converted:
    """What a service comes to, and what does not come over."""

    resources: dict[str, Any] = field(default_factory=dict)
    cors: Any = None
    authorizers: dict[str, Any] = field(default_factory=dict)  # of the REST API
    notified: list[Notified] = field(default_factory=list)
    problems: list[tuple[Path_, str]] = field(default_factory=list)


def convert_functions(
    functions: Mapping[str, Any], provider: Mapping[str, Any], *, prefix: str, out: Converted
) -> None:
    """Add the functions of a service, and what their events make."""
    for key, said in functions.items():
        path: Path_ = ("functions", key)
        if not isinstance(said, Mapping):
            out.problems.append((path, f"{key}: it is no function"))
            continue
        if "image" in said:
            out.problems.append((path, f"{key}: container images are not run here"))
            continue
        for strange in sorted(set(said) - _UNDERSTOOD):
            out.problems.append(((*path, strange), f"{key}: {strange} is not understood here"))
        _convert_function(key, said, provider, prefix=prefix, out=out)


def _convert_function(
    key: str,
    said: Mapping[str, Any],
    provider: Mapping[str, Any],
    *,
    prefix: str,
    out: Converted,
) -> None:
    inherited = {name: provider[name] for name in _INHERITED if name in provider}
    own = {**inherited, **said}
    properties: dict[str, Any] = {
        "FunctionName": said.get("name", f"{prefix}-{key}"),
        "Runtime": own.get("runtime", "nodejs20.x"),
        "MemorySize": own.get("memorySize", _MEMORY_MB),
        "Timeout": own.get("timeout", _TIMEOUT_S),
        "CodeUri": ".",
        "Role": own.get("role", {"Fn::GetAtt": ["IamRoleLambdaExecution", "Arn"]}),
        **{target: own[name] for name, target in _SAME.items() if name in own},
        **dict(_more(own)),
    }
    environment = dict[str, Any]()
    for part, where in ((provider, ("provider",)), (said, ("functions", key))):
        found = part.get("environment") or {}
        if isinstance(found, Mapping):
            environment.update(found)
        else:
            out.problems.append(((*where, "environment"), f"{key}: its environment is no mapping"))
    if environment:
        variables = {name: _text(value) for name, value in environment.items()}
        properties["Environment"] = {"Variables": variables}
    if "iamRoleStatements" in said:
        properties["Role"] = _own_role(key, said, provider, out)
    made = _events(key, said, provider, out)
    if made.events:
        properties["Events"] = made.events
    resource: dict[str, Any] = {"Type": "AWS::Serverless::Function", "Properties": properties}
    if "condition" in said:
        resource["Condition"] = said["condition"]
    if "dependsOn" in said:
        resource["DependsOn"] = said["dependsOn"]
    out.resources.update(made.resources)
    out.resources[function_id(key)] = resource
    out.cors = out.cors or made.cors
    out.authorizers.update(made.authorizers)
    _listen(function_id(key), made, out)


def _listen(function: str, made: Made, out: Converted) -> None:
    """Note the buckets of others that a function hears of."""
    for bucket, said in made.existing:
        out.notified.append(Notified(bucket=bucket, function=function, said=said))
        id = f"{function}{bucket_id(bucket).removeprefix('S3Bucket')}S3Permission"
        out.resources[id] = _permission(function, bucket)


def _own_role(
    key: str, said: Mapping[str, Any], provider: Mapping[str, Any], out: Converted
) -> dict[str, Any]:
    id = f"{function_id(key).removesuffix('LambdaFunction')}IamRoleLambdaExecution"
    out.resources[id] = role(_statements(said, provider))
    return {"Fn::GetAtt": [id, "Arn"]}


def _statements(said: Mapping[str, Any], provider: Mapping[str, Any]) -> list[Any]:
    own = list(said.get("iamRoleStatements") or ())
    if said.get("iamRoleStatementsInherit"):
        shared = ((provider.get("iam") or {}).get("role") or {}).get("statements")
        own += shared or provider.get("iamRoleStatements") or ()
    return own


def _permission(function: str, bucket: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Fn::GetAtt": [function, "Arn"]},
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": f"arn:aws:s3:::{bucket}",
        },
    }


def _events(key: str, said: Mapping[str, Any], provider: Mapping[str, Any], out: Converted) -> Made:
    made = Made()
    for number, event in enumerate(said.get("events") or (), 1):
        path: Path_ = ("functions", key, "events", number - 1)
        pairs = event.items() if isinstance(event, Mapping) else [(str(event), "*")]
        for kind, options in pairs:
            try:
                convert(str(kind), options, made, number=number, provider=provider)
            except Unsupported as error:
                out.problems.append((path, f"{key}: {error}"))
    return made


def _more(own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What has another form in SAM."""
    if "architecture" in own:
        yield "Architectures", [own["architecture"]]
    if "ephemeralStorageSize" in own:
        yield "EphemeralStorage", {"Size": own["ephemeralStorageSize"]}
    if own.get("snapStart"):
        yield "SnapStart", {"ApplyOn": "PublishedVersions"}
    if "onError" in own:
        yield "DeadLetterQueue", {"Type": _kind(own["onError"]), "TargetArn": own["onError"]}
    invoke = dict(_event_invoke(own))
    if invoke:
        yield "EventInvokeConfig", invoke
    if own.get("provisionedConcurrency"):
        count = own["provisionedConcurrency"]
        yield "AutoPublishAlias", "provisioned"
        yield "ProvisionedConcurrencyConfig", {"ProvisionedConcurrentExecutions": count}
    if own.get("url"):
        yield "FunctionUrlConfig", _url(own["url"])


def _url(said: Any) -> dict[str, Any]:
    options = said if isinstance(said, Mapping) else {}
    config: dict[str, Any] = {
        "AuthType": "AWS_IAM" if options.get("authorizer") == "aws_iam" else "NONE"
    }
    if options.get("invokeMode"):
        config["InvokeMode"] = options["invokeMode"]
    if options.get("cors"):
        config["Cors"] = http_cors(options["cors"])
    return config


def _event_invoke(own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "maximumRetryAttempts" in own:
        yield "MaximumRetryAttempts", own["maximumRetryAttempts"]
    if "maximumEventAge" in own:
        yield "MaximumEventAgeInSeconds", own["maximumEventAge"]
    named = {"onSuccess": "OnSuccess", "onFailure": "OnFailure"}
    destinations = own.get("destinations") or {}
    found = {named[key]: _destination(said) for key, said in destinations.items() if key in named}
    if found:
        yield "DestinationConfig", found


def _destination(said: Any) -> dict[str, Any]:
    if isinstance(said, Mapping):
        kind = {"sns": "SNS", "sqs": "SQS", "eventBus": "EventBridge", "function": "Lambda"}
        return {"Type": kind.get(str(said.get("type")), "SQS"), "Destination": said.get("arn")}
    if said.startswith("arn:"):
        return {"Type": _kind(said), "Destination": said}
    return {"Type": "Lambda", "Destination": {"Fn::GetAtt": [function_id(said), "Arn"]}}


def _kind(arn: Any) -> str:
    text = str(arn)
    if ":sns:" in text or "Topic" in text:
        return "SNS"
    return "Lambda" if ":lambda:" in text else "SQS"


def _text(value: Any) -> Any:
    """Environment variables are texts; numbers and switches are written as such in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else "" if value is None else value


def convert_layers(layers: Mapping[str, Any], *, prefix: str, out: Converted) -> None:
    """Add the layers of a service."""
    names = {
        "name": "LayerName",
        "description": "Description",
        "compatibleRuntimes": "CompatibleRuntimes",
        "compatibleArchitectures": "CompatibleArchitectures",
        "licenseInfo": "LicenseInfo",
    }
    for key, said in layers.items():
        if not isinstance(said, Mapping) or not isinstance(said.get("path"), str):
            out.problems.append((("layers", key), f"the layer {key} names no path"))
            continue
        properties = {target: said[name] for name, target in names.items() if name in said}
        properties.setdefault("LayerName", f"{prefix}-{key}")
        out.resources[layer_id(key)] = {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {**properties, "ContentUri": said["path"]},
        }
