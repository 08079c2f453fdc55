"""What use costs as a budget counts it: at list prices, call by call. Pure.

A month's bill takes grants off the month's sum, and runs it through tiers. A budget must know at
each call what it has come to, and must not be later than the bill: it counts each unit at the
dearest tier, grants nothing, and leaves monthly fees out.
"""

from collections.abc import Callable
from typing import Protocol

from tapwater_server.model.budget import UNITS
from tapwater_server.model.errors import Invalid
from tapwater_server.model.tariff import Tariff


class Amounts(Protocol):
    """How much of each quantity: a dict, or a call (``model/usage_single.py``)."""

    def get(self, quantity: str, default: float, /) -> float: ...


Weigh = Callable[[Amounts], float]  # amounts of quantities -> units of a budget


class Prices(Protocol):
    """Our own tariff, as far as budgets need it."""

    @property
    def currency(self) -> str: ...

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything: then a budget in money never fills."""
        ...

    def look_again(self) -> None:
        """A period has begun: perhaps other prices hold."""
        ...

    def cost(self, amounts: Amounts) -> float:
        """Say what these amounts cost, in the currency."""
        ...


class ListPrices:
    """The prices of our tariff, as it is now. It may be another one from a month on."""

    def __init__(self, tariff: Callable[[], Tariff]) -> None:
        self._tariff = tariff
        self.currency = tariff().currency
        self.look_again()

    def look_again(self) -> None:
        tariff = self._tariff()
        self._each = {
            price.quantity: float(max(tier.price for tier in price.tiers) / price.per)
            for price in tariff.prices
            if any(tier.price for tier in price.tiers)
        }

    @property
    def is_free(self) -> bool:
        return not self._each

    def cost(self, amounts: Amounts) -> float:
        cost = 0.0
        for name, each in self._each.items():
            cost += each * amounts.get(name, 0.0)
        return cost


def weigh_in(unit: str, prices: Prices) -> Weigh | None:
    """Say how amounts become units of a budget; None: there is no such unit."""
    if unit == prices.currency:
        return prices.cost
    weight = UNITS.get(unit)
    if weight is None:
        return None
    quantity, each = weight.quantity, weight.each
    return lambda amounts: amounts.get(quantity, 0.0) / each


def check_unit(unit: str, prices: Prices) -> None:
    """Refuse what nothing can be measured in.

    Raises:
        Invalid: there is no such unit.
    """
    if weigh_in(unit, prices) is None:
        raise Invalid(
            f"{unit[:40]!r} is nothing to have a budget of: use {prices.currency} (the currency of "
            f"this node's tariff), or one of {', '.join(sorted(UNITS))}"
        )
