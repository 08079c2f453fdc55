"""`tapwater docs ttl`: which field of a collection's documents says when they end."""

from typing import Annotated

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
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
    _, answer = await ask(session, app, "GET", ("docs-ttl",))
    table = table_of("collection", "field", "said in")
    for each in answer["ttl"]:
        said_in = "tapwater.toml" if each["declared"] else ""
        table.add_row(*map(shown, (each["collection"], each["field"], said_in)))
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
    body = {"collection": collection, "field": field}
    _, answer = await ask(session, app, "PUT", ("docs-ttl",), body)
    session.answer(answer)
    session.print(f"Documents of {shown(collection)} end when their {shown(field)} says.")
    return None


async def rm(session: Session, collection: CollectionName, *, app: AppName = None) -> int | None:
    """Let documents end by no field any more; those with an end keep it until their next write."""
    await ask(session, app, "DELETE", ("docs-ttl",), query={"collection": collection})
    session.answer({"removed": collection})
    session.print(f"Documents of {shown(collection)} end by no field any more.")
    return None
