"""From a month's use and a tariff to a bill. Pure.

How it is counted, in this order (docs/guides/bills.md says the same for users):

1. Use is added up for each *party*: a project, the unit that gets one bill a month.
2. For each quantity the month's free grant is taken off the party's sum, once.
3. What is left runs through the tiers, the first one from zero.
4. The cost, and the free part, is shared out to the lines in proportion to what they used.
5. A monthly fee is due when anything was used; it is shared out by calls.

Nothing is rounded on the way. Lines are cut to ``PLACES`` digits, and what that leaves over goes
to the largest line, so that lines always add up to the total.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, localcontext

from tapwater_server.model.tariff import Price, Tariff

PLACES = Decimal("1e-12")  # A call of one millisecond costs some 1e-9 of anything.
FEE = "monthly_fee"
_ZERO = Decimal(0)
_CONTEXT = Context(prec=60)  # Sums of years in picodollars have 30 digits.


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The use of one line of a bill. ``party`` is who gets the grants: a project."""

    party: str
    key: tuple[str, ...]
    amounts: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What one quantity costs on one line. ``free`` is the part of the amount that was granted."""

    quantity: str
    amount: Decimal
    unit: str
    price: Decimal  # of one unit, the first tier's
    cost: Decimal
    free: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a bill."""

    party: str
    key: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def cost(self) -> Decimal:
        """What the line costs."""
        return add(item.cost for item in self.items)


def add(costs: Iterable[Decimal]) -> Decimal:
    """Add without losing a digit."""
    with localcontext(_CONTEXT):
        return sum(costs, _ZERO)


def price_month(tariff: Tariff, used: Sequence[Used]) -> Sequence[Line]:
    """Give a line for each of ``used``, in the same order."""
    items: list[list[Item]] = [[] for _ in used]
    parties: dict[str, list[int]] = {}
    for place, one in enumerate(used):
        parties.setdefault(one.party, []).append(place)
    with localcontext(_CONTEXT):
        for places in parties.values():
            for price in tariff.prices:
                _price_quantity(price, used, places, items)
            _share_fee(tariff, used, places, items)
    return [
        Line(party=one.party, key=one.key, items=tuple(priced))
        for one, priced in zip(used, items, strict=True)
    ]


def cost_of(tariff: Tariff, amounts: Mapping[str, Decimal]) -> Decimal:
    """What this use costs at the first tier, with no grant and no fee: of one call, say."""
    with localcontext(_CONTEXT):
        cost = sum(
            (
                amounts[price.quantity] / price.per * price.tiers[0].price
                for price in tariff.prices
                if price.quantity in amounts
            ),
            _ZERO,
        )
        return cost.quantize(PLACES, ROUND_HALF_EVEN)


def cost_of_units(price: Price, units: Decimal) -> Decimal:
    """Run units that are to be paid for through the tiers."""
    cost = below = _ZERO
    for tier in price.tiers:
        top = units if tier.up_to is None else min(units, tier.up_to)
        if top > below:
            cost += (top - below) * tier.price
            below = top
    return cost


def merge(lines: Iterable[Line]) -> Sequence[Line]:
    """Add up lines with the same key, of whichever parties; in the order they first came."""
    merged: dict[tuple[str, ...], dict[str, Item]] = {}
    for line in lines:
        items = merged.setdefault(line.key, {})
        for item in line.items:
            old = items.get(item.quantity)
            items[item.quantity] = item if old is None else _added(old, item)
    return [Line(party="", key=key, items=tuple(items.values())) for key, items in merged.items()]


def _added(one: Item, other: Item) -> Item:
    with localcontext(_CONTEXT):
        return replace(
            one,
            amount=one.amount + other.amount,
            cost=one.cost + other.cost,
            free=one.free + other.free,
        )


def _price_quantity(
    price: Price, used: Sequence[Used], places: Sequence[int], items: list[list[Item]]
) -> None:
    """Price one quantity of one party, and share it out."""
    amounts = [(place, used[place].amounts.get(price.quantity, _ZERO)) for place in places]
    amounts = [(place, amount) for place, amount in amounts if amount > 0]
    total = sum((amount for _, amount in amounts), _ZERO)
    if not total:
        return
    free = min(total, price.free * price.per)
    cost = cost_of_units(price, (total - free) / price.per)
    for (place, amount), share in zip(
        amounts, _shared(cost, [amount for _, amount in amounts]), strict=True
    ):
        items[place].append(
            Item(
                quantity=price.quantity,
                amount=amount,
                unit=price.unit,
                price=price.tiers[0].price,
                cost=share,
                free=_part(free, amount, total),
            )
        )


def _part(free: Decimal, amount: Decimal, total: Decimal) -> Decimal:
    """Give the free part of a line; for most it is none, or all."""
    if not free:
        return _ZERO
    return amount if free == total else (free * amount / total).quantize(PLACES, ROUND_HALF_EVEN)


def _share_fee(
    tariff: Tariff, used: Sequence[Used], places: Sequence[int], items: list[list[Item]]
) -> None:
    """Share out the monthly fee: by calls, or evenly where nothing was called."""
    active = [place for place in places if any(used[place].amounts.values())]
    if not tariff.monthly_fee or not active:
        return
    calls = [used[place].amounts.get("calls", _ZERO) for place in active]
    weights = calls if any(calls) else [Decimal(1)] * len(active)
    total = sum(weights, _ZERO)
    for place, weight, share in zip(
        active, weights, _shared(tariff.monthly_fee, weights), strict=True
    ):
        if weight:
            items[place].append(
                Item(
                    quantity=FEE,
                    amount=(weight / total).quantize(PLACES, ROUND_HALF_EVEN),
                    unit="month",
                    price=tariff.monthly_fee,
                    cost=share,
                )
            )


def _shared(cost: Decimal, weights: Sequence[Decimal]) -> Sequence[Decimal]:
    """Cut a cost into shares of PLACES digits that add up to it, itself cut to as many.

    >>> [str(share) for share in _shared(Decimal(1), [Decimal(1), Decimal(2)])]
    ['0.333333333333', '0.666666666667']
    """
    if not cost:
        return [_ZERO] * len(weights)
    whole, each = cost.quantize(PLACES, ROUND_HALF_EVEN), cost / sum(weights, _ZERO)
    shares = [(each * weight).quantize(PLACES, ROUND_DOWN) for weight in weights]
    largest = max(range(len(weights)), key=lambda place: weights[place])
    shares[largest] += whole - sum(shares, _ZERO)
    return shares
