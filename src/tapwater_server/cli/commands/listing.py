"""`tapwater ls` and `tapwater versions`: what there is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, list_apps, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.functions import common_origin, functions_table
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, plain, weights
from tapwater_server.cli.talking import command
from tapwater_server.cli.topview import Look

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    command(app, "ls", panel=panel)(ls)
    command(app, "versions", panel=panel)(versions)


async def ls(
    session: Session,
    app: Annotated[
        str | None, typer.Argument(metavar="APP", help="One app's functions; else all apps'.")
    ] = None,
) -> int | None:
    """Show the apps and their functions."""
    async with session.client() as client:
        apps = await list_apps(client)
        wanted = [app] if app else [str(each.get("name", "")) for each in apps]
        details = [await client.get(path_of("apps", name)) for name in wanted]
        live = await count_instances(client)
    if session.json:
        session.emit({"apps": details})
        return None
    if not details:
        session.print("Nothing is deployed yet. Deploy an app: tapwater deploy PATH")
    for detail in details:
        _show_app(session, detail, live)
    return None


async def count_instances(client: Client) -> Mapping[str, int] | None:
    """Ask how many instances each function has now; None: this token may not know."""
    try:
        look = Look.read(await client.get(path_of("top")))
    except CommandFailed as error:
        if error.exit is not Exit.NOT_ALLOWED:
            raise
        return None
    counted: Counter[str] = Counter()
    for row in look.functions:
        name = f"{row.get('app')}:{row.get('function')}"
        counted[name] += int(row.get("busy", 0)) + int(row.get("idle", 0))
    return counted


def _show_app(session: Session, detail: Mapping[str, Any], live: Mapping[str, int] | None) -> None:
    from rich.markup import escape

    aliases = detail.get("aliases") or {}
    pairs = [f"{name}: {weights(each)}" for name, each in sorted(aliases.items())]
    default = "  [dim](on the bare host)[/dim]" if detail.get("default") else ""
    functions = (detail.get("revision") or {}).get("functions") or []
    app = str(detail.get("name", ""))
    of_app = None if live is None else {n.removeprefix(f"{app}:"): c for n, c in live.items()}
    origin = common_origin(functions)
    session.print(f"[bold green]{app}[/bold green]  {'; '.join(pairs)}  {origin}{default}")
    if functions:
        session.print(functions_table(functions, origin=origin, live=of_app))
    else:
        note = plain((detail.get("revision") or {}).get("note") or "")
        session.print("no functions" + (f": {escape(note)}" if note else ""))
    session.print("")


async def versions(session: Session, app: AppName = None) -> int | None:
    """Show an app's revisions and what points at them, newest first."""
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        found = await client.get(path_of("apps", chosen, "revisions"))
        aliases = await client.get(path_of("apps", chosen, "aliases"))
    revisions = found.get("revisions", []) if isinstance(found, dict) else []
    named = aliases.get("aliases", {}) if isinstance(aliases, dict) else {}
    session.answer(
        {"app": chosen, "revisions": revisions, "aliases": named},
        None if session.json else revisions_table(revisions, named, at=now()),
    )
    return None


def revisions_table(
    revisions: Sequence[Mapping[str, Any]], aliases: Mapping[str, Any], *, at: float
) -> "Table":
    """Show revisions and what points at them."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("revision", "made", "functions", "traffic", "note"):
        table.add_column(column, overflow="fold")
    for revision in revisions:
        number = str(revision.get("number", ""))
        made = revision.get("created_at")
        functions = revision.get("functions")
        table.add_row(
            f"[bold]r{number}[/bold]",
            age(at - made) if isinstance(made, int | float) else "-",
            str(len(functions) if isinstance(functions, list) else functions or 0),
            ", ".join(_pointing(aliases, number)) or "[dim]-[/dim]",
            escape(plain(revision.get("note") or "")),
        )
    return table


def _pointing(aliases: Mapping[str, Any], number: str) -> list[str]:
    return [
        f"[green]{name}[/green] {each[number]} %"
        for name, each in sorted(aliases.items())
        if isinstance(each, Mapping) and number in each
    ]
