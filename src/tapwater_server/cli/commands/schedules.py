"""`tapwater schedules`: what runs when, made without a deploy, paused, run at once."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Query
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.sending import read_content
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

ScheduleName = Annotated[str, typer.Argument(metavar="NAME")]
_PAGE = 1000


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    schedules = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        schedules,
        name="schedules",
        rich_help_panel=panel,
        help="Schedules: those of functions, and those made without a deploy.",
    )
    command(schedules, "ls")(ls)
    command(schedules, "set")(set_)
    command(schedules, "pause")(pause)
    command(schedules, "resume")(resume)
    command(schedules, "run")(run)
    command(schedules, "rm")(rm)
    command(schedules, "next")(next_)


async def ls(session: Session, app: AppName = None) -> int | None:
    """Show the schedules of an app, those in functions' files too."""
    chosen, answer = await _ask(session, app, "GET", (), query={"limit": _PAGE})
    table = table_of("schedule", "times", "zone", "tells", "next", "last")
    for one in answer["schedules"]:
        upcoming = "paused" if one["paused"] else one["next"] or "never"
        times = one["times"] or f"once, {one['at']}"
        table.add_row(
            one["name"],
            shown(times),
            one["zone"],
            shown(one["target"]),
            upcoming,
            one["last"] or "-",
        )
    for one in answer["triggers"]:
        upcoming = one["next"] or "never"
        table.add_row(
            one["function"], shown(one["times"]), one["zone"], "(its own file)", upcoming, "-"
        )
    session.answer({"app": chosen, **answer}, table)
    if not answer["schedules"] and not answer["triggers"]:
        session.say(f"{chosen} has no schedules.")
    return None


async def set_(
    session: Session,
    name: ScheduleName,
    times: Annotated[
        str, typer.Argument(metavar="[TIMES]", help="'*/5 * * * *', 'every 5m', '@daily'.")
    ] = "",
    *,
    target: Annotated[
        str,
        typer.Option(
            "--target", metavar="KIND:NAME", help="function:, queue:, topic: or event: and a name."
        ),
    ],
    at: Annotated[str, typer.Option("--at", help="Once, at 2027-01-31T09:00:00.")] = "",
    zone: Annotated[str, typer.Option("--tz", help="Time zone.")] = "UTC",
    payload: Annotated[
        str, typer.Option("--payload", help="JSON or text; - is stdin, @FILE a file.")
    ] = "null",
    missed: Annotated[str, typer.Option("--missed", help="skip, once or all.")] = "once",
    overlap: Annotated[str, typer.Option("--overlap", help="skip, wait or allow.")] = "skip",
    app: AppName = None,
) -> int | None:
    """Make a schedule, or change one."""
    if bool(times) == bool(at):
        raise CommandFailed("say TIMES or --at, and not both", exit=Exit.USAGE, code="usage")
    content = read_content(payload, json_name="payload")
    if "payload" not in content:
        raise CommandFailed("a payload is JSON or text", exit=Exit.USAGE, code="usage")
    asked = {
        "target": target,
        "zone": zone,
        "missed": missed,
        "overlap": overlap,
        **content,
        **({"times": times} if times else {"at": at}),
    }
    chosen, answer = await _ask(session, app, "PUT", (name,), asked)
    _show(session, chosen, answer)
    return None


async def pause(session: Session, name: ScheduleName, app: AppName = None) -> int | None:
    """Let no time count until the schedule is resumed."""
    chosen, answer = await _ask(session, app, "POST", (name, "pause"))
    _show(session, chosen, answer)
    return None


async def resume(session: Session, name: ScheduleName, app: AppName = None) -> int | None:
    """Let a paused schedule go on from now."""
    chosen, answer = await _ask(session, app, "POST", (name, "resume"))
    _show(session, chosen, answer)
    return None


async def run(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A schedule, or a function: group/name.")
    ],
    app: AppName = None,
) -> int | None:
    """Run a schedule, or a function that has one in its file, once, now, besides its times."""
    if "/" in name:
        chosen, answer = await _ask(session, app, "POST", ("-", "run"), {"function": name})
    else:
        chosen, answer = await _ask(session, app, "POST", (name, "run"))
    session.answer({"app": chosen, "schedule": name, **answer})
    session.print(f"{name} runs: {answer['id']}")
    return None


async def rm(session: Session, name: ScheduleName, app: AppName = None) -> int | None:
    """Remove a schedule."""
    chosen, _ = await _ask(session, app, "DELETE", (name,))
    session.answer({"app": chosen, "removed": name})
    session.print(f"{name} is removed.")
    return None


async def next_(
    session: Session,
    times: Annotated[str, typer.Argument(metavar="TIMES", help="'*/5 * * * *', 'every 5m'.")],
    *,
    zone: Annotated[str, typer.Option("--tz", help="Time zone.")] = "UTC",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=100)] = 5,
    app: AppName = None,
) -> int | None:
    """Say when times would be due; makes nothing."""
    query: Query = {"times": times, "zone": zone, "count": count}
    _, answer = await _ask(session, app, "GET", ("-", "next"), query=query)
    session.answer({"times": times, "zone": zone, **answer})
    for moment in answer["next"]:
        session.print(moment)
    return None


async def _ask(
    session: Session,
    app: str | None,
    method: str,
    parts: Sequence[str],
    body: object = None,
    *,
    query: Query | None = None,
) -> tuple[str, Any]:
    if parts and "/" in parts[0]:
        raise CommandFailed(
            f"{plain(parts[0])} is a function: its times are in its file",
            hint="Change them there and deploy; `tapwater schedules run` runs it at once.",
            exit=Exit.USAGE,
            code="usage",
        )
    return await ask(session, app, method, ("schedules", *parts), body, query=query)


def _show(session: Session, chosen: str, one: Mapping[str, Any]) -> None:
    session.answer({"app": chosen, "schedule": one})
    if one["paused"]:
        session.print(f"[bold]{one['name']}[/bold] is paused.")
    else:
        session.print(f"[bold]{one['name']}[/bold] runs next at {one['next'] or 'no time'}.")
