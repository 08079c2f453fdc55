"""Patch operations of the REST APIs' control API: paths and texts. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError

PATCHES_MAX = 200


def patch(
    value: dict[str, Any],
    operations: Sequence[Mapping[str, Any]],
    *,
    allowed: frozenset[str],
    lists: frozenset[str] = frozenset(),
) -> None:
    """Change a value. ``allowed``: members of the top that may be changed; ``lists``: those of
    them whose items are named in the path ("/binaryMediaTypes/image~1png").

    >>> one = {"name": "a"}
    >>> patch(one, [{"op": "replace", "path": "/name", "value": "b"}], allowed=frozenset({"name"}))
    >>> one
    {'name': 'b'}

    Raises:
        AwsError: an operation cannot be done.
    """
    if len(operations) > PATCHES_MAX:
        raise _bad(f"more than {PATCHES_MAX} patch operations")
    for one in operations:
        parts = [_plain(part) for part in str(one.get("path", "")).split("/")[1:]]
        if not parts or parts[0] not in allowed:
            raise _bad(f"Invalid patch path {one.get('path')}")
        if parts[0] in lists:
            _item(value, parts, one)
        else:
            _member(value, parts, one)


def _plain(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _item(value: dict[str, Any], parts: Sequence[str], one: Mapping[str, Any]) -> None:
    known = list(value.get(parts[0]) or [])
    item = "/".join(parts[1:]) or str(one.get("value", ""))
    if one["op"] == "remove":
        known = [old for old in known if old != item]
    elif one["op"] == "replace":
        known = [str(one.get("value", "")) if old == item else old for old in known]
    elif item not in known:
        known.append(item)
    value[parts[0]] = known


def _member(value: dict[str, Any], parts: Sequence[str], one: Mapping[str, Any]) -> None:
    target = value
    for part in parts[:-1]:
        below = target.setdefault(part, {})
        if not isinstance(below, dict):
            raise _bad(f"Invalid patch path {one.get('path')}")
        target = below
    last = parts[-1]
    unset = last == "minimumCompressionSize" and not one.get("value")  # as Chalice says it
    if one["op"] == "remove" or unset:
        target.pop(last, None)
    elif one["op"] in ("add", "replace"):
        target[last] = _typed(target.get(last), last, one.get("value"))
    else:
        raise _bad(f"Invalid patch operation {one.get('op')}")


def _typed(old: Any, name: str, said: Any) -> Any:
    """A value comes as text; it is of the type that the old one has."""
    text = "" if said is None else str(said)
    if isinstance(old, bool) or name.lower().endswith(("enabled", "required", "endpoint")):
        return text.lower() == "true"
    if isinstance(old, int) or name in ("minimumCompressionSize", "authorizerResultTtlInSeconds"):
        if not text.lstrip("-").isdecimal():
            raise _bad(f"{text!r} is no number")
        return int(text)
    return text


def _bad(message: str) -> AwsError:
    return AwsError("BadRequestException", message, 400)
