"""A bill as a page: by itself, without scripts or anything from elsewhere, made to be printed."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from importlib.resources import files

from tapwater_server.model.pricing import Item
from tapwater_server.services.billing.bill import Bill, BillLine
from tapwater_server.services.billing.shapes import money, shown

_STYLE = files("tapwater_server.services.billing").joinpath("page.css").read_text()
_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_WAYS = (("app", "function"), ("project",), ("app",), ("group",), ("function",), ("revision",))
_CENT = Decimal("0.01")
_MORE = (("route",), ("user",), ("day",))


def bill_page(bill: Bill) -> bytes:
    """Write the page."""
    wanted, tariff = bill.wanted, bill.tariff
    what = wanted.app or wanted.project or "all apps"
    title = f"Bill of {what}, {wanted.month.name}"
    as_of = f", prices of {tariff.as_of.isoformat()}" if tariff.as_of else ""
    parts = [
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><main><header><h1>{escape(title)}</h1>",
        f"<p>{escape(tariff.says)} Tariff <b>{escape(tariff.name)}</b>{escape(as_of)}.</p>",
        f"</header>{_form(bill)}",
        f"<p class=total>Total <b>{_amount(bill.total, tariff.currency)}</b></p>",
        _lines(bill),
        _elsewhere(bill),
        _notes(bill),
        "</main></body></html>",
    ]
    return "".join(parts).encode()


def _form(bill: Bill) -> str:
    wanted = bill.wanted
    ways = list(dict.fromkeys((wanted.by, *_WAYS, *_MORE)))
    by = "".join(_option(",".join(one), chosen=one == wanted.by) for one in ways)
    names = [("ours" if place == 0 else name) for place, name in enumerate(bill.totals)]
    chosen = wanted.tariff or "ours"
    tariffs = "".join(_option(name, chosen=name == chosen) for name in names)
    kept = "".join(
        f'<input type=hidden name={name} value="{escape(value)}">'
        for name, value in (
            ("app", wanted.app),
            ("project", wanted.project),
            ("function", wanted.function),
        )
        if value
    )
    return (
        "<form method=get><input type=hidden name=format value=html>"
        f'{kept}<label>Month <input type=month name=month value="{wanted.month.name}"></label>'
        f"<label>By <select name=by>{by}</select></label>"
        f"<label>Prices <select name=as>{tariffs}</select></label><button>Show</button></form>"
    )


def _option(name: str, *, chosen: bool) -> str:
    says = escape(name.replace(",", ", "))
    return f'<option value="{escape(name)}"{" selected" if chosen else ""}>{says}</option>'


def _lines(bill: Bill) -> str:
    if not bill.lines:
        return "<p>Nothing was used.</p>"
    by, currency = bill.wanted.by, bill.tariff.currency
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in by)
    rows = "".join(_line(line, currency) for line in bill.lines)
    return (
        f"<table><caption>What it is for</caption><thead><tr>{head}<th scope=col>used</th>"
        f"<th scope=col class=n>calls</th><th scope=col class=n>cost</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _line(line: BillLine, currency: str) -> str:
    key = "".join(f"<td>{escape(part) or '&ndash;'}</td>" for part in line.key)
    calls = money(line.used.get("calls", Decimal(0)))
    items = "".join(_item(item, currency) for item in line.items)
    return (
        f"<tr>{key}<td><ul>{items}</ul></td><td class=n>{calls}</td>"
        f"<td class=n>{_amount(line.cost, currency)}</td></tr>"
    )


def _item(item: Item, currency: str) -> str:
    amount, unit = shown(item.quantity, item.amount)
    free, _ = shown(item.quantity, item.free)
    granted = f" ({_short(free)} free)" if free else ""
    return (
        f"<li>{escape(item.quantity)}: {_short(amount)}{f' {unit}' if unit else ''}{granted}, "
        f"{_amount(item.cost, currency)}</li>"
    )


def _elsewhere(bill: Bill) -> str:
    rows = "".join(
        f"<tr><td class=w>{escape(name)}</td><td>{escape(tariff.says)}</td>"
        f"<td class=w>{tariff.as_of.isoformat() if tariff.as_of else ''}</td>"
        f"<td class=n>{_amount(total, tariff.currency)}</td></tr>"
        for name, (tariff, total) in bill.totals.items()
    )
    return (
        "<table><caption>The same use elsewhere</caption><thead><tr><th scope=col>tariff</th>"
        "<th scope=col>what</th><th scope=col class=w>prices of</th>"
        f"<th scope=col class=n>total</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _notes(bill: Bill) -> str:
    said: Sequence[str] = (*bill.tariff.notes, *bill.tariff.sources)
    if not said:
        return ""
    return f"<footer><ul>{''.join(f'<li>{escape(one)}</li>' for one in said)}</ul></footer>"


def _amount(amount: Decimal, currency: str) -> str:
    """Cents, or as many digits as it takes to see something.

    >>> _amount(Decimal("12.345"), "EUR"), _amount(Decimal("0.0000012"), "EUR")
    ('12.35 EUR', '0.0000012 EUR')
    """
    if not amount or abs(amount) >= 1:
        return f"{amount.quantize(_CENT, ROUND_HALF_UP)} {escape(currency)}"
    places = max(2, 1 - amount.adjusted())
    return f"{amount:.{places}f} {escape(currency)}"


def _short(amount: Decimal) -> str:
    return f"{amount:,.0f}" if amount >= 1000 else f"{float(amount):.6g}"
