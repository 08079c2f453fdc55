"""OpenAPI documents that describe an API: read, and what AWS adds to them. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError

EXTENSION = "x-amazon-apigateway-"
ANY_METHOD = f"{EXTENSION}any-method"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", ANY_METHOD)


def read(body: str | bytes) -> dict[str, Any]:
    """Read a document, JSON or YAML.

    Raises:
        AwsError: it is none.
    """
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = _yaml(text)
    if not isinstance(found, dict) or not isinstance(found.get("paths") or {}, dict):
        raise AwsError("BadRequestException", "Invalid OpenAPI input.", 400)
    return found


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise AwsError("BadRequestException", "Unable to parse API definition", 400) from error


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give each operation: its path, its method ("ANY" for all others), and what is said of it."""
    for path, item in (document.get("paths") or {}).items():
        if not isinstance(item, dict):
            continue
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                yield str(path), "ANY" if method == ANY_METHOD else method.upper(), operation


def extension(value: Mapping[str, Any], name: str) -> Any:
    """Give what AWS adds under a name; None: nothing."""
    return value.get(f"{EXTENSION}{name}")


def schemes(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Give the security schemes of OpenAPI 2 or 3."""
    components = document.get("components") or {}
    found = components.get("securitySchemes") or document.get("securityDefinitions") or {}
    return {str(name): value for name, value in found.items() if isinstance(value, dict)}


def security_of(
    operation: Mapping[str, Any], document: Mapping[str, Any]
) -> list[tuple[str, list[str]]]:
    """Give the schemes that an operation asks for, and their scopes; its own win over all's."""
    said = operation.get("security")
    if said is None:
        said = document.get("security") or []
    return [
        (str(name), [str(scope) for scope in scopes or []])
        for one in said
        if isinstance(one, dict)
        for name, scopes in one.items()
    ]
