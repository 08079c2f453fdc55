"""A bill: the ledger's sums of a month, priced and put in order."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tapwater_server.model.errors import Invalid
from tapwater_server.model.pricing import Item, Line, Used, add, merge, price_month
from tapwater_server.model.tariff import Tariff
from tapwater_server.ports.ledger import OTHER, Ledger, Sums, Wanted
from tapwater_server.services.billing.month import Month
from tapwater_server.services.billing.shelf import Shelf

DIMENSIONS = ("project", "app", "group", "function", "revision", "route", "user", "day")
LINES_MAX = 1000  # Of a bill; the rest, those of the fewest calls, are one line.
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillWanted:
    """Which bill: of what, grouped by what, by whose prices."""

    month: Month
    by: tuple[str, ...] = ("app", "function")
    tariff: str = ""  # "": ours
    app: str | None = None
    project: str | None = None
    function: str | None = None
    with_shadows: bool = False  # each line says what it would cost elsewhere, too

    @property
    def is_part(self) -> bool:
        """Say whether it is a part of what its projects used."""
        return self.app is not None or self.function is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One line: what was used, what that costs, and what it would cost elsewhere."""

    key: tuple[str, ...]
    cost: Decimal
    items: tuple[Item, ...]
    used: Mapping[str, Decimal]
    shadows: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Lines add up to ``total``, exactly. ``totals`` are of the same use by other tariffs."""

    wanted: BillWanted
    tariff: Tariff
    lines: Sequence[BillLine]
    total: Decimal
    totals: Mapping[str, tuple[Tariff, Decimal]]


def check_by(by: Sequence[str]) -> tuple[str, ...]:
    """Read what to group by.

    Raises:
        Invalid: there is no such dimension, or one comes twice.
    """
    for name in by:
        if name not in DIMENSIONS:
            raise Invalid(f"by is one or more of {', '.join(DIMENSIONS)}, not {name[:30]!r}")
    if len(set(by)) != len(by):
        raise Invalid("by names something twice")
    return tuple(by)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Sums as the ledger gave them, by ``inner``; and by what lines are made of them."""

    sums: Sequence[Sums]
    inner: tuple[str, ...]
    by: tuple[str, ...]

    def used(self) -> list[Used]:
        return [_used_of(each, self.inner, self.by) for each in self.sums]


class Bills:
    """Makes bills. What is added up and priced is pure and may take seconds (five thousand users
    a day, say), so all of it is done beside the loop.
    """

    def __init__(self, *, ledger: Ledger, shelf: Shelf) -> None:
        self._ledger, self.shelf = ledger, shelf

    async def make(self, wanted: BillWanted) -> Bill:
        """Make one.

        Raises:
            NotFound: there is no such tariff.
        """
        # Beside the loop: the first to ask for a cloud's prices waits for their files.
        tariff = await asyncio.to_thread(self.shelf.find, wanted.tariff, wanted.month.name)
        lines = await self._read(wanted, wanted.by)
        without = tuple(one for one in wanted.by if one != "user")
        nobodys = await self._read(wanted, without) if without != wanted.by else None
        wholes = await self._wholes(wanted) if wanted.is_part else []
        return await asyncio.to_thread(self._made, wanted, tariff, lines, nobodys, wholes)

    async def _read(self, wanted: BillWanted, by: tuple[str, ...]) -> _Read:
        asked = dict.fromkeys("function" if one == "group" else one for one in by)
        inner = ("project", *(one for one in asked if one != "project"))
        sums = await self._ledger.sums(
            Wanted(
                since=wanted.month.since,
                until=wanted.month.until,
                by=inner,
                project=wanted.project,
                app=wanted.app,
                function=wanted.function,
            )
        )
        return _Read(sums=sums, inner=inner, by=by)

    async def _wholes(self, wanted: BillWanted) -> Sequence[Sums]:
        """What the same projects used in all. It was read later than the lines of the bill."""
        return await self._ledger.sums(
            Wanted(
                since=wanted.month.since,
                until=wanted.month.until,
                by=("project",),
                project=wanted.project,
            )
        )

    def _made(
        self,
        wanted: BillWanted,
        tariff: Tariff,
        lines: _Read,
        nobodys: _Read | None,
        wholes: Sequence[Sums],
    ) -> Bill:
        used = lines.used()
        if nobodys is not None:
            used.extend(_nobodys(used, nobodys.used(), wanted.by.index("user")))
        used = _fewer(_united(used))
        return self._priced(wanted, tariff, used, _rest(wholes, used))

    def _priced(
        self, wanted: BillWanted, tariff: Tariff, used: Sequence[Used], rest: Sequence[Used]
    ) -> Bill:
        month, others = wanted.month.name, dict[str, Sequence[Line]]()
        lines = _lines(tariff, used, rest)
        if wanted.with_shadows:
            others = {one.name: _lines(one, used, rest) for one in self.shelf.all(month)}
        amounts = {line.key: dict[str, Decimal]() for line in lines}
        for one in used:
            _pour(amounts[one.key], one.amounts)
        shadows: dict[tuple[str, ...], dict[str, Decimal]] = {line.key: {} for line in lines}
        for name, priced in others.items():
            for line in priced:
                shadows[line.key][name] = line.cost
        made = [
            BillLine(
                key=line.key,
                cost=line.cost,
                items=line.items,
                used=amounts[line.key],
                shadows=shadows[line.key],
            )
            for line in lines
        ]
        made.sort(key=lambda line: (-line.cost, -line.used.get("calls", _ZERO), line.key))
        whole = [Used(party=party, key=(), amounts=sums) for party, sums in _by_party(used).items()]
        return Bill(
            wanted=wanted,
            tariff=tariff,
            lines=made,
            total=add(line.cost for line in made),
            totals={
                one.name: (one, add(line.cost for line in _lines(one, whole, rest)))
                for one in self.shelf.all(month)
            },
        )


def _lines(tariff: Tariff, used: Sequence[Used], rest: Sequence[Used]) -> Sequence[Line]:
    """Price all of it, and give the lines that are shown, one for each key."""
    return merge(price_month(tariff, [*used, *rest])[: len(used)])


def _used_of(sums: Sums, asked: Sequence[str], by: Sequence[str]) -> Used:
    found = dict(zip(asked, sums.key, strict=True))
    if "group" in by:
        found["group"] = group_of(found["function"])
    return Used(party=found["project"], key=tuple(found[one] for one in by), amounts=_amounts(sums))


def group_of(function: str) -> str:
    """Give the resource group of a function by its name.

    >>> group_of("users/profile/[id]"), group_of("hello"), group_of("")
    ('users', '', '')
    """
    return function.partition("/")[0] if "/" in function else ""


def _nobodys(used: Sequence[Used], whole: Sequence[Used], place: int) -> list[Used]:
    """Sums of users are kept apart: what is no user's is what they leave of the whole."""
    found = {(one.party, one.key): one.amounts for one in _united(_without(used, place))}
    rest: list[Used] = []
    for one in _united(whole):
        key = (*one.key[:place], "", *one.key[place:])
        left = _less(one.amounts, found.get((one.party, key), {}))
        if any(left.values()):
            rest.append(Used(party=one.party, key=key, amounts=left))
    return rest


def _rest(wholes: Sequence[Sums], used: Sequence[Used]) -> list[Used]:
    """What else the same projects used: it takes its part of the grants, and is not shown."""
    shown = _by_party(used) if wholes else {}
    return [
        Used(party=each.key[0], key=(), amounts=_less(_amounts(each), shown[each.key[0]]))
        for each in wholes
        if each.key[0] in shown
    ]


def _without(used: Sequence[Used], place: int) -> Sequence[Used]:
    """The same, all of them nobody's."""
    return [replace(one, key=(*one.key[:place], "", *one.key[place + 1 :])) for one in used]


def _united(used: Sequence[Used]) -> list[Used]:
    """Make one of those that have the same party and key."""
    found: dict[tuple[str, tuple[str, ...]], dict[str, Decimal]] = {}
    for one in used:
        _pour(found.setdefault((one.party, one.key), {}), one.amounts)
    return [Used(party=party, key=key, amounts=sums) for (party, key), sums in found.items()]


def _fewer(used: list[Used]) -> list[Used]:
    """Keep a bill within its ceiling: the smallest become one line for each party."""
    if len(used) <= LINES_MAX:
        return used
    used.sort(key=lambda one: -one.amounts.get("calls", _ZERO))
    small = [replace(one, key=(OTHER,) * len(one.key)) for one in used[LINES_MAX:]]
    return [*used[:LINES_MAX], *_united(small)]


def _by_party(used: Sequence[Used]) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = {}
    for one in used:
        _pour(found.setdefault(one.party, {}), one.amounts)
    return found


def _pour(into: dict[str, Decimal], amounts: Mapping[str, Decimal]) -> None:
    for quantity, amount in amounts.items():
        into[quantity] = into.get(quantity, _ZERO) + amount


def _less(whole: Mapping[str, Decimal], part: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Take a part off. The whole was read later and may have grown, never shrunk."""
    return {name: max(_ZERO, amount - part.get(name, _ZERO)) for name, amount in whole.items()}


def _amounts(sums: Sums) -> dict[str, Decimal]:
    """The ledger adds floats; as decimals they are what they print as."""
    return {name: Decimal(repr(float(each))) for name, each in sums.amounts.items()}
