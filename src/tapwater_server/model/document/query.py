"""Which documents are asked for, in what order; and what that plainly means, whatever the plan.

A condition holds only of a document that has the field, except ``exists false``. ``<`` and its
like compare values of one type: numbers with numbers, text with text. Without ``order_by`` a query
that has a range is ordered by that field; what is equal is ordered by path, in the direction of
the last order.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.paths import DocPath, Field
from tapwater_server.model.document.value import MISSING, identity, order_key, pick, text_key
from tapwater_server.model.errors import Invalid

LIMIT_MAX = 1000  # Documents in one page.
CONDITIONS_MAX = 100
NESTING_MAX = 10
IN_MAX = 100  # Values behind one "in".
ORDERS_MAX = 10
RANGES = frozenset({"<", "<=", ">", ">=", "starts with"})
OPERATORS = RANGES | {"==", "!=", "in", "not in", "contains", "exists"}


@dataclass(frozen=True, slots=True)
class Is:
    """One condition on one field."""

    field: Field
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All of these."""

    of: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these."""

    of: "tuple[Condition, ...]"


Condition = Is | Every | Some


@dataclass(frozen=True, slots=True)
class Order:
    """By what to order."""

    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Documents of one collection, or of all collections of one name (``group``)."""

    collection: str
    group: bool = False
    where: Every = field(default_factory=Every)
    order_by: tuple[Order, ...] = ()
    limit: int = 100
    after: str = ""  # the cursor of the page before
    select: tuple[Field, ...] = ()  # which fields; none: all

    @property
    def orders(self) -> tuple[Order, ...]:
        """The order that holds, said or not."""
        if self.order_by:
            return self.order_by
        for one in self.where.of:
            if isinstance(one, Is) and one.op in RANGES:
                return (Order(one.field),)
        return ()

    @property
    def descending(self) -> bool:
        """Whether what is equal is ordered by falling path."""
        return bool(self.order_by) and self.order_by[-1].descending


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """Where a document stands in an order: bytes that compare as the documents do."""

    keys: tuple[bytes, ...]  # turned over where falling
    path: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a page ended: the plain keys of the orders, and the path."""

    keys: tuple[bytes, ...]
    path: DocPath


def matches(where: Condition, data: Mapping[str, Any]) -> bool:
    """Say whether a condition holds of a document's data."""
    match where:
        case Is():
            return _holds(where, pick(data, where.field))
        case Every():
            return all(matches(each, data) for each in where.of)
        case Some():
            return any(matches(each, data) for each in where.of)


def _holds(one: Is, value: Any) -> bool:
    if one.op == "exists":
        return (value is not MISSING) is one.value
    return value is not MISSING and _TESTS[one.op](value, one.value)


def _compared(value: Any, wanted: Any, test: Callable[[bytes, bytes], bool]) -> bool:
    """Compare within one type, as the keys of indexes do."""
    a, b = order_key(value), order_key(wanted)
    return kind_of(a) == kind_of(b) and test(a, b)


def kind_of(key: bytes) -> int:
    """Give the type a key is of; true and false are one type."""
    return 0x10 if key[0] == 0x11 else key[0]


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda value, wanted: identity(value) == identity(wanted),
    "!=": lambda value, wanted: identity(value) != identity(wanted),
    "in": lambda value, wanted: identity(value) in set(map(identity, wanted)),
    "not in": lambda value, wanted: identity(value) not in set(map(identity, wanted)),
    "<": lambda value, wanted: _compared(value, wanted, bytes.__lt__),
    "<=": lambda value, wanted: _compared(value, wanted, bytes.__le__),
    ">": lambda value, wanted: _compared(value, wanted, bytes.__gt__),
    ">=": lambda value, wanted: _compared(value, wanted, bytes.__ge__),
    "contains": lambda value, wanted: (
        isinstance(value, list) and identity(wanted) in set(map(identity, value))
    ),
    "starts with": lambda value, wanted: isinstance(value, str) and value.startswith(wanted),
}


def keys_of(query: Query, data: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Give the plain keys of a document's order."""
    return tuple(order_key(pick(data, order.field)) for order in query.orders)


def path_key(path: DocPath) -> bytes:
    """Write a path so that it sorts by collection, then id."""
    return text_key(path.collection) + text_key(path.id)


def standing(query: Query, keys: Sequence[bytes], path: DocPath) -> Standing:
    """Say where a document stands in the query's order."""
    turned = tuple(
        invert(key) if order.descending else key
        for key, order in zip(keys, query.orders, strict=True)
    )
    tail = path_key(path)
    return Standing(turned, invert(tail) if query.descending else tail)


_INVERTED = bytes(255 - each for each in range(256))


def invert(key: bytes) -> bytes:
    """Turn a key over: what came first comes last.

    >>> invert(b"a") > invert(b"b")
    True
    """
    return key.translate(_INVERTED)


def write_cursor(query: Query, keys: Sequence[bytes], path: DocPath) -> str:
    """Write where a page ended, for the next one."""
    raw = msgspec.msgpack.encode([_digest(query), list(keys), path.collection, path.id])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(query: Query) -> Cursor | None:
    """Read where the page before ended.

    Raises:
        Invalid: it is no cursor, or one of another query.
    """
    if not query.after:
        return None
    try:
        raw = base64.urlsafe_b64decode(query.after + "=" * (-len(query.after) % 4))
        digest, keys, collection, id = msgspec.msgpack.decode(
            raw, type=tuple[bytes, list[bytes], str, str]
        )
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Invalid("after is no cursor: give the one that the page before came with") from None
    if digest != _digest(query) or len(keys) != len(query.orders):
        raise Invalid("after is the cursor of another query")
    return Cursor(keys=tuple(keys), path=DocPath(collection, id))


def _digest(query: Query) -> bytes:
    """Tell queries apart whose order or documents differ; a page may have another size."""
    raw = msgspec.msgpack.encode(
        [query.collection, query.group, query.orders, query.descending, plain(query.where)]
    )
    return hashlib.blake2s(raw, digest_size=8).digest()


def plain(where: Condition) -> Any:
    """Give a condition as plain data."""
    match where:
        case Is():
            return [list(where.field), where.op, where.value]
        case Every():
            return {"and": [plain(each) for each in where.of]}
        case Some():
            return {"or": [plain(each) for each in where.of]}


def selected(document: Document, select: Sequence[Field]) -> Document:
    """Keep only the fields that were asked for."""
    if not select:
        return document
    data, kept = document.data, dict[str, Any]()
    for place in select:
        value = pick(data, place)
        if value is not MISSING:
            _put(kept, place, value)
    return replace(document, raw=msgspec.json.encode(kept))


def _put(into: dict[str, Any], place: Field, value: Any) -> None:
    for name in place[:-1]:
        under = into.setdefault(name, {})
        if not isinstance(under, dict):
            return
        into = under
    into[place[-1]] = value
