"""Bills and tariffs as JSON and CSV. Pure. Money is text in JSON: numbers there are binary."""

import csv
import io
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from tapwater_server.model.pricing import FEE, Item
from tapwater_server.model.tariff import Tariff, dimension_of
from tapwater_server.services.billing.bill import Bill, BillLine
from tapwater_server.services.billing.comparing import Side

Said = dict[str, Any]
# How amounts are shown: dimension -> how much of the quantity is one, and its name.
_SHOWN: Mapping[str, tuple[int, str]] = {
    "count": (1, ""),
    "ms": (1000, "s"),
    "vcpu_ms": (1000, "vCPU-s"),
    "mb_ms": (1024 * 1000, "GiB-s"),
    "bytes": (1, "B"),
    "byte_hours": (1 << 30, "GiB-h"),
}
_COLUMNS = ("quantity", "amount", "unit", "free", "price", "per", "cost", "currency", "tariff")
_TWELVE = Decimal("1e-12")
_CONTEXT = Context(prec=60)  # Ten petabytes to twelve digits are more than the usual 28.
# What begins a formula, here or where digits and signs are written in full width.
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def shown(quantity: str, amount: Decimal) -> tuple[Decimal, str]:
    """Give an amount as people read it, and its unit.

    >>> shown("mb_ms_1", Decimal(7680)), shown("calls", Decimal(3))
    ((Decimal('0.0075'), 'GiB-s'), (Decimal('3'), ''))
    """
    if quantity == FEE:
        return amount, "month"
    one, unit = _SHOWN[dimension_of(quantity)]
    given = amount / one
    cut = given.quantize(_TWELVE, context=_CONTEXT)
    return (given if given == cut else cut), unit


def money(amount: Decimal) -> str:
    """Write an amount with all its digits and no more.

    >>> money(Decimal("1E-7")), money(Decimal("5.00")), money(Decimal("0E-12"))
    ('0.0000001', '5', '0')
    """
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def number(amount: Decimal) -> int | float:
    """Give an amount of something as a number, whole where it is."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def bill_says(bill: Bill) -> Said:
    wanted = bill.wanted
    return {
        "month": wanted.month.name,
        "since": wanted.month.since,
        "until": wanted.month.until,
        "tariff": bill.tariff.name,
        "as_of": bill.tariff.as_of.isoformat() if bill.tariff.as_of else None,
        "currency": bill.tariff.currency,
        "by": list(wanted.by),
        "lines": [_line_says(line) for line in bill.lines],
        "total": money(bill.total),
        "as": {
            name: {"total": money(total), "currency": tariff.currency}
            for name, (tariff, total) in bill.totals.items()
        },
    }


def _line_says(line: BillLine) -> Said:
    said: Said = {
        "key": list(line.key),
        "cost": money(line.cost),
        "items": [_item_says(item) for item in line.items],
        "used": {name: number(amount) for name, amount in line.used.items()},
    }
    if line.shadows:
        said["as"] = {name: money(cost) for name, cost in line.shadows.items()}
    return said


def _item_says(item: Item) -> Said:
    amount, unit = shown(item.quantity, item.amount)
    return {
        "quantity": item.quantity,
        "amount": number(amount),
        "unit": unit,
        "price": money(item.price),
        "per": item.unit,
        "cost": money(item.cost),
        "free": number(shown(item.quantity, item.free)[0]),
    }


def bill_csv(bill: Bill) -> bytes:
    """A row for each item of each line, and a last one with the total."""
    text = io.StringIO()
    writer = csv.writer(text)
    by = list(bill.wanted.by)
    writer.writerow(["month", *by, *_COLUMNS])
    month, currency, tariff = bill.wanted.month.name, bill.tariff.currency, bill.tariff.name
    for line in bill.lines:
        for item in line.items:
            amount, unit = shown(item.quantity, item.amount)
            writer.writerow(
                [
                    month,
                    *map(_cell, line.key),
                    item.quantity,
                    money(amount),
                    unit,
                    money(shown(item.quantity, item.free)[0]),
                    money(item.price),
                    item.unit,
                    money(item.cost),
                    currency,
                    tariff,
                ]
            )
    blank = [""] * len(by)
    nothing = [""] * 5
    writer.writerow([month, *blank, "total", *nothing, money(bill.total), currency, tariff])
    return text.getvalue().encode()


def _cell(text: str) -> str:
    """Keep what others wrote from being a formula in a spreadsheet.

    >>> _cell("=1+1"), _cell("/users")
    ("'=1+1", '/users')
    """
    return f"'{text}" if text[:1] in _FORMULA else text


def tariff_says(tariff: Tariff) -> Said:
    return {
        "name": tariff.name,
        "says": tariff.says,
        "currency": tariff.currency,
        "as_of": tariff.as_of.isoformat() if tariff.as_of else None,
        "sources": list(tariff.sources),
        "notes": list(tariff.notes),
        "monthly_fee": money(tariff.monthly_fee),
        "free": tariff.is_free,
        "prices": [
            {
                "quantity": price.quantity,
                "unit": price.unit,
                "per": number(price.per),
                "free": money(price.free),
                "source": price.source,
                "tiers": [
                    {
                        "price": money(tier.price),
                        "up_to": money(tier.up_to) if tier.up_to is not None else None,
                    }
                    for tier in price.tiers
                ],
            }
            for price in tariff.prices
        ],
    }


def side_says(side: Side) -> Said:
    return {
        "revision": side.revision,
        "calls": side.calls,
        "errors": side.errors,
        "cold": side.cold,
        "wall_ms": side.wall_ms,
        "cpu_ms": side.cpu_ms,
        "latency_ms": {"p50": side.p50_ms, "p90": side.p90_ms, "p99": side.p99_ms},
        "memory_peak_bytes": side.memory_peak_bytes,
        "cost": _costs(side.cost),
    }


def _costs(costs: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: money(cost) for name, cost in costs.items()}
