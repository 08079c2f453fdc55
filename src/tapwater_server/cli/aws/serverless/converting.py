"""A service of serverless.yml, its variables filled in, as one SAM template. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.cli.aws.project import Notified
from tapwater_server.cli.aws.reading import Path_
from tapwater_server.cli.aws.serverless import apis
from tapwater_server.cli.aws.serverless.functions import (
    Converted,
    convert_functions,
    convert_layers,
)
from tapwater_server.cli.aws.serverless.roles import role

_TRANSFORM = "AWS::Serverless-2016-10-31"
_TOP = {
    "service",
    "frameworkVersion",
    "provider",
    "functions",
    "layers",
    "package",
    "plugins",
    "custom",
    "resources",
    "outputs",
    "params",
    "stages",
    "useDotenv",
    "configValidationMode",
    "deprecationNotificationMode",
    "disabledDeprecations",
    "variablesResolutionMode",
    "app",
    "org",
    "tenant",
    "console",
}
_HONOURED = {
    "serverless-python-requirements",
    "serverless-dotenv-plugin",
    "serverless-iam-roles-per-function",
}
_OFFLINE = "the server itself is for that, on any machine"
_IGNORED = {
    "serverless-offline": _OFFLINE,
    "serverless-offline-sqs": _OFFLINE,
    "serverless-offline-sns": _OFFLINE,
    "serverless-s3-local": _OFFLINE,
    "serverless-localstack": _OFFLINE,
    "serverless-plugin-warmup": "an instance starts in milliseconds",
    "serverless-prune-plugin": "old versions cost their bytes and nothing else",
    "serverless-domain-manager": "names are given with `tapwater domains`",
    "serverless-plugin-log-retention": "logs are kept as the server is told to",
    "serverless-plugin-tracing": "traces are kept without it",
    "serverless-deployment-bucket": "packages have a bucket of their own here",
}
_BUNDLERS = ("webpack", "esbuild", "bundle", "typescript", "rust", "go-plugin")
_NOT_HERE = {
    "vpc": "provider.vpc: there are no VPCs here",
    "ecr": "provider.ecr: container images are not run here",
    "alb": "provider.alb: there are no load balancers of Amazon's here",
    "cloudFront": "provider.cloudFront: there is no CloudFront here",
}
_PROVIDER = {
    "name",
    "runtime",
    "stage",
    "region",
    "profile",
    "stackName",
    "memorySize",
    "timeout",
    "environment",
    "iam",
    "iamRoleStatements",
    "layers",
    "tags",
    "stackTags",
    "architecture",
    "role",
    "apiGateway",
    "apiName",
    "apiKeys",
    "usagePlan",
    "resourcePolicy",
    "httpApi",
    "s3",
    "kmsKeyArn",
    "versionFunctions",
    "lambdaHashingVersion",
    *_NOT_HERE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What came of a service."""

    template: dict[str, Any]
    stack: str
    notes: tuple[str, ...]
    problems: tuple[tuple[Path_, str], ...]
    notified: tuple[Notified, ...] = ()


def convert_service(service: Mapping[str, Any], *, stage: str) -> Template:
    """Make the template of a service and a stage."""
    provider = service.get("provider")
    provider = provider if isinstance(provider, Mapping) else {}
    name = service.get("service")
    name = str(name.get("name") if isinstance(name, Mapping) else name)
    prefix = f"{name}-{stage}"
    if provider.get("name") != "aws":
        why = f"the provider is {provider.get('name')!r}; only aws is understood"
        return Template(
            template={"Resources": {}}, stack=prefix, notes=(), problems=((("provider",), why),)
        )
    out = Converted()
    convert_layers(_mapping(service.get("layers")), prefix=prefix, out=out)
    convert_functions(_functions(service), provider, prefix=prefix, out=out)
    out.resources.update(_shared(provider, out, name=name, stage=stage))
    template = _merged(
        {"Transform": _TRANSFORM, "Resources": out.resources},
        *_extra(service.get("resources")),
        {"Outputs": _mapping(service.get("outputs"))} if service.get("outputs") else {},
    )
    if "HttpApi" in template["Resources"]:
        url = {"Value": {"Fn::GetAtt": ["HttpApi", "ApiEndpoint"]}}
        template.setdefault("Outputs", {}).setdefault("HttpApiUrl", url)
    return Template(
        template=template,
        stack=str(provider.get("stackName") or prefix),
        notes=tuple(_notes(service)),
        problems=(*out.problems, *_refused(service, provider)),
        notified=tuple(out.notified),
    )


def _functions(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Functions are a mapping, or a list of such (one file each)."""
    said = service.get("functions")
    if isinstance(said, list):
        return {key: one for part in said if isinstance(part, Mapping) for key, one in part.items()}
    return _mapping(said)


def _shared(
    provider: Mapping[str, Any], out: Converted, *, name: str, stage: str
) -> Iterator[tuple[str, Any]]:
    """Give what the functions have in common: their role, and their APIs."""
    used = {
        event["Type"]
        for one in out.resources.values()
        for event in one.get("Properties", {}).get("Events", {}).values()
    }
    if any(one["Type"] == "AWS::Serverless::Function" for one in out.resources.values()):
        said = _mapping(_mapping(provider.get("iam")).get("role"))
        statements = said.get("statements") or provider.get("iamRoleStatements") or ()
        yield "IamRoleLambdaExecution", role(statements, said.get("managedPolicies"))
    if "Api" in used:
        yield from apis.rest_api(
            provider, name=name, stage=stage, cors=out.cors, authorizers=out.authorizers
        )
    if "HttpApi" in used:
        yield from apis.http_api(provider, name=name, stage=stage, signed=_signed(out))


def _signed(out: Converted) -> bool:
    """Say whether a route of the HTTP API lets in only who signs with keys."""
    return any(
        event["Type"] == "HttpApi"
        and event["Properties"].get("Auth", {}).get("Authorizer") == "AWS_IAM"
        for one in out.resources.values()
        for event in one.get("Properties", {}).get("Events", {}).values()
    )


def _extra(said: Any) -> Iterator[Mapping[str, Any]]:
    """Give what a project adds to the template itself, and overrides of it."""
    for part in said if isinstance(said, list) else [said]:
        if isinstance(part, Mapping):
            yield {key: value for key, value in part.items() if key != "extensions"}
            yield {"Resources": _mapping(part.get("extensions"))}


def _merged(first: dict[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """Lay mappings over each other, at every depth; what comes later wins."""
    for other in others:
        for key, value in other.items():
            here = first.get(key)
            if isinstance(here, dict) and isinstance(value, Mapping):
                first[key] = _merged(dict(here), value)
            else:
                first[key] = value
    return first


def _notes(service: Mapping[str, Any]) -> Iterator[str]:
    for plugin in _plugins(service):
        if plugin in _IGNORED:
            yield f"the plugin {plugin} is ignored: {_IGNORED[plugin]}"
        elif plugin not in _HONOURED and not _bundles(plugin):
            yield f"the plugin {plugin} is not run"
    provider = _mapping(service.get("provider"))
    for name in sorted(set(provider) - _PROVIDER):
        yield f"provider.{name} does nothing here"


def _refused(
    service: Mapping[str, Any], provider: Mapping[str, Any]
) -> Iterator[tuple[Path_, str]]:
    for name in sorted(set(service) - _TOP):
        yield (name,), f"{name} is not understood here"
    for name in filter(provider.__contains__, _NOT_HERE):
        yield ("provider", name), _NOT_HERE[name]
    yield from apis.refused(provider)
    for plugin in filter(_bundles, _plugins(service)):
        yield ("plugins",), f"the plugin {plugin} builds code: build it, then deploy the result"
    yield from _refused_libraries(_mapping(service.get("custom")))


def _refused_libraries(custom: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    said, path = _mapping(custom.get("pythonRequirements")), ("custom", "pythonRequirements")
    for name in ("layer", "zip", "usePipenv", "usePoetry"):
        if said.get(name) is True:
            yield (*path, name), f"pythonRequirements.{name} is not done"
    if said.get("fileName", "requirements.txt") != "requirements.txt":
        yield path, "only requirements.txt is installed"


def _bundles(plugin: str) -> bool:
    return any(word in plugin for word in _BUNDLERS)


def _plugins(service: Mapping[str, Any]) -> list[str]:
    said = service.get("plugins")
    listed = said.get("modules") if isinstance(said, Mapping) else said
    return [str(one) for one in listed] if isinstance(listed, list) else []


def _mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}
