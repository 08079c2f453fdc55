"""Authorizers of serverless.yml as those of SAM's APIs: functions, JWT, IAM. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.cli.aws.serverless.names import function_id

_TTL_S = 300  # What API Gateway says where nobody does.
_IAM = "AWS_IAM"
_SOURCES = {
    "method.request.header": "Headers",
    "method.request.querystring": "QueryStrings",
    "context": "Context",
    "stageVariables": "StageVariables",
    "$request.header": "Headers",
    "$request.querystring": "QueryStrings",
    "$context": "Context",
    "$stageVariables": "StageVariables",
}


class Strange(Exception):
    """An authorizer that has no counterpart here. Its text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who guards one route: what stands at the event, and what the API must define for it."""

    event: Mapping[str, Any]
    name: str = ""
    definition: Mapping[str, Any] | None = None


def rest_guard(said: Any) -> Guard:
    """Read the authorizer of an ``http`` event.

    Raises:
        Strange: it is Cognito's, or of another API.
    """
    options = said if isinstance(said, Mapping) else {"name": said}
    kind = str(options.get("type") or "token").lower()
    if "aws_iam" in (kind, str(options.get("name")).lower()):
        return Guard(event={"Authorizer": _IAM, "InvokeRole": "NONE"})
    if "authorizerId" in options:
        raise Strange("authorizerId: an authorizer of another API")
    arn = options.get("arn", options.get("name"))
    if kind.startswith("cognito") or ":cognito-idp:" in str(arn) or "UserPool" in str(arn):
        raise Strange("there are no Cognito user pools here")
    if kind not in ("token", "request"):
        raise Strange(f"the type {kind!r} is none of token, request, aws_iam")
    name = str(options.get("name") or _last_part(arn))
    definition = {
        "FunctionArn": _function(arn),
        "FunctionPayloadType": kind.upper(),
        "Identity": _rest_identity(kind, options),
    }
    named = _last_part(name)
    return Guard(event={"Authorizer": named}, name=named, definition=definition)


def _rest_identity(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    source = str(options.get("identitySource") or "method.request.header.Authorization")
    found: dict[str, Any] = {"ReauthorizeEvery": options.get("resultTtlInSeconds", _TTL_S)}
    if kind == "request":
        return {**_sources(source.split(",")), **found}
    header = source.strip().rpartition(".")[2]
    if options.get("identityValidationExpression"):
        found["ValidationExpression"] = str(options["identityValidationExpression"])
    return {"Header": header, **found}


def http_guard(said: Any, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the authorizer of an ``httpApi`` event. ``known``: those of provider.httpApi.

    Raises:
        Strange: the provider does not define it.
    """
    options = said if isinstance(said, Mapping) else {"name": said}
    if "aws_iam" in (str(options.get("type")).lower(), str(options.get("name")).lower()):
        return {"Authorizer": _IAM}
    if "id" in options:
        raise Strange("id: an authorizer of another API")
    name = str(options.get("name"))
    if name not in known:
        raise Strange(f"provider.httpApi.authorizers has no {name!r}")
    scopes = options.get("scopes")
    return {"Authorizer": name, **({"AuthorizationScopes": list(scopes)} if scopes else {})}


def http_definitions(said: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read provider.httpApi.authorizers."""
    for name, one in said.items():
        options = one if isinstance(one, Mapping) else {}
        if str(options.get("type") or "jwt").lower() == "request":
            yield name, _http_function(options)
        else:
            yield name, _jwt(options)


def _jwt(options: Mapping[str, Any]) -> dict[str, Any]:
    audience = options.get("audience")
    return {
        "IdentitySource": _one(options.get("identitySource")) or "$request.header.Authorization",
        "JwtConfiguration": {
            "issuer": options.get("issuerUrl"),
            "audience": audience if isinstance(audience, list) else [audience],
        },
    }


def _http_function(options: Mapping[str, Any]) -> dict[str, Any]:
    said = options.get("identitySource") or "$request.header.Authorization"
    identity = _sources(said if isinstance(said, list) else [said])
    return {
        "FunctionArn": _function(options.get("functionArn", options.get("functionName"))),
        "AuthorizerPayloadFormatVersion": str(options.get("payloadVersion", "2.0")),
        "EnableSimpleResponses": options.get("enableSimpleResponses") is True,
        "EnableFunctionDefaultPermissions": True,
        # Without a word of it the framework keeps no answers.
        "Identity": {**identity, "ReauthorizeEvery": options.get("resultTtlInSeconds", 0)},
    }


def _sources(said: list[Any]) -> dict[str, list[str]]:
    """Sort identity sources by where they are found.

    >>> _sources(["$request.header.Auth", "$context.stage"])
    {'Headers': ['Auth'], 'Context': ['stage']}
    """
    found: dict[str, list[str]] = {}
    for one in said:
        place, _, name = str(one).strip().rpartition(".")
        if place in _SOURCES:
            found.setdefault(_SOURCES[place], []).append(name)
    return found


def _function(said: Any) -> Any:
    """Give the ARN of a function: of this service by its name there, or as it is written."""
    if isinstance(said, str) and not said.startswith("arn:"):
        return {"Fn::GetAtt": [function_id(said), "Arn"]}
    return said


def _one(said: Any) -> Any:
    return said[0] if isinstance(said, list) and said else said


def _last_part(said: Any) -> str:
    """Name an authorizer by the function that it is: of ``arn:…:function:a:live`` that is a."""
    text = str(said)
    if isinstance(said, Mapping):
        inner = next(iter(said.values()), "")
        text = str(inner[0] if isinstance(inner, list) and inner else inner).partition(".")[0]
    if text.startswith("arn:"):
        text = text.split(":")[6] if text.count(":") > 5 else text.rpartition(":")[2]
    return "".join(one for one in text if one.isalnum()) or "authorizer"
