"""`tapwater top`: what runs now, looked at again every second."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import wait_s
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command
from tapwater_server.cli.topview import Look, view

if TYPE_CHECKING:
    from tapwater_server.cli.client import Client


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "top", panel=panel)(top)


async def top(
    session: Session,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    every: Annotated[
        float, typer.Option(min=0.2, max=3600, metavar="SECONDS", help="How often to look.")
    ] = 1.0,
) -> int | None:
    """Show functions by how busy they are; Ctrl-C ends it. With --json, a line per look."""
    async with session.client() as client:
        if session.json:
            session.emit(await _look(client))
            while not once:
                await wait_s(every)
                session.emit(await _look(client))
        elif once or not session.out.is_terminal:
            look = Look.read(await _look(client))
            session.print(view(look, before=None, width=session.out.width))
        else:
            await _live(session, client, every)
    return None


async def _look(client: "Client") -> Any:
    return await client.get(path_of("top"))


async def _live(session: Session, client: "Client", every: float) -> None:
    from rich.live import Live

    out = session.out
    look = Look.read(await _look(client))
    first = view(look, before=None, width=out.width)
    with Live(first, console=out, auto_refresh=False, screen=True) as live:
        while True:
            await wait_s(every)
            before, look = look, Look.read(await _look(client))
            live.update(view(look, before=before, width=out.width), refresh=True)
