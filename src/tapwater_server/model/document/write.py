"""What a write does to a document: whole, merged, field by field, or away.

A value ``{"$increment": 1}`` in what is written is an operator: it is worked out on the value that
stands there, in the transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.expiry import Ttl, end_of
from tapwater_server.model.document.paths import DocPath, Field, parse_field
from tapwater_server.model.document.value import (
    DEPTH_MAX,
    INT_MAX,
    INT_MIN,
    MISSING,
    check,
    check_name,
    check_scalar,
    check_size,
    identity,
)
from tapwater_server.model.errors import Conflict, Invalid, NotFound

WRITES_MAX = 500  # In one commit.


class Kind(StrEnum):
    """What a write does."""

    SET = "set"  # the document is exactly this
    MERGE = "merge"  # these fields are put in, objects into objects; it may be new
    UPDATE = "update"  # these fields, by place; it must be there
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold for a write to happen."""

    exists: bool | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write. ``data`` is checked already; the names of UPDATE are places (``a.b``)."""

    kind: Kind
    path: DocPath
    data: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition = field(default_factory=Condition)
    expires_at: float | None = None  # seconds since the epoch; 0.0: never; None: as it was


class Moved(Conflict):
    """A document is not as the writer assumed. ``problems`` names each and what it is now."""

    def __init__(self, problems: "list[dict[str, str]]") -> None:
        super().__init__("; ".join(f"{each['where']} {each['what']}" for each in problems[:10]))
        self.problems = tuple(problems)


class Unmet(Moved):
    """The condition of one write does not hold: of a single one over HTTP that is a 412."""


def check_condition(write: Write, old: Document | None) -> None:
    """Refuse a write whose condition does not hold.

    Raises:
        Unmet: the document is another than the writer thought.
        NotFound: an update of what is not there.
    """
    wanted = write.condition
    if wanted.exists is False and old is not None:
        raise _unmet(write.path, f"exists already, in version {old.version}")
    if wanted.exists is True and old is None:
        raise NotFound(f"there is no document {write.path}")
    if wanted.version is not None and (old.version if old else 0) != wanted.version:
        now = f"is in version {old.version}" if old else "does not exist"
        raise _unmet(write.path, f"{now}, not in version {wanted.version}")
    if write.kind is Kind.UPDATE and old is None:
        raise NotFound(f"there is no document {write.path} to update")


def moved(reads: Mapping[DocPath, int], now: Mapping[DocPath, int]) -> Moved | None:
    """Compare the versions a transaction read (0: not there) with those that are."""
    problems = [
        {"where": str(path), "what": f"was read in version {read} and is in version {now[path]}"}
        for path, read in reads.items()
        if now[path] != read
    ]
    return Moved(problems) if problems else None


def _unmet(path: DocPath, what: str) -> Unmet:
    return Unmet([{"where": str(path), "what": what}])


def apply(write: Write, old: Mapping[str, Any] | None, *, now: float) -> dict[str, Any] | None:
    """Work out the document after the write; None: it is gone.

    Raises:
        Invalid: an operator does not fit the value that stands there.
    """
    match write.kind:
        case Kind.DELETE:
            return None
        case Kind.SET:
            return _merged({}, write.data, now=now)
        case Kind.MERGE:
            return _merged(dict(old or {}), write.data, now=now)
        case Kind.UPDATE:
            new = dict(old or {})
            for name, value in write.data.items():
                new = _placed(new, parse_field(name), value, now=now)
            if any("." in name for name in write.data):
                check(new)  # Places can lead deeper than what was sent, and to other names.
            return new


def _merged(
    into: dict[str, Any], data: Mapping[str, Any], *, now: float, depth: int = 1
) -> dict[str, Any]:
    assert depth <= DEPTH_MAX, "what is written was checked"
    for name, value in data.items():
        there = into.get(name, MISSING)
        if isinstance(value, dict) and not is_operator(value):
            under = dict(there) if isinstance(there, dict) else {}
            into[name] = _merged(under, value, now=now, depth=depth + 1)
        else:
            _put(into, name, _worked(value, there, where=name, now=now))
    return into


def _placed(data: dict[str, Any], at: Field, value: Any, *, now: float) -> dict[str, Any]:
    """Give a copy in which the value stands at its place; objects on the way are made."""
    name, rest = at[0], at[1:]
    new = dict(data)
    there = data.get(name, MISSING)
    if rest:
        new[name] = _placed(there if isinstance(there, dict) else {}, rest, value, now=now)
    elif isinstance(value, dict) and not is_operator(value):
        new[name] = _merged({}, value, now=now)
    else:
        _put(new, name, _worked(value, there, where=name, now=now))
    return new


def _put(into: dict[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        into.pop(name, None)
    else:
        into[name] = value


def is_operator(value: Mapping[str, Any]) -> bool:
    """Say whether an object is an operator rather than data."""
    return len(value) == 1 and next(iter(value))[:1] == "$"


def _worked(value: Any, there: Any, *, where: str, now: float) -> Any:
    if not isinstance(value, dict):
        return value
    ((name, given),) = value.items()
    return _OPERATORS[name](given, there, where, now)


def _increment(by: Any, there: Any, where: str, _now: float) -> Any:
    if there is MISSING or there is None:
        there = 0
    if not _is_number(there):
        raise Invalid(f"{where} is not a number and cannot be incremented")
    total = there + by
    if isinstance(total, int) and not INT_MIN <= total <= INT_MAX:
        raise Invalid(f"{where} would have more than 64 bits")
    check_scalar(total, where)
    return total


def _union(items: Any, there: Any, where: str, _now: float) -> Any:
    kept = list(_list(there, where))
    known = set(map(identity, kept))
    for item in items:
        if identity(item) not in known:
            known.add(identity(item))
            kept.append(item)
    return kept


def _remove(items: Any, there: Any, where: str, _now: float) -> Any:
    away = set(map(identity, items))
    return [each for each in _list(there, where) if identity(each) not in away]


def _list(there: Any, where: str) -> list[Any]:
    if there is MISSING or there is None:
        return []
    if not isinstance(there, list):
        raise Invalid(f"{where} is not a list")
    return there


def _delete(_given: Any, _there: Any, _where: str, _now: float) -> Any:
    return MISSING


def _time(_given: Any, _there: Any, _where: str, now: float) -> Any:
    return now


_OPERATORS: Mapping[str, Callable[[Any, Any, str, float], Any]] = {
    "$increment": _increment,
    "$union": _union,
    "$remove": _remove,
    "$delete": _delete,
    "$now": _time,
}


def check_data(data: Mapping[str, Any], *, where: str = "data", depth: int = 1) -> None:
    """Check what is to be written; operators may stand where values do, but not in lists.

    Raises:
        Invalid: it cannot be in a document; ``problems`` names the place.
    """
    if depth > DEPTH_MAX:
        raise Invalid(f"{where[:100]} is nested deeper than {DEPTH_MAX}")
    for name, value in data.items():
        here = f"{where}.{name[:100]}"
        check_name(name, where)
        if not isinstance(value, dict):
            check(value, where=here, depth=depth + 1)
        elif is_operator(value):
            _check_operator(value, here)
        else:
            check_data(value, where=here, depth=depth + 1)


def _check_operator(value: Mapping[str, Any], where: str) -> None:
    ((name, given),) = value.items()
    if name not in _OPERATORS:
        what = f"there is no operator {name[:50]!r} ({', '.join(_OPERATORS)})"
    elif name == "$increment" and not _is_number(given):
        what = "$increment takes a number"
    elif name in {"$union", "$remove"} and not isinstance(given, list):
        what = f"{name} takes a list"
    elif name in {"$delete", "$now"} and given is not True:
        what = f"{name} takes true"
    else:
        check(given, where=where)
        return
    raise Invalid(f"{where}: {what}", problems=({"where": where, "what": what},))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def draft(
    write: Write,
    old: Document | None,
    data: Mapping[str, Any],
    *,
    now: float,
    version: int = 0,
    ttl: Ttl | None = None,
) -> Document:
    """Give the document that a write makes of the old one. ``ttl``: the field that says when it
    ends, unless the write itself does.

    Raises:
        TooLarge: it would have more bytes than a document may.
    """
    raw = msgspec.json.encode(data)
    check_size(raw, str(write.path))
    if write.expires_at is not None:
        expires_at = write.expires_at
    elif ttl is not None:
        expires_at = end_of(data, ttl)
    else:
        expires_at = old.expires_at if old else 0.0
    return Document(
        path=write.path,
        version=version,
        created_at=old.created_at if old else now,
        updated_at=now,
        expires_at=expires_at,
        raw=raw,
    )
