"""What parts of an HTTP API may be. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError

Values = dict[str, Any]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"})
_SEGMENT = re.compile(r"[^{}/?#]*|\{[A-Za-z0-9._:-]+\}")
_GREEDY = re.compile(r"\{[A-Za-z0-9._:-]+\+\}")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FUNCTION = re.compile(
    r"(?:arn:[^/]*:lambda:path/2015-03-31/functions/)?(arn:[^/]+)(?:/invocations)?"
)


def refused(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def function_of(uri: str) -> str | None:
    """Take the function's ARN out of an integration's address; None: it has none.

    >>> function_of("arn:aws:apigateway:r:lambda:path/2015-03-31/functions/arn:f/invocations")
    'arn:f'
    """
    found = _FUNCTION.fullmatch(uri)
    return found[1] if found is not None and ":" in found[1] else None


def stage_name(name: str) -> None:
    """Refuse what cannot be a stage's name."""
    if name != "$default" and _STAGE.fullmatch(name) is None:
        raise refused("Stage name only allows alphanumeric characters, hyphens, underscores")


def route(said: Mapping[str, Any], api: Mapping[str, Any]) -> Values:
    """Check a route, and fill in what is not said.

    Raises:
        AwsError: it cannot be one, or there is one of its key.
    """
    key = str(said.get("RouteKey") or "")
    check_key(key)
    if any(other.get("RouteKey") == key for other in api["routes"].values()):
        raise AwsError(
            "ConflictException", f"Route with key {key} already exists for this API", 409
        )
    target = said.get("Target")
    if target is not None:
        id = str(target).removeprefix("integrations/")
        if not str(target).startswith("integrations/") or id not in api["integrations"]:
            raise refused("Invalid Target specified: it must be integrations/<id> of this API")
    kind = str(said.get("AuthorizationType") or "NONE")
    authorizer = said.get("AuthorizerId")
    if kind in ("JWT", "CUSTOM") and authorizer not in api["authorizers"]:
        raise refused("Invalid AuthorizerId specified")
    if kind not in ("NONE", "JWT", "CUSTOM", "AWS_IAM"):
        raise refused("Invalid AuthorizationType specified")
    kept = {name: value for name, value in said.items() if value is not None}
    return {"ApiKeyRequired": False, **kept, "AuthorizationType": kind}


def check_key(key: str) -> None:
    """Refuse what is no route key.

    Raises:
        AwsError: it is none.
    """
    if key == "$default":
        return
    method, _, path = key.partition(" ")
    if method not in METHODS or not path.startswith("/"):
        raise refused(f"The provided route key is not formatted properly for HTTP protocol: {key}")
    *segments, last = path[1:].split("/")
    if not all(map(_SEGMENT.fullmatch, segments)):
        raise refused(f"The provided route key has a path that cannot be read: {key}")
    if not (_SEGMENT.fullmatch(last) or _GREEDY.fullmatch(last)):
        raise refused(f"The provided route key has a path that cannot be read: {key}")


def integration(said: Mapping[str, Any], api: Mapping[str, Any]) -> Values:
    """Check an integration.

    Raises:
        AwsError: it cannot be one, or not here.
    """
    kind = said.get("IntegrationType")
    if kind == "HTTP_PROXY":
        raise refused("HTTP_PROXY integrations are not available here: AWS_PROXY to Lambda is.")
    if kind != "AWS_PROXY" or said.get("IntegrationSubtype"):
        raise refused(
            "Only integrations of the type AWS_PROXY with a Lambda function are available."
        )
    if function_of(str(said.get("IntegrationUri") or "")) is None:
        raise refused("IntegrationUri must name a Lambda function")
    version = str(said.get("PayloadFormatVersion") or "")
    if version not in ("1.0", "2.0"):
        raise refused("PayloadFormatVersion is a required parameter for AWS_PROXY: 1.0 or 2.0")
    kept = {name: value for name, value in said.items() if value is not None}
    defaults = {"ConnectionType": "INTERNET", "IntegrationMethod": "POST", "TimeoutInMillis": 30000}
    return {**defaults, **kept}


def authorizer(said: Mapping[str, Any], api: Mapping[str, Any]) -> Values:
    """Check an authorizer.

    Raises:
        AwsError: it cannot be one.
    """
    kind = said.get("AuthorizerType")
    if not said.get("Name"):
        raise refused("Name is a required parameter")
    if kind == "JWT":
        config = said.get("JwtConfiguration") or {}
        if not config.get("Issuer"):
            raise refused("JwtConfiguration needs an Issuer")
        if not said.get("IdentitySource"):
            raise refused("IdentitySource is a required parameter for JWT authorizers")
    elif kind == "REQUEST":
        if function_of(str(said.get("AuthorizerUri") or "")) is None:
            raise refused("AuthorizerUri must name a Lambda function")
        if said.get("AuthorizerPayloadFormatVersion") not in ("1.0", "2.0"):
            raise refused("AuthorizerPayloadFormatVersion must be 1.0 or 2.0")
    else:
        raise refused("AuthorizerType must be REQUEST or JWT")
    return {name: value for name, value in said.items() if value is not None}


def unused(name: str, id: str, api: Mapping[str, Any]) -> None:
    """Refuse to let go what a route needs.

    Raises:
        AwsError: one does.
    """
    for route in api["routes"].values():
        target = route.get("Target") == f"integrations/{id}"
        if (name == "Integration" and target) or route.get("AuthorizerId") == id:
            raise AwsError("ConflictException", f"{name} {id} is used by a route", 409)
