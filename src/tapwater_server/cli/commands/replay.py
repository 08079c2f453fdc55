"""`tapwater replay`: run a recorded call again, there or here, and see what differs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import asking
from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.differing import show_replay
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

LAST = "last"
_LOOKED_AT = 500  # recordings, for the last that failed
DEBUG_PORT = 5678  # What editors offer for debugpy.

Id = Annotated[
    str | None,
    typer.Argument(
        metavar="ID", help="The invocation, as in the logs; `last`: the one that failed last."
    ),
]
Live = Annotated[
    bool, typer.Option("--live", help="Ask services and functions anew, not the recording.")
]
UnknownLive = Annotated[
    bool, typer.Option("--unknown-live", help="Ask anew only what the recording lacks.")
]
RevisionName = Annotated[
    str | None,
    typer.Option("--revision", "-r", metavar="N", help="This one; else the one that ran then."),
]
IsLocal = Annotated[bool, typer.Option("--local", help="Run the working copy, on this machine.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="DIR", help="Where it is; here, unless told.")
]
Python = Annotated[
    Path | None,
    typer.Option("--python", help="With --local: this interpreter; else the folder's .venv."),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="NAME=VALUE", help="With --local: a secret. Repeatable."),
]
UsePdb = Annotated[bool, typer.Option("--pdb", help="Local, and stop at the handler's first line.")]
UseDebugpy = Annotated[
    bool, typer.Option("--debugpy", help="Local, and wait for an editor's debugger.")
]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Where debugpy listens; 0: any.")
]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "replay", panel=panel)(replay)


async def replay(
    session: Session,
    id: Id = None,
    *,
    live: Live = False,
    unknown_live: UnknownLive = False,
    revision: RevisionName = None,
    local: IsLocal = False,
    folder: Folder = None,
    python: Python = None,
    secret: Secrets = None,
    pdb: UsePdb = False,
    debugpy: UseDebugpy = False,
    port: Port = DEBUG_PORT,
    app: AppName = None,
) -> int | None:
    """Run a recorded call again, and show what differs.

    What the call asked of services is answered from the recording, so nothing is changed.
    Ends with 1 when the two outcomes differ. Without an ID: list what is recorded.
    """
    if id is None:
        return await _list(session, app)
    here = local or pdb or debugpy or folder is not None or python is not None
    if here and revision is not None:
        raise CommandFailed(
            "--revision runs there, --local here: say one of them", exit=Exit.USAGE, code="usage"
        )
    async with session.client() as client:
        if id == LAST:
            id = await _last(session, client, app)
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
    if not here and revision is None and not answer["differences"]:
        session.say("[dim]On the working copy: --local; stopped where it goes wrong: --pdb[/dim]")
    return Exit.FAILED if answer["differences"] else Exit.FINE


async def _list(session: Session, app: str | None) -> int:
    async with asking(session, app) as (client, chosen):
        found = await client.get(path_of("recordings"), app=chosen)
    table = table_of("invocation", "when", "function", "ending", "status", "why")
    for one in found["recordings"]:
        table.add_row(
            one["id"],
            age(now() - one["at"]),
            shown(one["function"]),
            one["ending"],
            str(one["status"] or "-"),
            "replay" if one["replay_of"] else one["why"],
        )
    session.answer({"app": chosen, **found}, table)
    return Exit.FINE


async def _last(session: Session, client: Client, app: str | None) -> str:
    chosen = await which_app(session, client, app)
    found = await client.get(path_of("recordings"), app=chosen, limit=_LOOKED_AT)
    for one in found["recordings"]:
        if one["why"] == "error" and not one["replay_of"]:
            return str(one["id"])
    raise CommandFailed(
        f"no call of {chosen} that failed is recorded", exit=Exit.NOT_FOUND, code="not_found"
    )


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
