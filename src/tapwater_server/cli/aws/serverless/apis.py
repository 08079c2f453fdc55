"""The APIs that the functions of a serverless.yml share, with CORS, keys and authorizers. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from tapwater_server.cli.aws.reading import Path_
from tapwater_server.cli.aws.serverless.authorizers import http_definitions

REST, HTTP = "ApiGatewayRestApi", "HttpApi"
_REST_SAME = {
    "binaryMediaTypes": "BinaryMediaTypes",
    "minimumCompressionSize": "MinimumCompressionSize",
    "description": "Description",
    "apiKeySourceType": "ApiKeySourceType",
    "disableDefaultEndpoint": "DisableExecuteApiEndpoint",
}
_REST_QUIET = {"metrics", "shouldStartNameWithService", "apiKeys", "usagePlan", "resourcePolicy"}
_HTTP_QUIET = {
    "authorizers",
    "cors",
    "metrics",
    "name",
    "payload",
    "shouldStartNameWithService",
    "useProviderTags",
    "disableDefaultEndpoint",
}
_CORS = {
    "allowedOrigins": "AllowOrigins",
    "allowedHeaders": "AllowHeaders",
    "allowedMethods": "AllowMethods",
    "allowCredentials": "AllowCredentials",
    "exposedResponseHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}


def rest_api(
    provider: Mapping[str, Any],
    *,
    name: str,
    stage: str,
    cors: Any,
    authorizers: Mapping[str, Any],
) -> Iterator[tuple[str, Any]]:
    """Give the REST API of the ``http`` events, and the keys that it wants."""
    said = _mapping(provider.get("apiGateway"))
    properties: dict[str, Any] = {
        "Name": str(provider.get("apiName") or _called(said, name, stage)),
        "StageName": stage,
        **{target: said[key] for key, target in _REST_SAME.items() if key in said},
    }
    if cors:
        properties["Cors"] = _rest_cors(cors)
    auth: dict[str, Any] = {}
    if authorizers:
        auth["Authorizers"] = dict(authorizers)
    statements = said.get("resourcePolicy") or provider.get("resourcePolicy")
    if statements:
        auth["ResourcePolicy"] = {"CustomStatements": statements}
    if auth:
        properties["Auth"] = auth
    yield REST, {"Type": "AWS::Serverless::Api", "Properties": properties}
    yield from _keys(said, provider, name=name, stage=stage)


def _keys(
    said: Mapping[str, Any], provider: Mapping[str, Any], *, name: str, stage: str
) -> Iterator[tuple[str, Any]]:
    keys = said.get("apiKeys") or provider.get("apiKeys") or ()
    plan = _mapping(said.get("usagePlan") or provider.get("usagePlan"))
    if not keys and not plan:
        return
    limits = {
        "quota": ("Quota", {"limit": "Limit", "offset": "Offset", "period": "Period"}),
        "throttle": ("Throttle", {"burstLimit": "BurstLimit", "rateLimit": "RateLimit"}),
    }
    properties: dict[str, Any] = {
        "UsagePlanName": f"{name}-{stage}",
        "ApiStages": [{"ApiId": {"Ref": REST}, "Stage": {"Ref": f"{REST}.Stage"}}],
    }
    for key, (target, names) in limits.items():
        if key in plan:
            properties[target] = {names[k]: v for k, v in plan[key].items() if k in names}
    yield "ApiGatewayUsagePlan", {"Type": "AWS::ApiGateway::UsagePlan", "Properties": properties}
    for number, one in enumerate(keys, 1):
        given = one if isinstance(one, Mapping) else {"name": one}
        own: dict[str, Any] = {"Enabled": given.get("enabled", True)}
        own |= {k.capitalize(): given[k] for k in ("name", "value", "description") if k in given}
        yield f"ApiGatewayApiKey{number}", {"Type": "AWS::ApiGateway::ApiKey", "Properties": own}
        bound = {
            "KeyId": {"Ref": f"ApiGatewayApiKey{number}"},
            "KeyType": "API_KEY",
            "UsagePlanId": {"Ref": "ApiGatewayUsagePlan"},
        }
        kind = "AWS::ApiGateway::UsagePlanKey"
        yield f"ApiGatewayUsagePlanKey{number}", {"Type": kind, "Properties": bound}


def http_api(
    provider: Mapping[str, Any], *, name: str, stage: str, signed: bool
) -> Iterator[tuple[str, Any]]:
    """Give the HTTP API of the ``httpApi`` events. ``signed``: some let in only who signs."""
    said = _mapping(provider.get("httpApi"))
    properties: dict[str, Any] = {"Name": str(said.get("name") or _called(said, name, stage))}
    if said.get("cors"):
        properties["CorsConfiguration"] = http_cors(said["cors"])
    if said.get("disableDefaultEndpoint"):
        properties["DisableExecuteApiEndpoint"] = True
    auth: dict[str, Any] = {}
    defined = dict(http_definitions(_mapping(said.get("authorizers"))))
    if defined:
        auth["Authorizers"] = defined
    if signed:
        auth["EnableIamAuthorizer"] = True
    if auth:
        properties["Auth"] = auth
    yield HTTP, {"Type": "AWS::Serverless::HttpApi", "Properties": properties}


def refused(provider: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Name what is said of the APIs and cannot be done."""
    known = {"apiGateway": {*_REST_SAME, *_REST_QUIET}, "httpApi": _HTTP_QUIET}
    for place, names in known.items():
        for strange in sorted(set(_mapping(provider.get(place))) - names):
            what = f"provider.{place}.{strange} is not understood here"
            if strange in ("restApiId", "id"):
                what = f"provider.{place}.{strange}: an API of another stack is not added to"
            yield ("provider", place, strange), what


def _called(said: Mapping[str, Any], name: str, stage: str) -> str:
    return f"{name}-{stage}" if said.get("shouldStartNameWithService") else f"{stage}-{name}"


def _rest_cors(said: Any) -> Any:
    if not isinstance(said, Mapping):
        return "'*'"
    origins = said.get("origin") or said.get("origins") or "*"
    headers = said.get("headers") or ["Content-Type", "Authorization"]
    cors: dict[str, Any] = {
        "AllowOrigin": f"'{origins[0] if isinstance(origins, list) else origins}'",
        "AllowHeaders": f"'{','.join(headers) if isinstance(headers, list) else headers}'",
        "AllowMethods": f"'{','.join(said.get('methods') or ['*'])}'",
    }
    if said.get("allowCredentials"):
        cors["AllowCredentials"] = True
    if said.get("maxAge"):
        cors["MaxAge"] = f"'{said['maxAge']}'"
    return cors


def http_cors(said: Any) -> dict[str, Any]:
    """Translate the CORS of an HTTP API, or of a function's URL; ``true``: everybody may.

    >>> http_cors({"allowedOrigins": ["a"]})
    {'AllowOrigins': ['a']}
    """
    if not isinstance(said, Mapping):
        return {"AllowOrigins": ["*"], "AllowHeaders": ["*"], "AllowMethods": ["*"]}
    return {
        _CORS[key]: value if isinstance(value, list | bool | int) else [value]
        for key, value in said.items()
        if key in _CORS
    }


def _mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {}
