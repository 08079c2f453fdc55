"""Values of a request by their shapes: types checked, blobs and times read. Pure."""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.protocol.models import Shape

DEPTH_MAX = 100


def shaped(shape: Shape, value: Any, *, depth: int = 0) -> Any:
    """Read what JSON gave.

    Raises:
        AwsError: a value is of another type.
    """
    if depth > DEPTH_MAX:
        raise AwsError("SerializationException", "The body is nested too deeply", 400)
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, value, depth)
    if kind == "list":
        return [shaped(shape.member, each, depth=depth + 1) for each in _typed(shape, value, list)]
    if kind == "map":
        said = _typed(shape, value, dict)
        return {name: shaped(shape.value, each, depth=depth + 1) for name, each in said.items()}
    return _SCALARS[kind](shape, value)


def shaped_text(shape: Shape, text: str, *, header: bool = False) -> Any:
    """Read what a form, a query or a header gave.

    Raises:
        AwsError: it cannot be of this type.
    """
    kind = shape.type_name
    if kind in ("integer", "long"):
        return _number(shape, text, int)
    if kind in ("float", "double"):
        return _number(shape, text, float)
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise _wrong(shape, text)
        return text.lower() == "true"
    if kind == "list" and header:
        return [shaped_text(shape.member, part.strip()) for part in text.split(",")]
    if kind == "timestamp":
        return read_time(text)
    if kind == "blob":
        return _blob(shape, text)
    return text


def read_time(text: str) -> float:
    """Read a time as any of the protocols writes it.

    >>> read_time("2015-01-25T08:00:00Z"), read_time("1422172800")
    (1422172800.0, 1422172800.0)

    Raises:
        AwsError: it is none.
    """
    for read in (float, _iso, lambda said: parsedate_to_datetime(said).timestamp()):
        try:
            return float(read(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    raise AwsError("SerializationException", f"{text[:60]!r} is no time", 400)


def _iso(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _structure(shape: Shape, value: Any, depth: int) -> Any:
    if getattr(shape, "is_document_type", False):
        return value
    said = _typed(shape, value, dict)
    found = {}
    for name, member in shape.members.items():
        given = said.get(member.serialization.get("name", name))
        if given is not None:
            found[name] = shaped(member, given, depth=depth + 1)
    return found


def _typed(shape: Shape, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _wrong(shape, value)
    return value


def _text(shape: Shape, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(shape, value)
    return value if isinstance(value, str) else str(value)


def _whole(shape: Shape, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise _wrong(shape, value)
    return int(value)


def _float(shape: Shape, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(shape, value)
    return float(value)


def _flag(shape: Shape, value: Any) -> bool:
    return bool(_typed(shape, value, bool))


def _blob(shape: Shape, value: Any) -> bytes:
    try:
        return b64decode(_typed(shape, value, str), validate=True)
    except (Error, ValueError):
        raise _wrong(shape, value) from None


def _time(shape: Shape, value: Any) -> float:
    if isinstance(value, bool):
        raise _wrong(shape, value)
    return float(value) if isinstance(value, int | float) else read_time(_typed(shape, value, str))


_SCALARS: Mapping[str, Callable[[Shape, Any], Any]] = {
    "string": _text,
    "character": _text,
    "integer": _whole,
    "long": _whole,
    "float": _float,
    "double": _float,
    "boolean": _flag,
    "blob": _blob,
    "timestamp": _time,
}


def _number(shape: Shape, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text) if len(text) < 40 else None
    except ValueError:
        raise _wrong(shape, text) from None


def _wrong(shape: Shape, value: Any) -> AwsError:
    return AwsError(
        "SerializationException",
        f"{type(value).__name__} value cannot be converted to {shape.type_name}",
        400,
    )
