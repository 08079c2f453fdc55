"""`tapwater docs ttl`: which field of a collection's documents says when they end."""

from typing import Annotated

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain
from tapwater_server.cli.talking import command

CollectionName = Annotated[str, typer.Argument(metavar="COLLECTION", help="Its last name.")]


def register(docs: typer.Typer) -> None:
    """Add the commands."""
    ttl = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    docs.add_typer(ttl, name="ttl", help="Fields that say when documents end.")
    command(ttl, "ls")(ls)
    command(ttl, "set")(set_)
    command(ttl, "rm")(rm)


async def ls(session: Session, *, app: AppName = None) -> int | None:
    """List the collections whose documents end by a field."""
    from rich.table import Table

    async with session.client() as client:
        chosen = await which_app(session, client, app)
        answer = await client.get(path_of("apps", chosen, "docs-ttl"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("collection", "field", "said in"):
        table.add_column(name)
    for each in answer["ttl"]:
        said_in = "tapwater.toml" if each["declared"] else ""
        table.add_row(*map(plain, (each["collection"], each["field"], said_in)))
    session.answer(answer, table)
    return None


async def set_(
    session: Session,
    collection: CollectionName,
    field: Annotated[str, typer.Argument(metavar="FIELD", help="Seconds, or RFC 3339 text.")],
    *,
    app: AppName = None,
) -> int | None:
    """Let a field say when documents end, from the next write of each on."""
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        body = {"collection": collection, "field": field}
        answer = await client.ask("PUT", path_of("apps", chosen, "docs-ttl"), body=body)
    session.answer(answer)
    session.print(f"Documents of {plain(collection)} end when their {plain(field)} says.")
    return None


async def rm(session: Session, collection: CollectionName, *, app: AppName = None) -> int | None:
    """Let documents end by no field any more; those with an end keep it until their next write."""
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        url = path_of("apps", chosen, "docs-ttl")
        await client.ask("DELETE", url, query={"collection": collection})
    session.answer({"removed": collection})
    session.print(f"Documents of {plain(collection)} end by no field any more.")
    return None
