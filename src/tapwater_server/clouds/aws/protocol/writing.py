"""Writes answers of the protocols query, JSON and REST-JSON. Pure."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from tapwater_server.clouds.aws.asked import AwsAnswer
from tapwater_server.clouds.aws.protocol.models import Model, Operation, Shape

_LOCATED = frozenset({"header", "headers"})
_JSON = "application/json"


def write_result(
    model: Model, operation: Operation, given: Mapping[str, Any] | None, *, id: str
) -> AwsAnswer:
    """Write what a handler gave."""
    value = given or {}
    if model.protocol == "query":
        return _write_query(model, operation, value, id)
    if model.protocol == "json":
        shape = operation.shape_out
        said = {} if shape is None else as_json(shape, value)
        media = f"application/x-amz-json-{model.json_version}"
        return AwsAnswer(headers=[("content-type", media)], body=msgspec.json.encode(said))
    return _write_rest(operation, value)


def as_json(shape: Shape, value: Any) -> Any:
    """Give a value as JSON has it."""
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {
            member.serialization.get("name", name): as_json(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if kind == "list":
        return [as_json(shape.member, each) for each in value]
    if kind == "map":
        return {name: as_json(shape.value, each) for name, each in value.items()}
    if kind == "timestamp":
        return _time(value, shape.serialization.get("timestampFormat", "unixTimestamp"))
    if kind == "blob":
        return b64encode(_bytes(value)).decode()
    return value


def _write_query(
    model: Model, operation: Operation, value: Mapping[str, Any], id: str
) -> AwsAnswer:
    shape, name = operation.shape_out, operation.name
    inner = "" if shape is None else _members(shape, value)
    wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
    if wrapper:
        inner = f"<{wrapper}>{inner}</{wrapper}>"
    body = (
        f'<{name}Response xmlns="{escape(model.namespace)}">{inner}'
        f"<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
    )
    return AwsAnswer(
        headers=[("content-type", "text/xml")], body=body.encode("utf-8", "xmlcharrefreplace")
    )


def _members(shape: Shape, value: Mapping[str, Any]) -> str:
    return "".join(
        [
            _element(member, member.serialization.get("name", name), value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        ]
    )


def _element(shape: Shape, name: str, value: Any) -> str:
    kind = shape.type_name
    if kind == "list":
        return _list(shape, name, value)
    if kind == "map":
        return _map(shape, name, value)
    if kind == "structure":
        inner = _members(shape, value)
    elif kind == "timestamp":
        inner = str(_time(value, shape.serialization.get("timestampFormat", "iso8601")))
    elif kind == "blob":
        inner = b64encode(_bytes(value)).decode()
    elif kind == "boolean":
        inner = "true" if value else "false"
    else:
        inner = escape(clean(str(value)))
    return f"<{name}>{inner}</{name}>"


def _list(shape: Shape, name: str, value: Any) -> str:
    if shape.serialization.get("flattened"):
        said = shape.member.serialization.get("name", name)
        return "".join([_element(shape.member, said, each) for each in value])
    said = shape.member.serialization.get("name", "member")
    inner = "".join([_element(shape.member, said, each) for each in value])
    return f"<{name}>{inner}</{name}>"


def _map(shape: Shape, name: str, value: Mapping[str, Any]) -> str:
    flat = shape.serialization.get("flattened")
    entry = name if flat else "entry"
    key = shape.key.serialization.get("name", "key")
    said = shape.value.serialization.get("name", "value")
    inner = "".join(
        f"<{entry}>{_element(shape.key, key, known)}{_element(shape.value, said, each)}</{entry}>"
        for known, each in value.items()
    )
    return inner if flat else f"<{name}>{inner}</{name}>"


def _write_rest(operation: Operation, value: Mapping[str, Any]) -> AwsAnswer:
    shape = operation.shape_out
    if shape is None:
        return AwsAnswer(status=operation.status, headers=[("content-type", _JSON)])
    payload, status = shape.serialization.get("payload"), operation.status
    headers: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    for name, member in shape.members.items():
        given = value.get(name)
        if given is None or name == payload:
            continue
        where = member.serialization.get("location")
        if where == "statusCode":
            status = int(given)
        elif where in _LOCATED:
            headers += _headers(member, where, given)
        else:
            body[member.serialization.get("name", name)] = as_json(member, given)
    if payload is not None:
        return _with_payload(shape.members[payload], value.get(payload), status, headers)
    located = all("location" in member.serialization for member in shape.members.values())
    empty = status == 204 or (located and not body)
    headers.append(("content-type", _JSON))
    return AwsAnswer(
        status=status, headers=headers, body=b"" if empty else msgspec.json.encode(body)
    )


def _headers(member: Shape, where: str, given: Any) -> list[tuple[str, str]]:
    name = member.serialization["name"]
    if where == "headers":
        return [(name + known, str(each)) for known, each in given.items()]
    return [(name, _header(member, given))]


def _with_payload(
    member: Shape, given: Any, status: int, headers: list[tuple[str, str]]
) -> AwsAnswer:
    if member.type_name in ("blob", "string"):
        return AwsAnswer(
            status=status, headers=headers, body=b"" if given is None else _bytes(given)
        )
    headers.append(("content-type", _JSON))
    body = msgspec.json.encode(as_json(member, given or {}))
    return AwsAnswer(status=status, headers=headers, body=body)


def _header(member: Shape, given: Any) -> str:
    if member.type_name == "timestamp":
        return str(_time(given, member.serialization.get("timestampFormat", "rfc822")))
    if member.type_name == "boolean":
        return "true" if given else "false"
    return str(given)


def _time(value: Any, form: str) -> Any:
    at = value.timestamp() if isinstance(value, datetime) else float(value)
    if form == "unixTimestamp":
        return int(at) if at.is_integer() else round(at, 3)
    if form == "rfc822":
        return formatdate(at, usegmt=True)
    shown = datetime.fromtimestamp(at, UTC)
    return shown.strftime("%Y-%m-%dT%H:%M:%S") + (f".{shown.microsecond // 1000:03d}Z")


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def clean(text: str) -> str:
    """Leave out what XML 1.0 cannot hold.

    >>> clean("a\\0b")
    'a?b'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter >= " " or letter in "\t\n\r" else "?" for letter in text)
