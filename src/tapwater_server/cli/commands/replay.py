"""`tapwater replay`: run a recorded call again, there or here, and see what differs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.differing import show_replay
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

DEBUG_PORT = 5678  # What editors offer for debugpy.


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "replay", panel=panel)(replay)


async def replay(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="ID", help="The invocation, as in the logs.")],
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Ask services and functions anew, not the recording.")
    ] = False,
    unknown_live: Annotated[
        bool, typer.Option("--unknown-live", help="Ask anew only what the recording lacks.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option("--revision", "-r", metavar="N", help="This one; else the one that ran then."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Run the working copy, on this machine.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where it is; here, unless told."),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option("--python", help="With --local: this interpreter; else the folder's .venv."),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="NAME=VALUE", help="With --local: a secret. Repeatable."),
    ] = None,
    pdb: Annotated[
        bool, typer.Option("--pdb", help="Local, and stop at the handler's first line.")
    ] = False,
    debugpy: Annotated[
        bool, typer.Option("--debugpy", help="Local, and wait for an editor's debugger.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="Where debugpy listens; 0: any.")
    ] = DEBUG_PORT,
) -> int | None:
    """Run a recorded call again, and show both outcomes and the difference.

    What the call asked of services is answered from the recording, so nothing is changed.
    Ends with 1 when the two outcomes differ.
    """
    here = local or pdb or debugpy or folder is not None or python is not None
    if here and revision is not None:
        raise CommandFailed(
            "--revision runs there, --local here: say one of them", exit=Exit.USAGE, code="usage"
        )
    async with session.client() as client:
        if here:
            from tapwater_server.cli.replaying import Local, replay_here

            answer = await replay_here(
                session,
                client,
                id,
                Local(
                    folder=folder or session.folder,
                    python=python,
                    secrets=secret or [],
                    live=live,
                    unknown_live=unknown_live,
                    debugger="pdb" if pdb else f"debugpy:{port}" if debugpy else "",
                ),
            )
        else:
            answer = await _replay_there(
                client, id, live=live, unknown_live=unknown_live, revision=revision
            )
    show_replay(session, answer)
    return Exit.FAILED if answer["differences"] else Exit.FINE


async def _replay_there(
    client: Client, id: str, *, live: bool, unknown_live: bool, revision: str | None
) -> Any:
    asked: dict[str, Any] = {
        "bindings": "live" if live else "recorded",
        "unknown": "live" if unknown_live else "fail",
    }
    if revision is not None:
        asked["revision"] = revision
    return await client.ask(
        "POST", path_of("invocations", id, "replay"), body=asked, timeout_s=None
    )
