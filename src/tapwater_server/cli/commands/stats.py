"""`tapwater stats`: how calls went: how many, how long, how many failed or were cold."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, check_app, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.drawing import spark
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import duration, read_span, size
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.table import Table

_STEPS = 30  # Bars in a line.
_ROWS_MAX = 50
_DRAWN_COLUMNS_MIN = 110  # Narrower, the bars would crowd out what they draw.
_WHATS = ("app", "function", "revision", "route")

Points = Sequence[Mapping[str, Any]]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "stats", panel=panel)(stats)


async def stats(
    session: Session,
    function: Annotated[
        str | None, typer.Argument(metavar="FUNCTION", help="GROUP/NAME; else all of the app.")
    ] = None,
    *,
    since: Annotated[str, typer.Option(metavar="10m|2h|1d", help="How far back.")] = "1h",
    by: Annotated[
        str, typer.Option(metavar="WHAT", help=f"A row for each: {', '.join(_WHATS)}.")
    ] = "function",
    all_apps: Annotated[
        bool, typer.Option("--all-apps", help="Of all apps, not one; needs an admin token.")
    ] = False,
    app: AppName = None,
) -> int | None:
    """Show how calls went: rates, latencies, errors, cold starts."""
    span_s = _span(since)
    until = now()
    async with session.client() as client:
        asked: dict[str, Any] = {
            "app": None if all_apps else await which_app(session, client, app),
            "function": function,
            "by": ",".join(_by(by, all_apps=all_apps)),
            "since": until - span_s,
            "until": until,
        }
        total = await client.get(path_of("stats"), **asked)
        if not total["points"]:
            await check_app(client, asked["app"])
        flow = await client.get(path_of("stats"), **asked, step=_step(span_s))
    drawn = session.out.width >= _DRAWN_COLUMNS_MIN
    table = _table(total, flow, span_s=span_s, drawn=drawn)
    session.answer({**total, "steps": flow["points"]}, table)
    if not total["points"]:
        session.say(f"No calls in the last {since}.")
    return None


def _step(span_s: float) -> float:
    """How many seconds one bar stands for: whole minutes."""
    return 60.0 * ceil(span_s / _STEPS / 60)


def _by(said: str, *, all_apps: bool) -> Sequence[str]:
    parts = said.split(",")
    if not set(parts) <= set(_WHATS):
        raise CommandFailed(f"--by is one of {', '.join(_WHATS)}", exit=Exit.USAGE, code="usage")
    return ["app", *parts] if all_apps and "app" not in parts else parts


def _span(text: str) -> float:
    try:
        span_s = read_span(text)
    except ValueError as error:
        raise CommandFailed(
            f"{text!r} is no time: write 90s, 10m, 2h or 1d", exit=Exit.USAGE, code="usage"
        ) from error
    return max(60.0, span_s)


def _table(
    total: Mapping[str, Any], flow: Mapping[str, Any], *, span_s: float, drawn: bool
) -> "Table":
    bars = ("",) if drawn else ()
    table = table_of(
        *total["by"], "calls", "a minute", *bars, "p50", "p99", "errors", "cold", "peak"
    )
    for name in ("calls", "a minute", "p50", "p99", "errors", "cold", "peak"):
        column = next(one for one in table.columns if one.header == name)
        column.justify = "right"
    points: Points = sorted(total["points"], key=lambda point: -int(point["calls"]))
    flows = _flows(flow, step_s=_step(span_s))
    for point in points[:_ROWS_MAX]:
        table.add_row(
            *(shown(part) or "-" for part in point["key"]),
            f"{point['calls']:,}",
            f"{point['calls'] / (span_s / 60):.3g}",
            *(f"[cyan]{spark(flows.get(tuple(point['key']), []))}[/cyan]" for _ in bars),
            duration(point["latency_ms"]["p50"] / 1e3),
            duration(point["latency_ms"]["p99"] / 1e3),
            _share(point["errors"], point["calls"], style="red"),
            _share(point["cold"], point["calls"], style="blue"),
            size(point["memory_peak_bytes"]),
        )
    return table


def _flows(flow: Mapping[str, Any], *, step_s: float) -> Mapping[tuple[str, ...], Sequence[float]]:
    """The calls of each key over time; a step without calls is a gap."""
    since, bars = float(flow["since"]), ceil((flow["until"] - flow["since"]) / step_s) + 1
    flows: dict[tuple[str, ...], list[float]] = {}
    for point in flow["points"]:
        row = flows.setdefault(tuple(point["key"]), [0.0] * bars)
        row[min(max(int((point["at"] - since) // step_s) + 1, 0), bars - 1)] += point["calls"]
    return flows


def _share(part: int, whole: int, *, style: str) -> str:
    if not part:
        return "-"
    return f"[{style}]{100 * part / max(whole, 1):.3g} %[/{style}]"
