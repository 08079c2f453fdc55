"""Forms of the query protocol: ``Tags.member.1.Key=a`` and the like, into nested values. Pure."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.protocol.models import Shape
from tapwater_server.clouds.aws.protocol.shaping import shaped_text

DEPTH_MAX = 24
_Tree = dict[str, Any]


def read_form(shape: Shape, fields: Mapping[str, str]) -> dict[str, Any]:
    """Read a form by its shape; fields that the shape does not know are left out.

    Raises:
        AwsError: a value is not of its type.
    """
    found = _structure(shape, _grown(fields))
    assert isinstance(found, dict)
    return found


def _grown(fields: Mapping[str, str]) -> _Tree:
    """Make a tree of the names' parts; a value of its own stands under the empty name."""
    root: _Tree = {}
    for name, value in fields.items():
        parts = name.split(".")
        if len(parts) > DEPTH_MAX:
            raise AwsError("MalformedQueryString", "A parameter's name has too many parts.", 400)
        node = root
        for part in parts:
            node = node.setdefault(part, {})
        node[""] = value
    return root


def _read(shape: Shape, node: _Tree) -> Any:
    match shape.type_name:
        case "structure":
            return _structure(shape, node)
        case "list":
            return _list(shape, node)
        case "map":
            return _map(shape, node)
        case _:
            return shaped_text(shape, node[""]) if "" in node else None


def _structure(shape: Shape, node: _Tree) -> Any:
    found = {}
    for name, member in shape.members.items():
        below = _below(member, name, node)
        value = None if below is None else _read(member, below)
        if value is not None:
            found[name] = value
    return found


def _below(member: Shape, name: str, node: _Tree) -> _Tree | None:
    said = member.serialization.get("name", name)
    if member.type_name == "list" and _flat(member):
        said = member.member.serialization.get("name", said)
    below = node.get(said)
    return below if isinstance(below, dict) else None


def _list(shape: Shape, node: _Tree) -> list[Any]:
    items = node if _flat(shape) else node.get(shape.member.serialization.get("name", "member"), {})
    return [_read(shape.member, each) for each in _numbered(items)]


def _map(shape: Shape, node: _Tree) -> dict[str, Any]:
    entries = node if _flat(shape) else node.get("entry", {})
    key = shape.key.serialization.get("name", "key")
    value = shape.value.serialization.get("name", "value")
    return {
        str(each.get(key, {}).get("", "")): _read(shape.value, each.get(value, {"": ""}))
        for each in _numbered(entries)
    }


def _numbered(items: Any) -> list[_Tree]:
    if not isinstance(items, dict):
        return []
    numbers = sorted(int(number) for number in items if number.isdecimal() and len(number) < 10)
    return [items[str(number)] for number in numbers if isinstance(items.get(str(number)), dict)]


def _flat(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))
