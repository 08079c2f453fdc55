"""`tapwater budgets`: what may be used in a day or a month, and what happens on the way there."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

BudgetName = Annotated[str, typer.Argument(metavar="NAME")]
_LIMIT = re.compile(
    r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z][A-Za-z0-9_-]*)?"
    r"\s*(?:(?:/|a|per)\s*(day|month))?\s*",
    re.IGNORECASE,
)
_STEP = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%?\s*[:= ]\s*(warn|slow|refuse)\s*")
_SPELLINGS: Mapping[str, str] = {"gb-s": "gb_s", "gbs": "gb_s", "cpu-s": "cpu_s", "call": "calls"}
_COLUMNS, _COLUMNS_NARROW, _WIDE_COLUMNS_MIN = 20, 10, 100
_KEPT = ("limit", "unit", "every", "zone", "strict", "steps", "mails", "webhooks", "tells")
_COLOURS = {"open": "green", "warned": "yellow", "slowed": "yellow", "spent": "red"}


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    budgets = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        budgets,
        name="budgets",
        rich_help_panel=panel,
        help="Budgets: warn, slow down or refuse before it gets expensive.",
    )
    command(budgets, "ls")(ls)
    command(budgets, "show")(show)
    command(budgets, "set")(set_)
    command(budgets, "rm")(rm)


async def ls(session: Session) -> int | None:
    """Show all budgets, and how far each is used."""
    async with session.client() as client:
        answer = await client.get(path_of("budgets"))
    table = table_of("budget", "of", "used", "", "limit", "renews", "state")
    columns = _COLUMNS if session.out.width >= _WIDE_COLUMNS_MIN else _COLUMNS_NARROW
    for one in answer["budgets"]:
        share = _share(one)
        colour = _COLOURS.get(one["state"], "default")
        table.add_row(
            f"[bold]{shown(one['name'])}[/bold]",
            shown(_scope(one)),
            f"[{colour}]{bar(share, columns)}[/{colour}]",
            f"{share * 100:.0f} %",
            f"{_number(one['limit'])} {shown(one['unit'])}/{one['every']}",
            _day(one["until"]),
            f"[{colour}]{shown(one['state'])}[/{colour}]",
        )
    session.answer(answer, table)
    if not answer["budgets"]:
        session.say('No budgets. `tapwater budgets set NAME --limit "5 EUR/day"` makes one.')
    elif answer["free"] and any(one["unit"] == answer["currency"] for one in answer["budgets"]):
        session.warn(
            "this node's tariff is free: budgets in money do not fill. Give it prices "
            "(docs/guides/bills.md), or limit a quantity: --limit '100000 calls/day'"
        )
    return None


async def show(session: Session, name: BudgetName) -> int | None:
    """Show a budget: what is spent, its steps, whom it tells."""
    async with session.client() as client:
        answer = await client.get(path_of("budgets", name))
    _show(session, answer)
    return None


async def set_(
    session: Session,
    name: BudgetName,
    *,
    limit: Annotated[
        str, typer.Option("--limit", help="'5 EUR/day', '1000000 calls/month', '400 GB-s/day'.")
    ] = "",
    project: Annotated[str, typer.Option("--project", help="Of a project.")] = "",
    app: Annotated[str, typer.Option("--app", "-a", metavar="APP", help="Of an app.")] = "",
    function: Annotated[
        str, typer.Option("--function", "-f", metavar="APP:GROUP/NAME", help="Of a function.")
    ] = "",
    at: Annotated[
        list[str] | None,
        typer.Option("--at", metavar="PERCENT:DOES", help="80:warn, 90:slow, 100:refuse."),
    ] = None,
    mail: Annotated[list[str] | None, typer.Option("--mail", help="Whom to write to.")] = None,
    webhook: Annotated[
        list[str] | None, typer.Option("--webhook", metavar="URL", help="Where to post to.")
    ] = None,
    tell: Annotated[
        list[str] | None,
        typer.Option("--tell", metavar="APP", help="An app whose functions hear of it."),
    ] = None,
    zone: Annotated[str, typer.Option("--tz", help="By whose clock it renews.")] = "",
    strict: Annotated[
        bool | None,
        typer.Option("--strict/--not-strict", help="Let in only what fits at its worst."),
    ] = None,
) -> int | None:
    """Set a budget, or change one: what is not said stays as it was."""
    said: dict[str, Any] = {"zone": zone, "strict": strict} if zone else {"strict": strict}
    said |= {"project": project, "app": app, "function": function}
    said |= {"mails": mail, "webhooks": webhook, "tells": tell}
    said["steps"] = [read_step(one) for one in at] if at else None
    if limit:
        said |= read_limit(limit)
    async with session.client() as client:
        before = await _before(client, name)
        if before is None and not limit:
            raise CommandFailed(
                f"there is no budget {name!r} yet: say its --limit", exit=Exit.USAGE, code="usage"
            )
        asked = merged(before, said)
        answer = await client.ask("PUT", path_of("budgets", name), body=asked)
    _show(session, answer)
    return None


async def rm(session: Session, name: BudgetName) -> int | None:
    """Remove a budget."""
    async with session.client() as client:
        await client.ask("DELETE", path_of("budgets", name))
    session.answer({"removed": name})
    session.print(f"The budget {shown(name)} is removed.")
    return None


def read_limit(text: str) -> dict[str, Any]:
    """Read a limit.

    >>> read_limit("5 EUR/day"), read_limit("1_000_000 calls per month")
    ({'limit': 5.0, 'unit': 'EUR', 'every': 'day'}, {'limit': 1000000.0, 'unit': 'calls', \
'every': 'month'})
    """
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise CommandFailed(
            f"{text[:80]!r} is no limit: write '5 EUR/day' or '1000000 calls/month'",
            exit=Exit.USAGE,
            code="usage",
        )
    number, unit, every = match.groups()
    found: dict[str, Any] = {"limit": float(number.replace("_", "").replace(",", ""))}
    if unit:
        found["unit"] = unit if unit.isupper() else _SPELLINGS.get(unit.lower(), unit.lower())
    if every:
        found["every"] = every.lower()
    return found


def read_step(text: str) -> dict[str, Any]:
    """Read a step.

    >>> read_step("80:warn"), read_step("100 % refuse")
    ({'at': 80.0, 'does': 'warn'}, {'at': 100.0, 'does': 'refuse'})
    """
    match = _STEP.fullmatch(text)
    if match is None:
        raise CommandFailed(
            f"{text[:80]!r} is no step: write 80:warn, 90:slow or 100:refuse",
            exit=Exit.USAGE,
            code="usage",
        )
    return {"at": float(match[1]), "does": match[2]}


def merged(before: Mapping[str, Any] | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """Put what was said over what is there; None and empty words were not said."""
    kept: dict[str, Any] = {}
    if before is not None:
        kept = {name: before[name] for name in _KEPT}
        if before["scope"] != "node":
            kept[before["scope"]] = before[before["scope"]]
    given = {name: value for name, value in said.items() if value not in (None, "")}
    if {"project", "app", "function"} & given.keys():
        for name in ("project", "app", "function"):
            kept.pop(name, None)
    return {**kept, **given}


def bar(share: float, columns: int = _COLUMNS) -> str:
    """Draw how much is used.

    >>> bar(0.5)
    '██████████░░░░░░░░░░'
    """
    full = min(columns, int(share * columns))
    return "█" * full + "░" * (columns - full)


async def _before(client: Client, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = await client.get(path_of("budgets", name))
    except CommandFailed as error:
        if error.exit is not Exit.NOT_FOUND:
            raise
        return None
    return found


def _show(session: Session, one: Mapping[str, Any]) -> None:
    session.answer(one)
    share = _share(one)
    session.print(
        f"[bold]{shown(one['name'])}[/bold] of {shown(_scope(one))}: {bar(share)} "
        f"{share * 100:.0f} %, "
        f"{_number(one['spent'])} of {_number(one['limit'])} {shown(one['unit'])} a {one['every']}"
        f"{', strict' if one['strict'] else ''}; renews {_day(one['until'])}."
    )
    for step in one["steps"]:
        session.print(f"  at {step['at']:g} %: {step['does']}{_when(one, step)}")
    places: Sequence[str] = [*one["mails"], *one["webhooks"], *one["tells"]]
    if places:
        session.print(f"  tells {', '.join(shown(place) for place in places)}")
    if one.get("webhook_secret"):
        session.print(f"  webhooks are signed with {one['webhook_secret']}")
    if one.get("note"):
        session.warn(str(one["note"]))


def _when(one: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    for mark in one["reached"]:
        if mark["at"] == step["at"]:
            return f" (reached at {_moment(mark['reached_at'])})"
    return ""


def _share(one: Mapping[str, Any]) -> float:
    return float(one["spent"]) / float(one["limit"]) if one["limit"] else 1.0


def _scope(one: Mapping[str, Any]) -> str:
    kind = str(one["scope"])
    return "the whole node" if kind == "node" else f"{kind} {one[kind]}"


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0") if value >= 1e-3 else f"{value:.3g}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}Z"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
