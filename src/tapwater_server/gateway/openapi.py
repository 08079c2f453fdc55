"""Describes one group of an app's functions as OpenAPI 3.1, from what their manifests say. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tapwater_server.model.function import Function, Revision
from tapwater_server.web.problems import SCHEMA

_CATCH_ALL = re.compile(r"\{\.\.\.([A-Za-z0-9_]+)\}")
_PARAMETER = re.compile(r"\{([A-Za-z0-9_]+)\}")
_IMPLIED = frozenset({"head", "options"})  # Every function answers them; only noise if not its own.
_BODYLESS = frozenset({"get", "head", "delete", "options"})


def describe_group(revision: Revision, group: str, functions: Iterable[Function]) -> bytes:
    """Write the group's openapi.json."""
    paths: dict[str, Any] = {}
    schemas: Mapping[str, Any] = revision.settings.get("schemas", {}).get(group, {})
    for function in functions:
        if function.route is None or function.route.mount:
            continue  # A mounted app describes itself.
        path = _CATCH_ALL.sub(r"{\1}", function.route.path)
        paths[path] = _operations(function, path)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{revision.app} {group}".strip(),
            "version": str(revision.number),
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {**schemas, "Problem": SCHEMA},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(document)


def _operations(function: Function, path: str) -> dict[str, Any]:
    described = {verb.lower(): said for verb, said in function.operations.items()}
    assert function.route is not None
    has = {verb.lower() for verb in function.route.verbs} - (_IMPLIED - described.keys())
    verbs = sorted(has) or sorted(described) or ["post"]
    return {verb: _operation(function, verb, path, described.get(verb, {})) for verb in verbs}


def _operation(function: Function, verb: str, path: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what a manifest leaves out; what it says goes before."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", function.id.name).strip("_")
    operation: dict[str, Any] = {
        "operationId": f"{verb}_{name}",
        "tags": [function.group or function.id.app],
        "responses": {"200": {"description": "The answer"}},
    }
    if function.description:
        operation["summary"] = function.description.splitlines()[0]
        operation["description"] = function.description
    operation.update(said)
    operation["parameters"] = _parameters(path, said.get("parameters", ()))
    operation["responses"] = {**operation["responses"], "default": _DEFAULT}
    if function.auth is not None:
        operation["security"] = [{"bearer": []}]
    if verb not in _BODYLESS and function.body and "requestBody" not in operation:
        operation["requestBody"] = {"content": {"application/json": {"schema": {}}}}
    return operation


def _parameters(path: str, said: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every name in the path is a parameter, also when the manifest does not speak of it."""
    listed = list(said)
    known = {parameter.get("name") for parameter in listed if parameter.get("in") == "path"}
    for name in _PARAMETER.findall(path):
        if name not in known:
            schema = {"type": "string"}
            listed.append({"name": name, "in": "path", "required": True, "schema": schema})
    return listed


_DEFAULT: Mapping[str, Any] = {
    "description": "What went wrong",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
