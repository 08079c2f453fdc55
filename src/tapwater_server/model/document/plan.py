"""How a query is answered: which index, which stretch of it, in which direction. Pure.

A query is cut into branches (one for each way an OR or an "in" can be true); each branch finds the
index that serves it best. Every document found is still judged by ``query.matches``: a stretch
may be too wide, never too narrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from tapwater_server.model.document.index import FIELDS_MAX, Index, IndexField, tail_of
from tapwater_server.model.document.paths import Field
from tapwater_server.model.document.query import (
    RANGES,
    Condition,
    Cursor,
    Every,
    Is,
    Order,
    Query,
    Some,
    invert,
    kind_of,
)
from tapwater_server.model.document.value import (
    KEY_BYTES_MAX,
    MISSING,
    TAG_MISSING,
    TAG_TEXT,
    order_key,
    text_key,
)

BRANCHES_MAX = 100  # Beyond that the "in" and "or" are judged document by document.
_LAST = b"\xff" * 8  # Behind every key.
_INDEXED = RANGES | {"==", "in", "contains", "exists"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Keys from ``low`` up to, not including, ``high``."""

    low: bytes
    high: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One way to find documents. Without an index: all of the collection, in order of path."""

    index: Index | None = None
    stretch: Stretch = Stretch(b"", _LAST)
    reverse: bool = False
    ordered: bool  # documents come in the query's order
    exact: bool  # the stretch holds nothing that does not match
    bound: int = 0  # how many conditions the stretch answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All branches of a query. ``advice`` is the index that would serve it, if none does."""

    branches: tuple[Branch, ...]
    advice: Index | None = None

    @property
    def ordered(self) -> bool:
        return all(branch.ordered for branch in self.branches)

    @property
    def exact(self) -> bool:
        return all(branch.exact for branch in self.branches)


def plan(query: Query, indexes: Sequence[Index], cursor: Cursor | None = None) -> Plan:
    """Choose how to answer a query with the indexes there are.

    Indexes of other collections or of the other scope are left aside.
    """
    fitting = [
        each
        for each in indexes
        if each.name == query.collection.rpartition("/")[2] and each.group == query.group
    ]
    branches, advised = [], list[Index]()
    for branch in branches_of(query.where):
        best = _best(query, branch, fitting, cursor)
        branches.append(best)
        if not best.ordered or (not best.exact and _could_be_bound(best, branch)):
            wanted = advice(query, branch)
            advised += [wanted] if wanted is not None and wanted not in fitting else []
    if len(branches) > 1 and any(each.index is None for each in branches):
        # One look at everything is cheaper than one for each branch.
        branches = [_by_path(query, query.where.of)]
    return Plan(branches=tuple(branches), advice=advised[0] if advised else None)


def branches_of(where: Condition) -> list[list[Condition]]:
    """Cut a condition into lists of conditions that hold together, one of which must hold.

    >>> [len(branch) for branch in branches_of(Every((Is(("a",), "in", [1, 2]),)))]
    [1, 1]
    """
    cut = _cut(where)
    return cut if cut is not None else [[where]]


def _cut(where: Condition) -> list[list[Condition]] | None:
    """Give the branches, or None if there are too many."""
    match where:
        case Is(field, "in", values):
            if len(values) > BRANCHES_MAX:
                return None
            return [[Is(field, "==", value)] for value in values]
        case Is():
            return [[where]]
        case Some():
            found = [branch for each in where.of for branch in branches_of(each)]
            return found if len(found) <= BRANCHES_MAX else None
        case Every():
            return _product(where)


def _product(every: Every) -> list[list[Condition]] | None:
    branches: list[list[Condition]] = [[]]
    for each in every.of:
        cut = branches_of(each)
        if len(branches) * len(cut) > BRANCHES_MAX:
            cut = [[each]]  # This one is judged document by document.
        branches = [[*some, *more] for some, more in product(branches, cut)]
    return branches


def _best(
    query: Query,
    branch: Sequence[Condition],
    indexes: Sequence[Index],
    cursor: Cursor | None,
) -> Branch:
    """Choose for one branch: what is ordered and bound most; then what is bound most."""
    found = [_by_path(query, branch)]
    found += [
        each for index in indexes if (each := _by_index(query, branch, index, cursor)) is not None
    ]
    return max(found, key=_worth)


def _worth(branch: Branch) -> tuple[bool, int, bool]:
    return (branch.ordered and branch.exact, branch.bound, branch.ordered)


def _by_path(query: Query, branch: Sequence[Condition]) -> Branch:
    ordered = not _still_ordering(query, _fixed(branch))
    conditions = [each for each in branch if each != Every()]
    return Branch(reverse=query.descending, ordered=ordered, exact=not conditions)


def _fixed(branch: Sequence[Condition]) -> Mapping[Field, Is]:
    """Give the fields that have one value in this branch."""
    found: dict[Field, Is] = {}
    for each in branch:
        if isinstance(each, Is) and (each.op == "==" or (each.op == "exists" and not each.value)):
            found.setdefault(each.field, each)
    return found


def _still_ordering(query: Query, fixed: Mapping[Field, Is]) -> list[Order]:
    """Give the orders that matter: none by a field that has one value, none twice."""
    seen, found = set(fixed), []
    for order in query.orders:
        if order.field not in seen:
            seen.add(order.field)
            found.append(order)
    return found


def _by_index(
    query: Query, branch: Sequence[Condition], index: Index, cursor: Cursor | None
) -> Branch | None:
    """Say what an index does for a branch; None: nothing."""
    head, used, rest = _head(branch, index)
    if any(part.each for part in rest):
        return None  # A document could be missing there, or come twice.
    orders = _still_ordering(query, _fixed(branch))
    reverse = _direction(query, orders, rest, index)
    stretch = Stretch(head, head + _LAST)
    if rest:
        ranges = [
            each
            for each in branch
            if isinstance(each, Is) and each.field == rest[0].field and bounds(each) is not None
        ]
        for one in ranges:
            stretch = _narrowed(stretch, head, one, rest[0])
        used = [*used, *ranges]
    if not used and reverse is None:
        return None
    if reverse is not None and cursor is not None:
        stretch = _resumed(stretch, head, (query, orders, rest, index, cursor), reverse=reverse)
    conditions = [each for each in branch if each != Every()]
    exact = len(used) == len(conditions) and not any(_is_cut(each) for each in used)
    return Branch(
        index=index,
        bound=len(used),
        stretch=stretch,
        reverse=bool(reverse),
        ordered=reverse is not None,
        exact=exact,
    )


def _head(
    branch: Sequence[Condition], index: Index
) -> tuple[bytes, list[Is], Sequence[IndexField]]:
    """Bind the first fields of an index to the values they must have."""
    head, used = b"", list[Is]()
    for at, part in enumerate(index.fields):
        one = next((each for each in branch if _binds(each, part, used)), None)
        if not isinstance(one, Is):
            return head, used, index.fields[at:]
        key = order_key(MISSING if one.op == "exists" else one.value)
        head += invert(key) if part.descending else key
        used.append(one)
    return head, used, ()


def _binds(one: Condition, part: IndexField, used: Sequence[Is]) -> bool:
    if not isinstance(one, Is) or one.field != part.field or one in used:
        return False
    if part.each:
        return one.op == "contains"
    return one.op == "==" or (one.op == "exists" and not one.value)


def _direction(
    query: Query, orders: Sequence[Order], rest: Sequence[IndexField], index: Index
) -> bool | None:
    """Say whether to read an index backwards for the query's order; None: it has another order."""
    if [order.field for order in orders] != [part.field for part in rest]:
        return None
    wanted = [*(order.descending for order in orders), query.descending]
    given = [*(part.descending for part in rest), index.tail_descending]
    turned = {a != b for a, b in zip(wanted, given, strict=True)}
    return turned.pop() if len(turned) == 1 else None


def bounds(one: Is) -> Stretch | None:
    """Give the keys of the values for which a condition can hold; None: not one stretch.

    >>> low_high = bounds(Is(("a",), ">=", 5))
    >>> low_high.low == order_key(5), low_high.high
    (True, b'!')
    """
    if one.op == "exists":
        return Stretch(after(TAG_MISSING), b"\xff") if one.value else None
    if one.op == "starts with":
        low = (TAG_TEXT + text_key(one.value)[:-2])[:KEY_BYTES_MAX]
        return Stretch(low, after(low))
    if one.op not in {"<", "<=", ">", ">=", "=="}:
        return None
    key = order_key(one.value)
    kind = bytes([kind_of(key)])
    low, high = kind, b"\x12" if kind == b"\x10" else after(kind)
    match one.op:
        case "<" | "<=":
            high = after(key) if one.op == "<=" else key
        case ">" | ">=":
            low = after(key) if one.op == ">" else key
        case _:
            low, high = key, after(key)
    return Stretch(low, high)


def after(prefix: bytes) -> bytes:
    r"""Give what comes behind everything that begins so.

    >>> after(b"a\xff")
    b'b'
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else _LAST


def _narrowed(stretch: Stretch, head: bytes, one: Is, part: IndexField) -> Stretch:
    found = bounds(one)
    assert found is not None, "it was looked at before"
    low, high = found.low, found.high
    if part.descending:
        low, high = after(invert(high)), after(invert(low))
    return Stretch(max(stretch.low, head + low), min(stretch.high, head + high))


def _resumed(
    stretch: Stretch,
    head: bytes,
    at: tuple[Query, Sequence[Order], Sequence[IndexField], Index, Cursor],
    *,
    reverse: bool,
) -> Stretch:
    """Begin behind the document that the page before ended with."""
    query, orders, rest, index, cursor = at
    by_field = dict(reversed(list(zip((o.field for o in query.orders), cursor.keys, strict=True))))
    key = head
    for order, part in zip(orders, rest, strict=True):
        found = by_field[order.field]
        key += invert(found) if part.descending else found
    key += tail_of(index, cursor.path)
    if reverse:
        return Stretch(stretch.low, min(stretch.high, key))
    return Stretch(max(stretch.low, key + b"\x00"), stretch.high)


def _is_cut(one: Is) -> bool:
    """Say whether a key was so long that it stands for several values."""
    return one.op != "exists" and len(order_key(one.value)) >= KEY_BYTES_MAX


def _could_be_bound(branch: Branch, conditions: Sequence[Condition]) -> bool:
    """Say whether a better index is thinkable: more conditions that an index can serve."""
    wanted = {each.field for each in conditions if isinstance(each, Is) and each.op in _INDEXED}
    have = {part.field for part in branch.index.fields} if branch.index else set()
    ranges = {each.field for each in conditions if isinstance(each, Is) and each.op in RANGES}
    return bool(wanted - have) and not (len(ranges) > 1 and wanted - have <= ranges)


def advice(query: Query, branch: Sequence[Condition]) -> Index | None:
    """Say which index would serve one branch of a query; None: none would."""
    fixed = _fixed(branch)
    elements = [each.field for each in branch if isinstance(each, Is) and each.op == "contains"]
    parts = [IndexField(field, each=True) for field in dict.fromkeys(elements[:1])]
    taken = {part.field for part in parts}
    parts += [IndexField(field) for field in fixed if field not in taken]
    orders = [each for each in _still_ordering(query, fixed) if each.field not in taken]
    # It can be read backwards: one that begins by rising serves both ways.
    turned = bool(orders) and orders[0].descending
    parts += [IndexField(each.field, descending=each.descending != turned) for each in orders]
    if not parts or len(parts) > FIELDS_MAX:
        return None
    return Index(name=query.collection.rpartition("/")[2], fields=tuple(parts), group=query.group)
