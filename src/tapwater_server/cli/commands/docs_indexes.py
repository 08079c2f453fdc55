"""`tapwater docs indexes`: which there are, how far they are built, new ones."""

from typing import Annotated

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command


def register(docs: typer.Typer) -> None:
    """Add the commands."""
    indexes = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    docs.add_typer(indexes, name="indexes", help="Indexes: what makes queries fast.")
    command(indexes, "ls")(ls)
    command(indexes, "add")(add)
    command(indexes, "rm")(rm)


async def ls(session: Session, *, app: AppName = None) -> int | None:
    """List the indexes and how far they are."""
    _, answer = await ask(session, app, "GET", ("docs-indexes",))
    table = table_of("index", "state", "built", "")
    for each in answer["indexes"]:
        row = (each["id"], each["state"], f"{each['built']:,}", each.get("reason", ""))
        table.add_row(*map(shown, row))
    session.answer(answer, table)
    return None


async def add(
    session: Session,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="Its last name.")],
    fields: Annotated[
        list[str],
        typer.Argument(metavar="FIELD...", help="age, -age (falling), tags[] (each element)."),
    ],
    *,
    group: Annotated[
        bool, typer.Option("--group", help="One index over all collections of the name.")
    ] = False,
    app: AppName = None,
) -> int | None:
    """Want an index; it is built while everything goes on. (Before -age write --.)"""
    body = {"collection": collection, "fields": fields, "group": group}
    _, answer = await ask(session, app, "POST", ("docs-indexes",), body)
    session.answer(answer)
    session.print(f"{shown(answer['id'])} is {answer['state']}.")
    return None


async def rm(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="INDEX", help="As `indexes ls` shows it.")],
    *,
    app: AppName = None,
) -> int | None:
    """Drop an index."""
    await ask(session, app, "DELETE", ("docs-indexes",), query={"id": id})
    session.answer({"removed": id})
    session.print(f"{shown(id)} is gone.")
    return None
