"""What things cost: a dated list of prices, read from TOML and checked. Pure.

Quantities are those of ``usage.py``. Money and prices are decimals, written as text: in binary
there is no 0.1. How a month's use becomes a bill is said in ``pricing.py``.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tapwater_server.model.errors import Invalid
from tapwater_server.model.usage import QUANTITIES

PRICES_MAX = 200  # Of one tariff: one line for each quantity, and some to spare.
TIERS_MAX = 20
TEXT_CHARS_MAX = 2000
TARIFF_BYTES_MAX = 256 << 10
_DIGITS_MAX = 30
_GIB, _HOURS_A_MONTH = 1 << 30, 730  # The clouds' month of storage: a year is 8,760 hours.

# What a price can be for: name -> how much of the quantity, and which quantities it fits.
UNITS: Mapping[str, tuple[int, str]] = {
    "one": (1, "count"),
    "1 thousand": (10**3, "count"),
    "10 thousand": (10**4, "count"),
    "100 thousand": (10**5, "count"),
    "1 million": (10**6, "count"),
    "second": (10**3, "ms"),
    "1 million ms": (10**6, "ms"),
    "vCPU-second": (10**3, "vcpu_ms"),
    "GiB-second": (1024 * 10**3, "mb_ms"),
    "GiB": (_GIB, "bytes"),
    "GB": (10**9, "bytes"),
    "GiB-month": (_GIB * _HOURS_A_MONTH, "byte_hours"),
    "GB-month": (10**9 * _HOURS_A_MONTH, "byte_hours"),
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A price for what lies below a bound. ``up_to`` is in units; None: for all the rest."""

    price: Decimal
    up_to: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one quantity costs. ``free`` and the tiers' bounds are units a month."""

    quantity: str  # of usage.py
    unit: str  # of UNITS
    tiers: tuple[Tier, ...]
    free: Decimal = Decimal(0)
    says: str = ""
    source: str = ""  # where this price was read, and when; or that it is from memory

    @property
    def per(self) -> Decimal:
        """How much of the quantity is one unit."""
        return Decimal(UNITS[self.unit][0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices of one provider, as they were on a day."""

    name: str
    says: str
    currency: str
    as_of: date | None = None  # None: ours, which holds until it is changed
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    monthly_fee: Decimal = Decimal(0)
    prices: tuple[Price, ...] = ()

    @property
    def is_free(self) -> bool:
        """Say whether nothing costs anything."""
        return not self.monthly_fee and not any(
            tier.price for price in self.prices for tier in price.tiers
        )


FREE = Tariff(name="ours", says="Everything is free.", currency="EUR")


def dimension_of(quantity: str) -> str:
    """Say what a quantity is measured in.

    >>> dimension_of("mb_ms_100"), dimension_of("blob_byte_hours"), dimension_of("calls")
    ('mb_ms', 'byte_hours', 'count')
    """
    if quantity.startswith("vcpu_ms"):
        return "vcpu_ms"
    if quantity.startswith("mb_ms"):
        return "mb_ms"
    if quantity.endswith("byte_hours"):
        return "byte_hours"
    if "bytes" in quantity:
        return "bytes"
    return "ms" if re.search(r"_ms(_\d+)?$", quantity) else "count"


def read_tariff(text: str, *, where: str) -> Tariff:
    """Read a tariff; ``where`` names the file in what is said of it.

    Raises:
        Invalid: with everything that is wrong with it, each with its place.
    """
    if len(text) > TARIFF_BYTES_MAX:
        raise Invalid(f"{where}: a tariff has at most {TARIFF_BYTES_MAX} characters")
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Invalid(f"{where}: this is no TOML: {error}") from None
    reading = _Reading()
    tariff = reading.tariff(raw)
    if reading.problems:
        listed = "; ".join(f"{one['where']}: {one['what']}" for one in reading.problems)
        raise Invalid(f"{where}: {listed}", problems=reading.problems)
    return tariff


class _Reading:
    """Reads one tariff, and goes on when something is wrong: one fix, one more try."""

    def __init__(self) -> None:
        self.problems: list[dict[str, str]] = []

    def tariff(self, raw: Mapping[str, Any]) -> Tariff:
        known = {"name", "says", "currency", "as_of", "sources", "notes", "monthly_fee", "price"}
        self._known(raw, known, "")
        as_of = raw.get("as_of")
        if as_of is not None and type(as_of) is not date:
            self._wrong("as_of", "is a date, as in 2026-11-01")
            as_of = None
        return Tariff(
            name=self._text(raw, "name", _NAME, "small letters, digits and dashes"),
            says=self._text(raw, "says"),
            currency=self._text(raw, "currency", _CURRENCY, "three capital letters: EUR"),
            as_of=as_of,
            sources=self._texts(raw, "sources"),
            notes=self._texts(raw, "notes"),
            monthly_fee=self._number(raw.get("monthly_fee", "0"), "monthly_fee"),
            prices=self._prices(raw.get("price", [])),
        )

    def _prices(self, raw: Any) -> tuple[Price, ...]:
        tables = self._tables(raw, "price", PRICES_MAX)
        prices = [self._price(each, f"price[{place}]") for place, each in enumerate(tables)]
        seen = set[str]()
        for place, price in enumerate(prices):
            if price is not None and price.quantity in seen:
                self._wrong(f"price[{place}].quantity", f"{price.quantity} has a price already")
            elif price is not None:
                seen.add(price.quantity)
        return tuple(price for price in prices if price is not None)

    def _price(self, raw: Mapping[str, Any], place: str) -> Price | None:
        self._known(
            raw, {"quantity", "per", "price", "tiers", "free", "says", "source"}, f"{place}."
        )
        quantity, unit = raw.get("quantity"), raw.get("per")
        if not isinstance(quantity, str) or quantity not in QUANTITIES:
            self._wrong(f"{place}.quantity", f"is one of {', '.join(QUANTITIES)}")
            return None
        fitting = [name for name, (_, of) in UNITS.items() if of == dimension_of(quantity)]
        if unit not in fitting:
            self._wrong(f"{place}.per", f"of {quantity} is one of {', '.join(fitting)}")
            return None
        return Price(
            quantity=quantity,
            unit=unit,
            tiers=self._tiers(raw, place),
            free=self._number(raw.get("free", "0"), f"{place}.free"),
            says=str(raw.get("says", ""))[:TEXT_CHARS_MAX],
            source=str(raw.get("source", ""))[:TEXT_CHARS_MAX],
        )

    def _tiers(self, raw: Mapping[str, Any], place: str) -> tuple[Tier, ...]:
        if ("price" in raw) == ("tiers" in raw):
            self._wrong(place, "has a price or tiers, and not both")
            return (Tier(price=Decimal(0)),)
        if "price" in raw:
            return (Tier(price=self._number(raw["price"], f"{place}.price")),)
        tables = self._tables(raw["tiers"], f"{place}.tiers", TIERS_MAX)
        tiers = [self._tier(each, f"{place}.tiers[{n}]") for n, each in enumerate(tables)]
        self._check_bounds(tiers, f"{place}.tiers")
        return tuple(tiers)

    def _tier(self, raw: Mapping[str, Any], place: str) -> Tier:
        self._known(raw, {"price", "up_to"}, f"{place}.")
        up_to = raw.get("up_to")
        return Tier(
            price=self._number(raw.get("price"), f"{place}.price"),
            up_to=None if up_to is None else self._number(up_to, f"{place}.up_to"),
        )

    def _check_bounds(self, tiers: Sequence[Tier], place: str) -> None:
        bounds = [tier.up_to for tier in tiers]
        inner = [bound for bound in bounds[:-1] if bound is not None]
        if not bounds or bounds[-1] is not None or len(inner) != len(bounds) - 1:
            self._wrong(place, "each has an up_to, and the last has none: it is for all the rest")
        elif any(high <= low for low, high in zip([Decimal(0), *inner], inner, strict=False)):
            self._wrong(place, "up_to grows from tier to tier")

    def _known(self, raw: Mapping[str, Any], known: set[str], prefix: str) -> None:
        for name in raw:
            if name not in known:
                there = ", ".join(sorted(known))
                self._wrong(f"{prefix}{name}"[:100], f"there is no such thing (there are: {there})")

    def _text(
        self, raw: Mapping[str, Any], name: str, form: re.Pattern[str] | None = None, says: str = ""
    ) -> str:
        said = raw.get(name)
        if not isinstance(said, str) or not said or len(said) > TEXT_CHARS_MAX:
            self._wrong(name, "is wanted: a text")
            return ""
        if form is not None and not form.fullmatch(said):
            self._wrong(name, f"is made of {says}")
        return said

    def _texts(self, raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
        said = raw.get(name, [])
        if not isinstance(said, list) or any(not isinstance(one, str) for one in said):
            self._wrong(name, "is a list of texts")
            return ()
        return tuple(one[:TEXT_CHARS_MAX] for one in said)

    def _tables(self, raw: Any, place: str, count_max: int) -> Sequence[Mapping[str, Any]]:
        if not isinstance(raw, list) or any(not isinstance(one, dict) for one in raw):
            self._wrong(place, "is a list of tables")
            return ()
        if len(raw) > count_max:
            self._wrong(place, f"has at most {count_max}")
        return raw[:count_max]

    def _number(self, said: Any, place: str) -> Decimal:
        fits = isinstance(said, str) and len(said) <= _DIGITS_MAX and said.isascii()
        if not fits or not _NUMBER.fullmatch(said):
            self._wrong(place, 'is a number as text, none below zero: "0.20"')
            return Decimal(0)
        return Decimal(said)

    def _wrong(self, where: str, what: str) -> None:
        self.problems.append({"where": where, "what": what})
