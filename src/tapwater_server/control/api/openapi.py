"""The API's OpenAPI 3.1 document, made of the table of endpoints and the types of its bodies."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from tapwater_server.control.api.endpoint import Endpoint, Who

_PARAMETER = re.compile(r"\{([a-z]+)(?::path)?\}")
_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


def document(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Describe the API."""
    kinds = sorted(
        {kind for one in endpoints for kind in (one.takes, one.gives) if kind is not None},
        key=lambda kind: kind.__name__,
    )
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(plain_path(one.path), {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tapwater control API", "version": version("tapwater")},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def plain_path(path: str) -> str:
    """Write a route's path as OpenAPI does.

    >>> plain_path("/call/{function:path}")
    '/call/{function}'
    """
    return _PARAMETER.sub(r"{\1}", path)


def _operation(one: Endpoint) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(one.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": what, "schema": {"type": "string"}}
        for name, what in one.query.items()
    ]
    operation: dict[str, Any] = {
        "operationId": getattr(one.handler, "__name__", ""),
        "summary": one.says,
        "parameters": parameters,
        "responses": {
            str(one.status): _answer(one),
            "default": {
                "description": "A problem (RFC 9457)",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
        "security": [] if one.who is Who.PUBLIC else [{"token": []}],
    }
    schema = _body(one)
    if schema:
        content = {one.takes_media: {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _body(one: Endpoint) -> Mapping[str, Any]:
    if one.takes is not None:
        return _ref(one.takes.__name__)
    binary = one.takes_media != "application/json"
    return {"type": "string", "format": "binary"} if binary else {}


def _answer(one: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.status != HTTPStatus.NO_CONTENT:
        schema = _ref(one.gives.__name__) if one.gives is not None else {}
        answer["content"] = {one.media: {"schema": schema}}
    return answer


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}
