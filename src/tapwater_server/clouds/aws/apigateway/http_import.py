"""HTTP APIs out of OpenAPI documents. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway import documents, http_checks
from tapwater_server.clouds.aws.apigateway.documents import extension

Values = dict[str, Any]
_INTEGRATION = {
    "uri": "IntegrationUri",
    "payloadFormatVersion": "PayloadFormatVersion",
    "timeoutInMillis": "TimeoutInMillis",
    "credentials": "CredentialsArn",
    "connectionType": "ConnectionType",
    "description": "Description",
}
_CORS = {
    "allowOrigins": "AllowOrigins",
    "allowMethods": "AllowMethods",
    "allowHeaders": "AllowHeaders",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
    "allowCredentials": "AllowCredentials",
}


def read_document(body: str, *, fresh: Callable[[], str]) -> Values:
    """Read a document into an API's name, routes, integrations, authorizers and tags.

    Raises:
        AwsError: it cannot be read, or has what is not available here.
    """
    document = documents.read(body)
    info = document.get("info") or {}
    api: Values = {
        "Name": str(info.get("title") or "api"),
        "Version": str(info.get("version") or ""),
        "routes": {},
        "integrations": {},
        "authorizers": {},
        "tags": _tags(document),
    }
    if info.get("description"):
        api["Description"] = str(info["description"])
    cors = extension(document, "cors")
    if isinstance(cors, dict):
        api["CorsConfiguration"] = _cors(cors)
    named = _authorizers(document, api, fresh)
    for path, method, operation in documents.operations(document):
        key = "$default" if path == "/$default" else f"{method} {path}"
        _add_route(api, key, operation, document, named=named, fresh=fresh)
    return api


def _tags(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(tag["name"]): str(tag["x-amazon-apigateway-tag-value"])
        for tag in document.get("tags") or []
        if isinstance(tag, dict) and "x-amazon-apigateway-tag-value" in tag
    }


def _cors(said: Mapping[str, Any]) -> Values:
    found = {_CORS[name]: value for name, value in said.items() if name in _CORS}
    for name in ("AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders"):
        if isinstance(found.get(name), str):
            found[name] = [found[name]]
    return found


def _add_route(
    api: Values,
    key: str,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    *,
    named: Mapping[str, str],
    fresh: Callable[[], str],
) -> None:
    route: Values = {"RouteKey": key}
    if operation.get("operationId"):
        route["OperationName"] = str(operation["operationId"])
    said = extension(operation, "integration")
    if isinstance(said, dict):
        route["Target"] = f"integrations/{_add_integration(api, said, fresh)}"
    for name, scopes in documents.security_of(operation, document):
        if name in named:
            id = named[name]
            jwt = api["authorizers"][id]["AuthorizerType"] == "JWT"
            route |= {"AuthorizationType": "JWT" if jwt else "CUSTOM", "AuthorizerId": id}
            if scopes:
                route["AuthorizationScopes"] = scopes
        elif _is_iam(document, name):
            route["AuthorizationType"] = "AWS_IAM"
    api["routes"][fresh()] = http_checks.route(route, api)


def _is_iam(document: Mapping[str, Any], name: str) -> bool:
    scheme = documents.schemes(document).get(name) or {}
    return bool(extension(scheme, "authtype") == "awsSigv4")


def _add_integration(api: Values, said: Mapping[str, Any], fresh: Callable[[], str]) -> str:
    integration = {
        "IntegrationType": str(said.get("type", "")).upper(),
        "IntegrationMethod": said.get("httpMethod") or "POST",
        "PayloadFormatVersion": "1.0",
    }
    integration |= {
        _INTEGRATION[name]: value for name, value in said.items() if name in _INTEGRATION
    }
    checked = http_checks.integration(integration, api)
    for id, known in api["integrations"].items():
        if known == checked:
            return str(id)
    id = fresh()
    api["integrations"][id] = checked
    return id


def _authorizers(
    document: Mapping[str, Any], api: Values, fresh: Callable[[], str]
) -> Mapping[str, str]:
    """Read the authorizers; give the id of each by its name in the document."""
    named: dict[str, str] = {}
    for name, scheme in documents.schemes(document).items():
        said = extension(scheme, "authorizer")
        if not isinstance(said, dict):
            continue
        id = fresh()
        api["authorizers"][id] = http_checks.authorizer(_authorizer(name, said), api)
        named[name] = id
    return named


def _authorizer(name: str, said: Mapping[str, Any]) -> Values:
    source = said.get("identitySource")
    sources = source.split(",") if isinstance(source, str) else source
    found: Values = {"Name": name, "IdentitySource": sources}
    if said.get("type") == "jwt":
        config = said.get("jwtConfiguration") or {}
        return found | {
            "AuthorizerType": "JWT",
            "JwtConfiguration": {
                "Issuer": config.get("issuer"),
                "Audience": config.get("audience") or [],
            },
        }
    return found | {
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": said.get("authorizerUri"),
        "AuthorizerPayloadFormatVersion": said.get("authorizerPayloadFormatVersion") or "2.0",
        "EnableSimpleResponses": bool(said.get("enableSimpleResponses")),
        "AuthorizerResultTtlInSeconds": said.get("authorizerResultTtlInSeconds"),
        "AuthorizerCredentialsArn": said.get("authorizerCredentials"),
    }
