"""What clients send, read once and checked: queries, writes, indexes. Complaints have a place."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tapwater_server.model.document.expiry import EXPIRES_MAX, Ttl
from tapwater_server.model.document.index import Index, make_index
from tapwater_server.model.document.paths import (
    DocPath,
    parse_collection,
    parse_doc_path,
    parse_field,
    parse_group,
)
from tapwater_server.model.document.query import (
    CONDITIONS_MAX,
    IN_MAX,
    LIMIT_MAX,
    NESTING_MAX,
    OPERATORS,
    ORDERS_MAX,
    Condition,
    Every,
    Is,
    Order,
    Query,
    Some,
)
from tapwater_server.model.document.value import check
from tapwater_server.model.document.write import (
    WRITES_MAX,
    Kind,
    Write,
    check_data,
)
from tapwater_server.model.document.write import Condition as If
from tapwater_server.model.errors import Invalid

SELECT_MAX = 100
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>| contains | starts with | in ")


class QueryAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A query, as clients send it."""

    collection: str
    group: bool = False
    where: list[Any] = []
    order_by: list[str] = []
    limit: int = 100
    after: str = ""
    select: list[str] = []
    count: bool = False


class IfAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What must hold for a write."""

    exists: bool | None = None
    version: int | None = None


class WriteAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One write: exactly one of set, merge, update and delete names the document."""

    set: str | None = None
    merge: str | None = None
    update: str | None = None
    delete: str | None = None
    data: dict[str, Any] = {}
    condition: IfAsked = msgspec.field(name="if", default_factory=IfAsked)
    ttl: float | None = None
    expires_at: float | None = None


class CommitAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Writes that happen together or not at all, if what was read is still so."""

    writes: list[WriteAsked]
    reads: dict[str, int] = {}


class IndexAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An index: fields as ``name``, ``-name`` (falling) or ``name[]`` (elements of a list)."""

    collection: str
    fields: list[str]
    group: bool = False


class TtlAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which field of a collection's documents says when they end."""

    collection: str
    field: str


def located(where: str, read: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Read a part; what is wrong with it is said with its place."""
    try:
        return read(*given, **named)
    except Invalid as error:
        problems = error.problems or ({"where": where, "what": error.message},)
        raise Invalid(f"{where}: {error.message}", problems=problems) from None


def read_query(asked: QueryAsked) -> Query:
    """Check a query.

    Raises:
        Invalid: something in it is wrong.
    """
    parse = parse_group if asked.group else parse_collection
    located("collection", parse, asked.collection)
    if not 1 <= asked.limit <= LIMIT_MAX:
        raise wrong("limit", f"must be from 1 to {LIMIT_MAX}")
    if len(asked.order_by) > ORDERS_MAX:
        raise wrong("order_by", f"at most {ORDERS_MAX} fields")
    if len(asked.select) > SELECT_MAX:
        raise wrong("select", f"at most {SELECT_MAX} fields")
    counter = [0]
    where = tuple(
        _condition(each, f"where[{number}]", counter, depth=1)
        for number, each in enumerate(asked.where)
    )
    return Query(
        collection=asked.collection,
        group=asked.group,
        where=Every(where),
        order_by=tuple(
            located(f"order_by[{number}]", _order, each)
            for number, each in enumerate(asked.order_by)
        ),
        limit=asked.limit,
        after=asked.after,
        select=tuple(
            located(f"select[{number}]", parse_field, each)
            for number, each in enumerate(asked.select)
        ),
    )


def wrong(where: str, what: str) -> Invalid:
    """Make an error that names the place."""
    return Invalid(f"{where}: {what}", problems=({"where": where, "what": what},))


def _order(text: str) -> Order:
    return Order(parse_field(text.removeprefix("-")), text.startswith("-"))


def _condition(given: Any, where: str, counter: list[int], *, depth: int) -> Condition:
    counter[0] += 1
    if counter[0] > CONDITIONS_MAX or depth > NESTING_MAX:
        raise wrong(where, f"at most {CONDITIONS_MAX} conditions, {NESTING_MAX} deep")
    if isinstance(given, list) and len(given) == 3 and all(isinstance(g, str) for g in given[:2]):
        return _is(given, where)
    if isinstance(given, dict) and len(given) == 1:
        ((word, inner),) = given.items()
        if word in {"and", "or"} and isinstance(inner, list) and inner:
            of = tuple(
                _condition(each, f"{where}.{word}[{number}]", counter, depth=depth + 1)
                for number, each in enumerate(inner)
            )
            return Every(of) if word == "and" else Some(of)
    raise wrong(where, 'write ["field", "operator", value], {"and": [...]} or {"or": [...]}')


def _is(given: Sequence[Any], where: str) -> Is:
    field, op, value = given
    if op not in OPERATORS:
        raise wrong(where, f"there is no operator {op[:30]!r} ({', '.join(sorted(OPERATORS))})")
    if op in {"in", "not in"} and (not isinstance(value, list) or len(value) > IN_MAX):
        raise wrong(where, f"{op!r} takes a list of at most {IN_MAX} values")
    if op == "exists" and not isinstance(value, bool):
        raise wrong(where, "'exists' takes true or false")
    if op == "starts with" and not isinstance(value, str):
        raise wrong(where, "'starts with' takes text")
    check(value, where=where)
    return Is(located(where, parse_field, field), op, value)


def read_simple(asked: Mapping[str, str], collection: str) -> QueryAsked:
    """Read a query from the parameters of a URL: ``where=age>3;city==Ulm&order_by=-age&limit=10``.

    Raises:
        Invalid: it cannot be understood.
    """
    where = [_simple(each) for each in asked.get("where", "").split(";") if each.strip()]
    try:
        limit = int(asked.get("limit") or 100)
    except ValueError:
        raise wrong("limit", "must be a whole number") from None
    return QueryAsked(
        collection=collection,
        group=asked.get("group", "") in {"1", "true"},
        where=where,
        order_by=_names(asked.get("order_by", "")),
        limit=limit,
        after=asked.get("after", ""),
        select=_names(asked.get("select", "")),
        count=asked.get("count", "") in {"1", "true"},
    )


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _simple(text: str) -> list[Any]:
    text = text.lstrip()
    found = _OPERATOR.search(text, 1)  # No pattern for all of it: on many blanks those take long.
    if found is None:
        raise wrong("where", f"{text[:80]!r} is not FIELD OPERATOR VALUE, such as age>3")
    field, op, value = text[: found.start()].rstrip(), found[0].strip(), text[found.end() :].strip()
    try:
        return [field, op, msgspec.json.decode(value)]
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return [field, op, value]  # A word without quotes is text.


def read_data(raw: bytes) -> dict[str, Any]:
    """Read the data of one document.

    Raises:
        Invalid: it is no JSON object, or one that cannot be kept.
    """
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Invalid(f"the body is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Invalid("a document is a JSON object")
    check_data(data)
    return data


def read_commit(asked: CommitAsked, *, now: float) -> tuple[list[Write], dict[DocPath, int]]:
    """Check a batch.

    Raises:
        Invalid: something in it is wrong.
    """
    if len(asked.writes) > WRITES_MAX or len(asked.reads) > WRITES_MAX:
        raise wrong("writes", f"at most {WRITES_MAX} writes and {WRITES_MAX} reads")
    writes = [
        located(f"writes[{number}]", read_write, each, now=now)
        for number, each in enumerate(asked.writes)
    ]
    reads = {located("reads", parse_doc_path, path): each for path, each in asked.reads.items()}
    return writes, reads


def read_write(asked: WriteAsked, *, now: float) -> Write:
    """Check one write.

    Raises:
        Invalid: it names no document or several, or its data cannot be kept.
    """
    named = [(kind, path) for kind in Kind if (path := getattr(asked, kind.value)) is not None]
    if len(named) != 1:
        raise Invalid("name the document in one of set, merge, update and delete")
    ((kind, path),) = named
    if kind is Kind.UPDATE:
        for name in asked.data:
            parse_field(name)
    check_data(asked.data)
    return Write(
        kind=kind,
        path=parse_doc_path(path),
        data=asked.data,
        condition=If(exists=asked.condition.exists, version=asked.condition.version),
        expires_at=read_expiry(asked.ttl, asked.expires_at, now=now),
    )


def read_expiry(ttl: float | None, expires_at: float | None, *, now: float) -> float | None:
    """Say when a document ends: in ``ttl`` seconds or at a time; 0 is never, None as it was.

    Raises:
        Invalid: it is no time.
    """
    if ttl is not None and expires_at is not None:
        raise wrong("ttl", "give ttl or expires_at, not both")
    for name, given in (("ttl", ttl), ("expires_at", expires_at)):
        if given is not None and not (math.isfinite(given) and 0 <= given <= EXPIRES_MAX):
            raise wrong(name, "must be seconds, 0 or more")
    if ttl is not None:
        return now + ttl if ttl else 0.0
    return expires_at


def read_index(asked: IndexAsked) -> Index:
    """Check an index.

    Raises:
        Invalid: something in it is wrong.
    """
    located("collection", parse_group, asked.collection)
    return make_index(asked.collection, asked.fields, group=asked.group)


def read_ttl(asked: TtlAsked) -> Ttl:
    """Check which field says when documents end.

    Raises:
        Invalid: something in it is wrong.
    """
    located("collection", parse_group, asked.collection)
    return Ttl(name=asked.collection, field=located("field", parse_field, asked.field))
