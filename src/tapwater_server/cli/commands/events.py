"""`tapwater events`: publish, look up and replay events; list, read, retry, drop dead letters."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask, asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Client, Query, path_of
from tapwater_server.cli.clock import now, wait_s
from tapwater_server.cli.commands.call import read_data
from tapwater_server.cli.commands.event_tables import (
    deliveries_table,
    end_of,
    events_table,
    lines_table,
    print_delivery,
    print_event,
)
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import read_span
from tapwater_server.cli.tables import shown
from tapwater_server.cli.talking import command

_LOOK_S_MIN, _LOOK_S_MAX = 0.02, 1.0  # Between two looks: soon at first, then less often.
Function = Annotated[str, typer.Option("--function", "-f", help="Of this function.")]
Queue = Annotated[str, typer.Option("--queue", "-q", help="Of this queue.")]
Reason = Annotated[str, typer.Option("--reason", help="Whose reason has this text in it.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As `dead` lists them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=500)]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    events = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        events,
        name="events",
        rich_help_panel=panel,
        help="What happened, who was told, and dead letters.",
    )
    # After the name, --data is what happened; the data directory goes before it.
    command(events, "publish", without=("data_dir",))(publish)
    command(events, "ls")(ls)
    command(events, "show")(show)
    command(events, "replay")(replay)
    command(events, "deliveries")(deliveries)
    command(events, "dead")(dead)
    command(events, "retry")(retry)
    command(events, "drop")(drop)
    command(events, "lines")(lines)


async def publish(
    session: Session,
    type: Annotated[str, typer.Argument(metavar="TYPE", help="Such as shop.order.paid.")],
    *,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", metavar="JSON|@FILE|@-", help="What happened, in JSON."),
    ] = None,
    subject: Annotated[str, typer.Option("--subject", help="What it is about.")] = "",
    source: Annotated[str, typer.Option("--source", help="Where it comes from.")] = "/events",
    id: Annotated[
        str | None, typer.Option("--id", help="The same id again changes nothing.")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="What orders it.")] = "",
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Until all who listen are done with it.")
    ] = False,
    app: AppName = None,
) -> int | None:
    """Publish an event; it is on disk when this returns.

    With --wait, ends with 1 when a delivery has become a dead letter.
    """
    said = {"specversion": "1.0", "type": type, "source": source, "id": id or _fresh()}
    said |= {name: at for name, at in (("subject", subject), ("partitionkey", key)) if at}
    body: dict[str, Any] = {**said, **_event_data(data)}
    async with asking(session, app) as (client, chosen):
        answer = await client.ask("POST", path_of("apps", chosen, "events"), body=body)
        own = path_of("apps", chosen, "events", answer["ids"][0])
        told = await _ended(client, own) if wait else []
    session.answer({**answer, "deliveries": told} if wait else answer)
    if not session.json:
        seen = "" if answer["new"] else " [dim]It was known already: nothing changed.[/dim]"
        session.print(f"{answer['ids'][0]}{seen}")
        for one in told:
            session.print(shown(end_of(one)))
    return Exit.FAILED if any(one["state"] == "dead" for one in told) else None


async def _ended(client: Client, path: str) -> list[dict[str, Any]]:
    """Wait until nobody has to be told any more."""
    pause_s = _LOOK_S_MIN
    while True:
        answer = await client.get(path)
        told: list[dict[str, Any]] = answer["deliveries"]
        if all(one["state"] in {"done", "dead"} for one in told):
            return told
        await wait_s(pause_s)
        pause_s = min(2 * pause_s, _LOOK_S_MAX)


async def ls(
    session: Session,
    *,
    type: Annotated[str, typer.Option("--type", "-t", help="A * is any text.")] = "",
    source: Annotated[str, typer.Option("--source")] = "",
    subject: Annotated[str, typer.Option("--subject", help="A * is any text.")] = "",
    since: Annotated[
        str | None, typer.Option("--since", help="10m, 2h, 1d: the oldest first.")
    ] = None,
    limit: Limit = 30,
    app: AppName = None,
) -> int | None:
    """List events, the newest first."""
    query: Query = {
        "type": type or None,
        "source": source or None,
        "subject": subject or None,
        "since": _ago(since),
        "limit": limit,
    }
    _, answer = await ask(session, app, "GET", ("events",), query=query)
    table = events_table(answer["events"], at=now(), columns=session.out.width)
    session.answer(answer, table)
    return None


async def show(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="ID", help="Of an event, or of a delivery.")],
    *,
    app: AppName = None,
) -> int | None:
    """Show an event with its deliveries, or one delivery with what was told and answered."""
    async with asking(session, app) as (client, chosen):
        try:
            answer = await client.get(path_of("apps", chosen, "events", id))
        except CommandFailed as failed:
            if failed.exit is not Exit.NOT_FOUND:
                raise
            one = await client.get(path_of("apps", chosen, "events", "deliveries", id))
            session.answer(one)
            if not session.json:
                print_delivery(session, one)
            return None
    session.answer(answer)
    if not session.json:
        print_event(session, answer)
    return None


async def replay(
    session: Session,
    *,
    since: Annotated[str, typer.Option("--since", help="How far back: 10m, 2h, 1d.")],
    until: Annotated[str | None, typer.Option("--until", help="Up to how long ago.")] = None,
    type: Annotated[str, typer.Option("--type", "-t", help="A * is any text.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="A * is any text.")] = "",
    function: Annotated[str, typer.Option("--function", "-f", help="Tell only this one.")] = "",
    app: AppName = None,
) -> int | None:
    """Tell what happened once more: to all functions that listen now, or one of them."""
    body = {
        "since": _ago(since),
        "until": _ago(until) or 0.0,
        "type": type,
        "subject": subject,
        "function": function,
    }
    _, answer = await ask(session, app, "POST", ("events", "replay"), body)
    session.answer(answer)
    session.print(f"{answer['events']} events, {answer['deliveries']} deliveries.")
    if not answer["complete"]:
        session.say("There are more: replay the later ones with a shorter --since.")
    return None


async def deliveries(
    session: Session,
    *,
    state: Annotated[str, typer.Option("--state", help="waiting, leased, done or dead.")] = "",
    function: Function = "",
    queue: Queue = "",
    limit: Limit = 30,
    app: AppName = None,
) -> int | None:
    """List deliveries, the newest first."""
    query: Query = {
        "state": state or None,
        "function": function or None,
        "queue": queue or None,
        "limit": limit,
    }
    _, answer = await ask(session, app, "GET", ("events", "deliveries"), query=query)
    session.answer(answer, deliveries_table(answer["deliveries"], at=now()))
    return None


async def dead(
    session: Session,
    *,
    function: Function = "",
    queue: Queue = "",
    reason: Reason = "",
    limit: Limit = 30,
    app: AppName = None,
) -> int | None:
    """List dead letters, the newest first."""
    query: Query = {
        "function": function or None,
        "queue": queue or None,
        "reason": reason or None,
        "limit": limit,
    }
    _, answer = await ask(session, app, "GET", ("events", "dead"), query=query)
    session.answer(answer, deliveries_table(answer["deliveries"], at=now()))
    if not answer["deliveries"]:
        session.say("[dim]No dead letters.[/dim]")
    elif not session.json:
        session.say(
            "[dim]Try them again: tapwater events retry ID, --function NAME or --queue NAME.[/dim]"
        )
    return None


async def retry(
    session: Session,
    ids: Ids = None,
    *,
    function: Function = "",
    queue: Queue = "",
    reason: Reason = "",
    all: All = False,
    app: AppName = None,
) -> int | None:
    """Try dead letters again, from the first attempt on."""
    return await _touch(
        session, app, "replay", "tried again", _which(ids, function, queue, reason, all)
    )


async def drop(
    session: Session,
    ids: Ids = None,
    *,
    function: Function = "",
    queue: Queue = "",
    reason: Reason = "",
    all: All = False,
    app: AppName = None,
) -> int | None:
    """Throw dead letters away, for good."""
    return await _touch(session, app, "drop", "dropped", _which(ids, function, queue, reason, all))


async def lines(session: Session, *, app: AppName = None) -> int | None:
    """Show what waits, runs and is dead: by function and queue."""
    _, answer = await ask(session, app, "GET", ("events", "lines"))
    session.answer(answer, lines_table(answer["lines"], at=now()))
    return None


async def _touch(
    session: Session, app: str | None, what: str, said: str, which: Mapping[str, Any]
) -> int | None:
    _, answer = await ask(session, app, "POST", ("events", "dead", what), which)
    session.answer(answer)
    count = answer["count"]
    session.print(f"{count} dead letter{'' if count == 1 else 's'} {said}.")
    if not count:
        session.say("`tapwater events dead` shows them; those of a queue go by --queue NAME.")
    return None if count else Exit.NOT_FOUND


def _which(
    ids: list[str] | None, function: str, queue: str, reason: str, all: bool
) -> Mapping[str, Any]:
    if not (ids or function or queue or reason or all):
        raise CommandFailed(
            "say which: ids, --function, --queue, --reason, or --all",
            exit=Exit.USAGE,
            code="usage",
        )
    return {"ids": ids or [], "function": function, "queue": queue, "reason": reason, "all": all}


def _event_data(text: str | None) -> dict[str, Any]:
    read = read_data(text)
    if "body_base64" in read:
        return {"data_base64": read["body_base64"], "datacontenttype": "application/octet-stream"}
    return read


def _ago(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return now() - read_span(text)
    except ValueError:
        raise CommandFailed(
            f"{text!r} is no span of time: write 10m, 2h or 1d", exit=Exit.USAGE, code="usage"
        ) from None


def _fresh() -> str:
    import secrets

    return secrets.token_hex(16)
