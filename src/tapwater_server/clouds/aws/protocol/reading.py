"""Reads requests of the protocols query, JSON and REST-JSON into parameters."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.forms import read_form
from tapwater_server.clouds.aws.protocol.models import DASH, Model, Operation, Shape
from tapwater_server.clouds.aws.protocol.shaping import shaped, shaped_text
from tapwater_server.clouds.aws.protocol.validating import check

FORM_FIELDS_MAX = 20_000
Params = dict[str, Any]


def find_operation(
    model: Model, asked: AwsAsked, body: bytes
) -> tuple[Operation, Mapping[str, str]]:
    """Find which operation is meant, and the labels of its path.

    Raises:
        AwsError: the service has no such operation.
    """
    if model.protocol == "rest-json":
        return _by_path(model, asked)
    if model.protocol == "json":
        name = asked.headers.get("x-amz-target", "").rpartition(".")[2]
        found = model.operation(name)
        if found is None:
            raise AwsError("UnknownOperationException", "", 400)
        return found, {}
    return _by_action(model, asked, body)


def read_params(
    model: Model,
    operation: Operation,
    asked: AwsAsked,
    body: bytes,
    labels: Mapping[str, str] | None = None,
) -> Params:
    """Read and check the parameters.

    Raises:
        AwsError: they cannot be read, or are not what the model says.
    """
    shape = operation.shape_in
    if shape is None:
        return {}
    if model.protocol == "query":
        params = read_form(shape, _fields(asked, body))
    elif model.protocol == "json":
        params = shaped(shape, read_json(body))
    else:
        params = _read_rest(shape, asked, body, labels or {})
    check(shape, params, query=model.protocol == "query")
    return params


def read_json(body: bytes) -> Any:
    """Read a JSON object; nothing is an empty one.

    Raises:
        AwsError: it is none.
    """
    try:
        value = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AwsError("SerializationException", f"The body is not JSON: {error}", 400) from None
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "The body is no JSON object", 400)
    return value


def _by_path(model: Model, asked: AwsAsked) -> tuple[Operation, Mapping[str, str]]:
    query, others = dict(asked.query), False
    for route in model.routes:
        found = route.path.fullmatch(asked.path)
        if found is None or any(query.get(name) != said for name, said in route.fixed.items()):
            continue
        if route.method != asked.method:
            others = True
            continue
        operation = model.operation(route.name)
        assert operation is not None
        labels = {name.replace(DASH, "-"): said for name, said in found.groupdict().items()}
        return operation, {name: unquote(said) for name, said in labels.items()}
    if others:
        raise AwsError("MethodNotAllowedException", f"{asked.method} is not possible here", 405)
    raise AwsError("UnknownOperationException", "Unable to determine service/operation name", 404)


def _by_action(model: Model, asked: AwsAsked, body: bytes) -> tuple[Operation, Mapping[str, str]]:
    fields = _fields(asked, body)
    action = fields.get("Action", "")
    found = model.operation(action)
    if found is None:
        if not action:
            raise AwsError("MissingAction", "The request must contain the parameter Action.", 400)
        version = fields.get("Version", "")
        raise AwsError(
            "InvalidAction",
            f"Could not find operation {action[:100]} for version {version[:20]}",
            400,
        )
    return found, {}


def _fields(asked: AwsAsked, body: bytes) -> Mapping[str, str]:
    try:
        said = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        raise AwsError("MalformedQueryString", "The form cannot be read.", 400) from None
    return {**dict(asked.query), **dict(said)}


def _read_rest(shape: Shape, asked: AwsAsked, body: bytes, labels: Mapping[str, str]) -> Params:
    payload = shape.serialization.get("payload")
    params = {} if payload else _body_members(shape, body)
    for name, member in shape.members.items():
        where = member.serialization.get("location")
        if name == payload:
            said = _payload(member, body)
        elif where is None:
            continue
        else:
            said = _located(member, member.serialization.get("name", name), where, asked, labels)
        if said is not None:
            params[name] = said
    return params


def _body_members(shape: Shape, body: bytes) -> Params:
    kept = {
        name: member
        for name, member in shape.members.items()
        if "location" not in member.serialization
    }
    found: Params = shaped(shape, read_json(body)) if kept and body else {}
    return {name: value for name, value in found.items() if name in kept}


def _payload(member: Shape, body: bytes) -> Any:
    if member.type_name == "blob":
        return body
    if member.type_name == "string":
        return body.decode("utf-8", "replace")
    return shaped(member, read_json(body)) if body else None


def _located(
    member: Shape, name: str, where: str, asked: AwsAsked, labels: Mapping[str, str]
) -> Any:
    if where == "uri":
        return shaped_text(member, labels[name]) if name in labels else None
    if where == "header":
        said = asked.headers.get(name.lower())
        return None if said is None else shaped_text(member, said, header=True)
    if where == "headers":
        start = name.lower()
        return {
            known[len(start) :]: said
            for known, said in asked.headers.items()
            if known.startswith(start)
        } or None
    values = [value for known, value in asked.query if known == name]
    if member.type_name == "list":
        return [shaped_text(member.member, value) for value in values] or None
    if member.type_name == "map":
        return dict(asked.query) or None
    return shaped_text(member, values[0]) if values else None
