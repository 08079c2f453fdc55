"""`tapwater trace`: one picture of everything a request caused, from the click to the e-mail."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, check_app, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.picture import picture
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, duration
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

LAST = "last"
_TRACE_CHARS = 32
LAST = "last"


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "trace", panel=panel)(trace)


async def trace(
    session: Session,
    id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", help="Of a trace, or of a call in it; `last`; else lists the newest."
        ),
    ] = None,
    *,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=200, help="How many to list.")
    ] = 20,
    app: AppName = None,
) -> int | None:
    """Show all that a request caused, from the click to the e-mail."""
    async with session.client() as client:
        if id is None or id == LAST:
            asked = await which_app(session, client, app)
            limit = count if id is None else 1
            answer = await client.get(path_of("traces"), app=asked, limit=limit)
            if not answer["traces"]:
                await check_app(client, asked)
            if id is None or not answer["traces"]:
                _list(session, answer)
                return None
            id = str(answer["traces"][0]["trace"])
        found = await client.get(path_of("traces", await _trace_of(client, id)))
    session.answer(found)
    if not session.json:
        for line in picture(found, columns=session.out.width):
            session.out.print(line, soft_wrap=True)
    return None


async def _trace_of(client: Client, id: str) -> str:
    if len(id) == _TRACE_CHARS:
        return id
    call = await client.get(path_of("invocations", id))
    if not call["trace"]:
        raise CommandFailed("this call has no trace", exit=Exit.NOT_FOUND, code="not_found")
    return str(call["trace"])


def _list(session: Session, answer: Mapping[str, Any]) -> None:
    table = table_of("trace", "when", "took", "calls", "errors", "what")
    moment = now()
    for root in answer["traces"]:
        table.add_row(
            root["trace"],
            age(moment - root["at"]),
            duration(root["took_ms"] / 1e3),
            str(root["calls"]),
            f"[red]{root['errors']}[/red]" if root["errors"] else "-",
            shown(root["name"]),
        )
    session.answer(answer, table)
    if not answer["traces"]:
        session.say("No calls have left a trace yet.")
        return
    session.say("[dim]The picture of one: tapwater trace ID, or `last`[/dim]")
