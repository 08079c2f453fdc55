"""What a REST API is made of, and what its parts may be. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.clouds.aws.apigateway.http_checks import function_of
from tapwater_server.clouds.aws.asked import AwsError

Values = dict[str, Any]
RESOURCES_MAX = 600  # Of one API.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"})
_PART = re.compile(r"[A-Za-z0-9._~:%@!$&'()*+,;=-]+|\{[A-Za-z0-9._:-]+\+?\}")
_STAGE = re.compile(r"[A-Za-z0-9_]{1,128}")
_NO_SORT = (
    "Integrations of the type {kind} are not available here: AWS_PROXY with a Lambda function, and"
    " MOCK are."
)


def bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)


def missing(what: str) -> AwsError:
    return AwsError("NotFoundException", f"Invalid {what} identifier specified", 404)


def fresh_api(params: Mapping[str, Any], *, now: float, root: str) -> Values:
    """Make a new API: it has a root and nothing else."""
    kept = (
        *("name", "description", "version", "binaryMediaTypes", "minimumCompressionSize"),
        *("apiKeySource", "endpointConfiguration", "policy", "disableExecuteApiEndpoint"),
    )
    value: Values = {name: params[name] for name in kept if params.get(name) is not None}
    return {
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "disableExecuteApiEndpoint": False,
        **value,
        "createdDate": now,
        "tags": dict(params.get("tags") or {}),
        "root": root,
        "resources": {root: {"path": "/", "methods": {}}},
        "authorizers": {},
        "models": {},
        "validators": {},
        "gatewayResponses": {},
        "stages": {},
    }


def add_resource(api: Values, parent: str, part: str, fresh: Callable[[], str]) -> str:
    """Add a resource below another one; give its id.

    Raises:
        AwsError: it cannot be there.
    """
    if parent not in api["resources"]:
        raise missing("Resource")
    if _PART.fullmatch(part) is None:
        raise bad(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and"
            " curly braces at the beginning and the end."
        )
    if len(api["resources"]) >= RESOURCES_MAX:
        raise AwsError("LimitExceededException", f"Limit of {RESOURCES_MAX} resources", 429)
    above = api["resources"][parent]["path"]
    if above.endswith("+}"):
        raise bad("Cannot create a child of a resource with a greedy path variable")
    for known in api["resources"].values():
        if known.get("parentId") == parent:
            _check_sibling(known["pathPart"], part)
    path = f"{above.rstrip('/')}/{part}"
    id = fresh()
    api["resources"][id] = {"parentId": parent, "pathPart": part, "path": path, "methods": {}}
    return id


def _check_sibling(known: str, part: str) -> None:
    if known == part:
        message = f"Another resource with the same parent already has this name: {part}"
        raise AwsError("ConflictException", message, 409)
    both = [name.startswith("{") and not name.endswith("+}") for name in (known, part)]
    if all(both):
        raise bad(
            f"A sibling ({known}) of this resource already has a variable path part -- only one"
            " is allowed"
        )


def reach_path(api: Values, path: str, fresh: Callable[[], str]) -> str:
    """Give the resource of a path; make it and those above it if they are not there."""
    id = str(api["root"])
    for part in [one for one in path.split("/") if one]:
        below = next(
            (
                key
                for key, known in api["resources"].items()
                if known.get("parentId") == id and known["pathPart"] == part
            ),
            None,
        )
        id = below if below is not None else add_resource(api, id, part, fresh)
    return id


def drop_resource(api: Values, id: str) -> None:
    """Take a resource away with all below it.

    Raises:
        AwsError: it is not there, or the root.
    """
    if id not in api["resources"]:
        raise missing("Resource")
    if id == api["root"]:
        raise bad("Root resource cannot be deleted")
    for key in [k for k, known in api["resources"].items() if known.get("parentId") == id]:
        drop_resource(api, key)
    del api["resources"][id]


def method(params: Mapping[str, Any], api: Mapping[str, Any]) -> Values:
    """Check a method.

    Raises:
        AwsError: it cannot be one.
    """
    kind = str(params.get("authorizationType") or "NONE").upper()
    if kind == "COGNITO_USER_POOLS":
        raise bad("COGNITO_USER_POOLS is not available here; a Lambda authorizer is.")
    if kind not in ("NONE", "AWS_IAM", "CUSTOM"):
        raise bad(
            "Invalid authorization type specified. Please specify one of: NONE, AWS_IAM, CUSTOM"
        )
    if kind == "CUSTOM" and params.get("authorizerId") not in api["authorizers"]:
        raise bad(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM requires a"
            " valid authorizer."
        )
    kept = (
        *("authorizerId", "operationName", "requestParameters", "requestModels"),
        *("requestValidatorId", "authorizationScopes"),
    )
    return {
        "authorizationType": kind,
        "apiKeyRequired": bool(params.get("apiKeyRequired")),
        "methodResponses": {},
        **{name: params[name] for name in kept if params.get(name) is not None},
    }


def integration(params: Mapping[str, Any]) -> Values:
    """Check an integration.

    Raises:
        AwsError: it cannot be one, or not here.
    """
    kind = str(params.get("type") or "").upper()
    if kind not in ("AWS_PROXY", "MOCK"):
        raise bad(_NO_SORT.format(kind=kind or "?"))
    if kind == "AWS_PROXY" and function_of(str(params.get("uri") or "")) is None:
        raise bad(_NO_SORT.format(kind="AWS_PROXY with another service"))
    kept = (
        *("uri", "credentials", "requestParameters", "requestTemplates", "passthroughBehavior"),
        *("contentHandling", "timeoutInMillis", "cacheNamespace", "cacheKeyParameters"),
        *("connectionType", "connectionId", "responseTransferMode"),
    )
    found: Values = {
        "type": kind,
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29_000,
        "integrationResponses": {},
        **{name: params[name] for name in kept if params.get(name) is not None},
    }
    if params.get("responseTransferMode") == "STREAM":
        raise bad("Streamed answers of REST APIs are not available here; function URLs have them.")
    verb = params.get("integrationHttpMethod") or params.get("httpMethod")
    return found | ({"httpMethod": verb} if verb and kind != "MOCK" else {})


def authorizer(params: Mapping[str, Any]) -> Values:
    """Check an authorizer.

    Raises:
        AwsError: it cannot be one, or not here.
    """
    kind = str(params.get("type") or "").upper()
    if kind == "COGNITO_USER_POOLS":
        raise bad("COGNITO_USER_POOLS authorizers are not available here; TOKEN and REQUEST are.")
    if kind not in ("TOKEN", "REQUEST"):
        raise bad("The type of an authorizer must be TOKEN or REQUEST")
    if function_of(str(params.get("authorizerUri") or "")) is None:
        raise bad("Authorizer URI must name a Lambda function")
    pattern = params.get("identityValidationExpression")
    if pattern:
        _check_pattern(str(pattern))
    kept = (
        *("name", "authType", "authorizerUri", "authorizerCredentials", "identitySource"),
        *("identityValidationExpression", "authorizerResultTtlInSeconds"),
    )
    found = {name: params[name] for name in kept if params.get(name) is not None}
    default = {"authorizerResultTtlInSeconds": 300, "authType": "custom"}
    if kind == "TOKEN" and not found.get("identitySource"):
        default["identitySource"] = "method.request.header.Authorization"
    return {**default, **found, "type": kind}


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise bad("identityValidationExpression cannot be read") from error


def stage_name(name: str) -> None:
    """Refuse what cannot be a stage's name.

    Raises:
        AwsError: it cannot.
    """
    if _STAGE.fullmatch(name) is None:
        raise bad("Stage name only allows a-zA-Z0-9_")


def snapshot(api: Mapping[str, Any]) -> Values:
    """Copy what a deployment serves."""
    kept = ("resources", "authorizers", "gatewayResponses", "binaryMediaTypes", "apiKeySource")
    found = {name: api[name] for name in (*kept, "policy", "validators", "models") if name in api}
    if not any(one["methods"] for one in api["resources"].values()):
        raise bad("The REST API doesn't contain any methods")
    for one in api["resources"].values():
        for verb, about in one["methods"].items():
            if "methodIntegration" not in about:
                raise bad(f"No integration defined for method {verb} {one['path']}")
    return found
