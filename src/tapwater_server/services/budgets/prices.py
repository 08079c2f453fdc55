"""What use costs as a budget counts it: at list prices, call by call. Pure.

A month's bill takes grants off the month's sum, and runs it through tiers. A budget must know at
each call what it has come to, and must not be later than the bill: it counts each unit at the
dearest tier, grants nothing, and leaves monthly fees out.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from tapwater_server.model.budget import UNITS
from tapwater_server.model.errors import Invalid
from tapwater_server.model.tariff import Tariff

Weigh = Callable[[Mapping[str, float]], float]  # amounts of quantities -> units of a budget


class Prices(Protocol):
    """Our own tariff, as far as budgets need it."""

    @property
    def currency(self) -> str: ...

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything: then a budget in money never fills."""
        ...

    def cost(self, amounts: Mapping[str, float]) -> float:
        """Say what these amounts cost, in the currency."""
        ...


class ListPrices:
    """The prices of a tariff. ``tariff`` is asked at the start, and when it has changed."""

    def __init__(self, tariff: Tariff) -> None:
        self.currency = tariff.currency
        self._each = {
            price.quantity: float(max(tier.price for tier in price.tiers) / price.per)
            for price in tariff.prices
            if any(tier.price for tier in price.tiers)
        }

    @property
    def is_free(self) -> bool:
        return not self._each

    def cost(self, amounts: Mapping[str, float]) -> float:
        each = self._each
        return sum(amount * each[name] for name, amount in amounts.items() if name in each)


def weigh_in(unit: str, prices: Prices) -> Weigh:
    """Say how amounts become units of a budget.

    Raises:
        Invalid: there is no such unit.
    """
    if unit == prices.currency:
        return prices.cost
    weight = UNITS.get(unit)
    if weight is None:
        raise Invalid(
            f"{unit[:40]!r} is nothing to have a budget of: use {prices.currency} (the currency of "
            f"this node's tariff), or one of {', '.join(sorted(UNITS))}"
        )
    quantity, each = weight.quantity, weight.each
    return lambda amounts: amounts.get(quantity, 0.0) / each
