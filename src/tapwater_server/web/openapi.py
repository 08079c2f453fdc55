"""OpenAPI 3.1 documents, made of tables of endpoints and the types of their bodies. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

import msgspec

from tapwater_server.web.endpoint import Endpoint, Who
from tapwater_server.web.node import PREFIX
from tapwater_server.web.problems import SCHEMA

_PARAMETER = re.compile(r"\{([a-z_]+)(?::path)?\}")
_REF = "#/components/schemas/{name}"


class Described(Protocol):
    """What a document says of one line of an API."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def takes(self) -> type | None: ...
    @property
    def gives(self) -> type | None: ...
    @property
    def media(self) -> str: ...
    @property
    def takes_media(self) -> str: ...
    @property
    def status(self) -> int: ...


Line = TypeVar("Line", bound=Described)


def describe_services(endpoints: Sequence[Endpoint], *, app: str) -> Mapping[str, Any]:
    """Describe the services of one app, as its own hosts serve them."""
    title = f"Services of {app}" if app else "Services"
    return {**document(endpoints, title=title, say=_said), "servers": [{"url": "/_/v1"}]}


def describe_node(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Describe the node's own API."""
    title = "Tapwater control API"
    return {**document(endpoints, title=title, say=_said), "servers": [{"url": PREFIX}]}


def _said(one: Endpoint) -> Mapping[str, Any]:
    path = plain_path(one.path)
    optional: list[dict[str, list[str]]] = [{}] if one.who is Who.ANYONE else []
    return {
        "operationId": re.sub(r"[^A-Za-z0-9]+", "_", f"{one.method.lower()}{path}").strip("_"),
        "tags": [path.split("/")[1]],
        "security": [*optional, {"token": []}],
    }


def document(
    endpoints: Sequence[Line], *, title: str, say: Callable[[Line], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Describe an API. ``say`` adds to a line, above all who may use it."""
    kinds = sorted(
        {kind for one in endpoints for kind in (one.takes, one.gives) if kind is not None},
        key=lambda kind: kind.__name__,
    )
    found, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    shapes = dict(zip(kinds, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        operation = {**_operation(one, shapes), **say(one)}
        paths.setdefault(plain_path(one.path), {})[one.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("tapwater")},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def plain_path(path: str) -> str:
    """Write a route's path as OpenAPI does.

    >>> plain_path("/call/{function:path}")
    '/call/{function}'
    """
    return _PARAMETER.sub(r"{\1}", path)


def _operation(one: Described, shapes: Mapping[type, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(one.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": what, "schema": {"type": "string"}}
        for name, what in one.query.items()
    ]
    operation: dict[str, Any] = {
        "summary": one.says,
        "parameters": parameters,
        "responses": {
            str(one.status): _answer(one, shapes),
            "default": {
                "description": "A problem (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}
                },
            },
        },
    }
    schema = _body(one, shapes)
    if schema:
        content = {one.takes_media: {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _body(one: Described, shapes: Mapping[type, Any]) -> Mapping[str, Any]:
    if one.takes is not None:
        return dict(shapes[one.takes])
    binary = one.takes_media != "application/json"
    return {"type": "string", "format": "binary"} if binary else {}


def _answer(one: Described, shapes: Mapping[type, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.status != HTTPStatus.NO_CONTENT:
        schema = shapes[one.gives] if one.gives is not None else {}
        answer["content"] = {one.media: {"schema": schema}}
    return answer
