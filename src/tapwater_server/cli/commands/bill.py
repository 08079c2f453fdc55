"""`tapwater bill` and `tapwater tariffs`: what was used, what it costs, what elsewhere."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tapwater_server.cli.client import Query, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.table import Table

_HELP = frozenset({"-h", "--help"})
_CENT = Decimal("0.01")
_ROOMY_COLUMNS = 1_000  # to see how wide a table would like to be
App = Annotated[
    str | None, typer.Option("--app", "-a", metavar="APP", help="Only this app; else all.")
]


class _ShowsAtOnce(TyperGroup):
    """`tapwater bill --as aws` is `tapwater bill show --as aws`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in _HELP):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    bill = typer.Typer(cls=_ShowsAtOnce, rich_markup_mode=None)
    app.add_typer(
        bill,
        name="bill",
        rich_help_panel=panel,
        help="What was used and what it costs, here and elsewhere.",
    )
    command(bill, "show")(show)
    command(bill, "compare")(compare)
    command(app, "tariffs", panel=panel)(tariffs)


async def show(
    session: Session,
    *,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Which month; usually this one.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="What makes a line: project, app, group, function, revision, route, user, day.",
        ),
    ] = "app,function",
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="TARIFF", help="Whose prices (see `tapwater tariffs`); all."),
    ] = None,
    app: App = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only this project.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, on standard output.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page to print.")
    ] = None,
) -> int | None:
    """Show the bill of a month; what `tapwater bill` does."""
    query = {"month": month, "by": by, "as": as_, "app": app, "project": project}
    if as_csv or html is not None:
        await _write(session, query, html)
        return None
    async with session.client() as client:
        bill = await client.get(path_of("bills"), **query)
    if session.json:
        session.emit(bill)
        return None
    session.print(_fitting(session, bill, everywhere=as_ == "all"))
    if not bill["lines"]:
        session.say("Nothing was used.")
    session.print(f"\n[bold]{_money(bill['total'], bill['currency'])}[/bold] in {bill['month']}")
    session.print(_elsewhere(bill))
    return None


async def _write(session: Session, query: Query, html: Path | None) -> None:
    """Fetch the bill in another form."""
    asked = {**query, "format": "csv" if html is None else "html"}
    async with (
        session.client() as client,
        client.transfer("GET", path_of("bills"), query=asked) as answer,
    ):
        content = await answer.aread()
    if html is None:
        typer.echo(content, nl=False)
        return
    _keep(html, content)
    session.print(f"The bill is in {shown(html)}.")


def _keep(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from None


async def compare(
    session: Session,
    app: Annotated[str, typer.Argument(metavar="APP")],
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="group/name")],
    *,
    revisions: Annotated[
        str, typer.Option("--revisions", metavar="A,B", help="Two revisions: 12,13 or their ids.")
    ],
    days: Annotated[float, typer.Option(min=0.01, max=90, help="How far back to look.")] = 30,
) -> int | None:
    """Put two revisions of a function side by side: cost and latency of a call."""
    named = [one.strip() for one in revisions.split(",")]
    if len(named) != 2 or not all(named):
        raise CommandFailed("say two: --revisions 12,13", exit=Exit.USAGE, code="usage")
    async with session.client() as client:
        found = await client.get(
            path_of("bills", "compare"),
            app=app,
            function=function,
            a=named[0],
            b=named[1],
            days=days,
        )
    session.answer(found, _sides(found))
    return None


async def tariffs(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One of them, with all its prices.")
    ] = None,
) -> int | None:
    """Show the prices behind bills: ours, and those of the clouds."""
    async with session.client() as client:
        found = (await client.get(path_of("tariffs")))["tariffs"]
    if name is None:
        table = table_of("tariff", "prices of", "currency", "what")
        for one in found:
            says = "free" if one["free"] else one["says"]
            table.add_row(one["name"], one["as_of"] or "-", one["currency"], shown(says))
        session.answer({"tariffs": found}, table)
        return None
    chosen = next((one for one in found if one["name"] == name), None)
    if chosen is None:
        names = ", ".join(one["name"] for one in found)
        raise CommandFailed(
            f"there is no tariff {name}", exit=Exit.NOT_FOUND, code="not_found", hint=names
        )
    session.answer(chosen, _prices(chosen))
    for line in (*_read_at(chosen), *chosen["notes"], *chosen["sources"]):
        session.print(f"[dim]{shown(line)}[/dim]")
    return None


def _fitting(session: Session, bill: Mapping[str, Any], *, everywhere: bool) -> "Table":
    """A column for each cloud; with less room without what was used; with little, a line each."""
    table = _lines(bill, everywhere=everywhere)
    if not everywhere:
        return table
    roomy = session.out.options.update(width=_ROOMY_COLUMNS)
    for tried in (table, _lines(bill, everywhere=True, used=False)):
        if session.out.measure(tried, options=roomy).maximum <= session.out.width:
            return tried
    return _lines(bill, everywhere=True, used=False, below=True)


def _lines(
    bill: Mapping[str, Any], *, everywhere: bool, used: bool = True, below: bool = False
) -> "Table":
    others = [name for name in bill["as"] if name != bill["tariff"]] if everywhere else []
    revisions, by = bill["revisions"], bill["by"]
    used_for = ("calls", "GiB-s", "reads", "writes") if used else ()
    table = table_of(*by, *used_for, "cost", *(("elsewhere",) if below else others))
    for line in bill["lines"]:
        table.add_row(
            *(
                shown(f"r{revisions[part]}" if name == "revision" and part in revisions else part)
                or "-"
                for name, part in zip(by, line["key"], strict=True)
            ),
            *(_used(line["used"]) if used else ()),
            _money(line["cost"], bill["currency"]),
            *_others(bill, line, others, below=below),
        )
    return table


def _used(used: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"{used.get('calls', 0):,}",
        f"{used.get('mb_ms', 0) / 1_024_000:,.3f}",
        f"{used.get('doc_reads', 0) + used.get('blob_reads', 0):,}",
        f"{_writes(used):,}",
    )


def _others(
    bill: Mapping[str, Any], line: Mapping[str, Any], others: Sequence[str], *, below: bool
) -> Sequence[str]:
    costs = [_money(line["as"][name], bill["as"][name]["currency"]) for name in others]
    if not below:
        return costs
    wide = max(map(len, others), default=0)
    return ["\n".join(f"{name:{wide}}  {cost}" for name, cost in zip(others, costs, strict=True))]


def _writes(used: Mapping[str, Any]) -> Any:
    return sum(used.get(name, 0) for name in ("doc_writes", "doc_deletes", "blob_writes"))


def _elsewhere(bill: Mapping[str, Any]) -> "Table":
    table = table_of("the same by", "total")
    for name, one in bill["as"].items():
        table.add_row(name, _money(one["total"], one["currency"]))
    return table


def _sides(found: Mapping[str, Any]) -> "Table":
    sides: Sequence[Mapping[str, Any]] = found["revisions"]
    table = table_of("of a call", *(shown(side["revision"]) for side in sides), "change")
    for title, of in (
        ("calls", "calls"),
        ("errors", "errors"),
        ("cold starts", "cold"),
        ("wall ms", "wall_ms"),
        ("cpu ms", "cpu_ms"),
    ):
        table.add_row(title, *(f"{side[of]:.6g}" for side in sides), _change(of, sides))
    for name in ("p50", "p90", "p99"):
        values = [side["latency_ms"][name] for side in sides]
        table.add_row(f"{name} ms", *(f"{one:.4g}" for one in values), _percent(*values))
    for name, currency in found["currencies"].items():
        costs = [Decimal(side["cost"][name]) * 1_000_000 for side in sides]
        title = f"a million by {name}"
        changed = _percent(*map(float, costs))
        table.add_row(title, *(_money(str(one), currency) for one in costs), changed)
    return table


def _change(of: str, sides: Sequence[Mapping[str, Any]]) -> str:
    return _percent(*(float(side[of]) for side in sides)) if of.endswith("_ms") else ""


def _percent(before: float, after: float) -> str:
    return f"{(after / before - 1) * 100:+.0f} %" if before else "-"


def _prices(tariff: Mapping[str, Any]) -> "Table":
    table = table_of("quantity", "per", "price", "up to", "free a month")
    for one in tariff["prices"]:
        for place, tier in enumerate(one["tiers"]):
            first = place == 0
            table.add_row(
                one["quantity"] if first else "",
                one["unit"] if first else "",
                f"{tier['price']} {tariff['currency']}",
                tier["up_to"] or "-",
                one["free"] if first else "",
            )
    if tariff["monthly_fee"] != "0":
        fee = f"{tariff['monthly_fee']} {tariff['currency']}"
        table.add_row("(fee)", "month", fee, "-", "")
    return table


def _read_at(tariff: Mapping[str, Any]) -> Sequence[str]:
    """Say where prices were read, once for all that were read there."""
    found: dict[str, list[str]] = {}
    for one in tariff["prices"]:
        if one["source"]:
            found.setdefault(one["source"], []).append(one["quantity"])
    return [f"{', '.join(quantities)}: {source}" for source, quantities in found.items()]


def _money(text: str, currency: str) -> str:
    """Cents, or as many digits as it takes to see something.

    >>> _money("12.345", "EUR"), _money("0.000001234", "EUR"), _money("0", "EUR")
    ('12.35 EUR', '0.0000012 EUR', '0 EUR')
    """
    amount = Decimal(text)
    if not amount:
        return f"0 {currency}"
    if abs(amount) >= 1:
        return f"{amount.quantize(_CENT, 'ROUND_HALF_UP')} {currency}"
    digits = f"{round(amount, 1 - amount.adjusted()):f}"
    return f"{digits} {currency}"
