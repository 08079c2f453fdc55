"""`tapwater alerts`: who is told when something goes wrong, and how it stands."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

KINDS = ("new_error", "regressed", "error_rate", "latency", "dead_letters")
_UNITS = {"error_rate": " %", "latency": " ms", "dead_letters": " more"}
RuleName = Annotated[str, typer.Argument(metavar="NAME")]
OfNode = Annotated[
    bool, typer.Option("--node", help="The node's own, about all apps; needs an admin token.")
]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    alerts = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        alerts,
        name="alerts",
        rich_help_panel=panel,
        help="Alerts: whom to tell when something goes wrong.",
    )
    command(alerts, "ls")(ls)
    command(alerts, "set")(set_)
    command(alerts, "rm")(rm)


async def ls(session: Session, *, of_node: OfNode = False, app: AppName = None) -> int | None:
    """Show the alerts of an app, and how they stand."""
    async with session.client() as client:
        asked = None if of_node else await which_app(session, client, app)
        answer = await client.get(path_of("alerts"), app=asked)
    table = table_of("alert", "of", "when", "now", "told", "tells")
    for one in answer["alerts"]:
        told_at = one["standing"]["told_at"]
        table.add_row(
            one["name"],
            shown(one["app"] or "the node"),
            shown(_when(one)),
            _now(one),
            age(now() - told_at) if told_at else "-",
            shown(", ".join(_places(one))),
        )
    session.answer(answer, table)
    if not answer["alerts"]:
        session.say("No alerts. Tell me of errors: tapwater alerts set NAME new_error --mail YOU")
    return None


async def set_(
    session: Session,
    name: RuleName,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}.")],
    *,
    function: Annotated[
        str, typer.Option(metavar="FUNCTION", help="Only about this one: GROUP/NAME.")
    ] = "",
    above: Annotated[
        float | None,
        typer.Option(help="Percent (error_rate), ms (latency) or how many (dead_letters)."),
    ] = None,
    minutes: Annotated[int, typer.Option(help="How many are looked at together.")] = 5,
    calls: Annotated[int, typer.Option(help="Fewer calls in these say nothing.")] = 20,
    quiet: Annotated[
        int, typer.Option(metavar="MINUTES", help="How long to be quiet after it was told.")
    ] = 60,
    mail: Annotated[
        list[str] | None, typer.Option("--mail", metavar="ADDRESS", help="May be repeated.")
    ] = None,
    webhook: Annotated[
        list[str] | None, typer.Option("--webhook", metavar="URL", help="May be repeated.")
    ] = None,
    event: Annotated[
        bool, typer.Option("--event/--no-event", help="Tell the app's functions too.")
    ] = True,
    paused: Annotated[bool, typer.Option("--paused", help="Keep it, and tell nobody.")] = False,
    of_node: OfNode = False,
    app: AppName = None,
) -> int | None:
    """Make an alert, or make it anew."""
    _check(kind, above)
    body = {
        "kind": kind,
        "function": function,
        "above": above or 0.0,
        "minutes": minutes,
        "calls_min": calls,
        "quiet_minutes": quiet,
        "event": event,
        "mails": mail or [],
        "webhooks": webhook or [],
        "paused": paused,
    }
    async with session.client() as client:
        asked = None if of_node else await which_app(session, client, app)
        answer = await client.ask("PUT", path_of("alerts", name), query={"app": asked}, body=body)
    session.answer(answer)
    session.print(f"[bold]{shown(name)}[/bold]: {shown(_when(answer))}")
    if answer.get("secret") and answer["webhooks"]:
        session.print(f"Its webhooks are signed with this secret, shown once: {answer['secret']}")
    return None


async def rm(
    session: Session, name: RuleName, *, of_node: OfNode = False, app: AppName = None
) -> int | None:
    """Remove an alert."""
    async with session.client() as client:
        asked = None if of_node else await which_app(session, client, app)
        await client.ask("DELETE", path_of("alerts", name), query={"app": asked})
    session.answer({"removed": name})
    session.print(f"{shown(name)} is removed.")
    return None


def _check(kind: str, above: float | None) -> None:
    """What is measured needs a measure: without one it would be told all the time."""
    if kind not in KINDS:
        raise CommandFailed(
            f"there is no kind {kind!r}: {', '.join(KINDS)}", exit=Exit.USAGE, code="usage"
        )
    if kind in _UNITS and above is None:
        raise CommandFailed(f"{kind} of how much? Say --above", exit=Exit.USAGE, code="usage")


def _when(alert: Mapping[str, Any]) -> str:
    said = str(alert["kind"])
    if said in _UNITS:
        said += f" > {alert['above']:g}{_UNITS[said]} in {alert['minutes']} min"
    if alert["function"]:
        said += f" of {alert['function']}"
    return f"{said} (paused)" if alert["paused"] else said


def _now(alert: Mapping[str, Any]) -> str:
    if alert["kind"] not in _UNITS:
        return "-"
    said = f"{alert['standing']['value']:.3g}{_UNITS[alert['kind']]}"
    return f"[red]{said}[/red]" if alert["standing"]["firing"] else said


def _places(alert: Mapping[str, Any]) -> list[str]:
    event = ["tapwater.alert"] if alert["event"] and alert["app"] else []
    return [*event, *alert["mails"], *alert["webhooks"]]
