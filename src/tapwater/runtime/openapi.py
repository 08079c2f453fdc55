"""OpenAPI 3.1 operations of a program's handlers, from their annotations and docstrings."""

import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, get_origin

from tapwater.http import Response
from tapwater.runtime.answers import dump
from tapwater.runtime.binding import Plan
from tapwater.runtime.parameters import Parameter, Source
from tapwater.runtime.program import Handler, Program
from tapwater.runtime.schemas import Schemas

_IN = {
    Source.PATH: "path",
    Source.QUERY: "query",
    Source.HEADER: "header",
    Source.COOKIE: "cookie",
}
_PROBLEM = {
    "description": "The request is not valid",
    "content": {"application/problem+json": {"schema": {"type": "object"}}},
}


def describe(program: Program) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Operations by verb, the schemas they refer to, and what could not be described.

    A mounted app describes itself, at an address of its own.
    """
    schemas = Schemas()
    operations: dict[str, Any] = {}
    notes: list[str] = []
    for verb, handler in program.handlers.items():
        if program.style == "event":
            break
        try:
            operations[verb.lower() or "post"] = _operation(handler, schemas)
        except Exception as error:
            # User types may do anything when looked at; a missing description breaks nothing.
            name = getattr(handler.function, "__name__", "handler")
            notes.append(f"{name}() could not be described for OpenAPI: {error}")
    return operations, schemas.components, notes


def _operation(handler: Handler, schemas: Schemas) -> dict[str, Any]:
    function, plan = handler.function, handler.plan
    summary, description = _told(function)
    operation: dict[str, Any] = {}
    if summary:
        operation["summary"] = summary
    if description:
        operation["description"] = description
    listed = [
        _parameter(parameter, schemas) for parameter in plan.parameters if parameter.source in _IN
    ]
    if listed:
        operation["parameters"] = listed
    body = _request_body(plan, schemas)
    if body is not None:
        operation["requestBody"] = body
    operation["responses"] = _responses(function, schemas)
    if listed or body is not None:
        operation["responses"]["422"] = _PROBLEM
    return operation


def _told(function: Callable[..., Any]) -> tuple[str, str]:
    summary, _, description = (inspect.getdoc(function) or "").partition("\n")
    return summary.strip(), description.strip()


def _parameter(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": parameter.key or parameter.name,
        "in": _IN[parameter.source],
        "required": parameter.required or parameter.source is Source.PATH,
        "schema": _with_default(parameter, schemas.of(parameter.annotation)),
    }


def _with_default(parameter: Parameter, schema: dict[str, Any]) -> dict[str, Any]:
    if parameter.required or parameter.default is None:
        return schema
    try:
        dump(parameter.default)
    except (TypeError, ValueError):
        return schema
    default = parameter.default
    return {**schema, "default": default} if isinstance(default, str | int | float) else schema


def _request_body(plan: Plan, schemas: Schemas) -> dict[str, Any] | None:
    bodies = [one for one in plan.parameters if one.source is Source.BODY]
    fields = [one for one in plan.parameters if one.source is Source.FORM]
    raw = [one for one in plan.parameters if one.source in (Source.RAW, Source.STREAM)]
    if fields:
        return _content("multipart/form-data", _object(fields, schemas), fields)
    if len(bodies) == 1 and not bodies[0].key:
        return _content("application/json", schemas.of(bodies[0].annotation), bodies)
    if bodies:
        return _content("application/json", _object(bodies, schemas), bodies)
    return _content("application/octet-stream", {}, raw) if raw else None


def _object(members: list[Parameter], schemas: Schemas) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.key: schemas.of(one.annotation) for one in members},
        "required": [one.key for one in members if one.required],
    }


def _content(kind: str, schema: dict[str, Any], members: list[Parameter]) -> dict[str, Any]:
    required = any(one.required for one in members)
    return {"required": required, "content": {kind: {"schema": schema}}}


def _responses(function: Callable[..., Any], schemas: Schemas) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except (NameError, TypeError, AttributeError):
        hints = {}
    returned = hints.get("return", Any)
    if returned is type(None):
        return {"204": {"description": "Done"}}
    kind = get_origin(returned) or returned
    if kind in (Any, Response) or _is_stream(kind):
        return {"200": {"description": "The answer"}}
    media = {str: "text/plain", bytes: "application/octet-stream"}.get(kind, "application/json")
    return {
        "200": {
            "description": "The answer",
            "content": {media: {"schema": schemas.of(returned)}},
        }
    }


def _is_stream(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Iterator | AsyncIterator)
