"""`tapwater docs`: look at an app's documents, change them, follow them, move them."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import path_of
from tapwater_server.cli.commands import docs_indexes, docs_transfer, docs_ttl
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

_CELL_CHARS_MAX = 100

Where = Annotated[str, typer.Argument(metavar="PATH", help="users, or users/42.")]
DocPath = Annotated[str, typer.Argument(metavar="COLLECTION/ID")]
Data = Annotated[str, typer.Argument(metavar="JSON|@FILE|@-")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    docs = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        docs,
        name="docs",
        rich_help_panel=panel,
        help="Documents of an app: read, write, query, follow, export.",
    )
    command(docs, "ls")(ls)
    command(docs, "get")(get)
    command(docs, "set")(set_)
    command(docs, "add")(add)
    command(docs, "rm")(rm)
    command(docs, "query")(query)
    command(docs, "watch")(watch)
    docs_transfer.register(docs)
    docs_indexes.register(docs)
    docs_ttl.register(docs)


async def ls(
    session: Session,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="users, or users/42.")] = "",
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 100,
    app: AppName = None,
) -> int | None:
    """List the collections of the app or of a document, or the documents of a collection."""
    async with asking(session, app) as (client, chosen):
        if path and path.count("/") % 2 == 0:
            answer = await client.get(path_of("apps", chosen, "docs", path), limit=limit)
            _show(session, answer)
            return None
        answer = await client.get(path_of("apps", chosen, "docs"), under=path, limit=limit)
    session.answer(answer)
    for each in answer["collections"]:
        session.print(shown(each))
    return None


async def get(session: Session, path: DocPath, *, app: AppName = None) -> int | None:
    """Show a document."""
    async with asking(session, app) as (client, chosen):
        if path.count("/") % 2 == 0:
            raise CommandFailed(
                f"{plain(path)} is a collection",
                hint="`tapwater docs ls PATH` shows its documents.",
                exit=Exit.USAGE,
                code="usage",
            )
        answer = await client.get(path_of("apps", chosen, "docs", path))
    session.answer(answer)
    if not session.json:
        text = json.dumps(answer["data"], indent=2, ensure_ascii=False)
        session.out.print(text, soft_wrap=True, markup=False)
    return None


async def set_(
    session: Session,
    path: DocPath,
    data: Data,
    *,
    merge: Annotated[bool, typer.Option("--merge", help="Put these fields into it.")] = False,
    new: Annotated[bool, typer.Option("--new", help="It must not be there yet.")] = False,
    ttl: Annotated[float | None, typer.Option(metavar="SECONDS", help="It ends then.")] = None,
    app: AppName = None,
) -> int | None:
    """Write a document; {"$increment": 1} and its like work on what is there."""
    write: dict[str, Any] = {"merge" if merge else "set": path, "data": read_object(data)}
    if new:
        write["if"] = {"exists": False}
    if ttl is not None:
        write["ttl"] = ttl
    async with asking(session, app) as (client, chosen):
        url = path_of("apps", chosen, "docs-commit")
        answer = await client.ask("POST", url, body={"writes": [write]})
    (written,) = answer["written"]
    session.answer(written)
    session.print(f"{shown(path)} is in version {written['version']}.")
    return None


async def add(
    session: Session,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION")],
    data: Data,
    *,
    app: AppName = None,
) -> int | None:
    """Add a document under a new id."""
    body = read_object(data)
    async with asking(session, app) as (client, chosen):
        answer = await client.ask("POST", path_of("apps", chosen, "docs", collection), body=body)
    session.answer(answer)
    session.print(shown(answer["path"]))
    return None


async def rm(
    session: Session,
    paths: Annotated[list[str], typer.Argument(metavar="COLLECTION/ID...")],
    *,
    app: AppName = None,
) -> int | None:
    """Remove documents, all or none; their sub-collections stay."""
    writes = [{"delete": path, "if": {"exists": True}} for path in paths]
    async with asking(session, app) as (client, chosen):
        url = path_of("apps", chosen, "docs-commit")
        await client.ask("POST", url, body={"writes": writes})
    session.answer({"removed": paths})
    session.print("Removed: " + ", ".join(map(shown, paths)))
    return None


async def query(
    session: Session,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION")],
    where: Annotated[
        list[str] | None, typer.Argument(metavar="'FIELD OP VALUE'...", help="age>3 city==Ulm")
    ] = None,
    *,
    order: Annotated[str, typer.Option(metavar="FIELDS", help="age,name")] = "",
    falling: Annotated[str, typer.Option(metavar="FIELD", help="Order by it, falling.")] = "",
    select: Annotated[str, typer.Option(metavar="FIELDS", help="Only these.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 100,
    after: Annotated[str, typer.Option(metavar="CURSOR", help="The page behind it.")] = "",
    group: Annotated[bool, typer.Option("--group", help="All collections of the name.")] = False,
    count: Annotated[bool, typer.Option("--count", help="Only how many there are.")] = False,
    app: AppName = None,
) -> int | None:
    """Find documents of which all the conditions hold."""
    given: dict[str, str | int | None] = {
        "where": ";".join(where or []),
        "order_by": ",".join(each for each in (f"-{falling}" if falling else "", order) if each),
        "select": select,
        "limit": limit,
        "after": after,
        "group": "true" if group else None,
        "count": "true" if count else None,
    }
    async with asking(session, app) as (client, chosen):
        answer = await client.get(path_of("apps", chosen, "docs", collection), **given)
    if count:
        session.answer(answer)
        session.print(str(answer["count"]))
    else:
        _show(session, answer)
    if "advice" in answer:
        _advise(session, answer["advice"])
    return None


async def watch(
    session: Session,
    path: Where,
    *,
    since: Annotated[
        str, typer.Option(metavar="TOKEN", help="Go on from there: each change comes with one.")
    ] = "",
    app: AppName = None,
) -> int | None:
    """Follow a document or a collection: what is there, then every change. Ctrl-C ends it."""
    asked = {"subscribe": "true", "format": "ndjson", "token": since or None}
    async with asking(session, app) as (client, chosen):
        url = path_of("apps", chosen, "docs", path)
        async with client.lines("GET", url, query=asked) as lines:
            async for line in lines:
                if session.json:
                    session.emit(line)
                else:
                    _tell(session, line)
    return None


def _tell(session: Session, said: Mapping[str, Any]) -> None:
    kind = said["type"]
    if kind == "snapshot":
        for each in said["documents"]:
            session.print(f"[dim]there[/dim]     {_line(each)}")
    elif "document" in said:
        session.print(f"[bold]{kind:9}[/bold] {_line(said['document'])}")
    elif kind == "removed":
        session.print(f"[bold]removed[/bold]   {shown(said['path'])}")
    elif kind == "closed":
        session.warn(f"{said['reason']}; go on with --since {said['token']}")


def _line(document: Mapping[str, Any]) -> str:
    text = json.dumps(document["data"], ensure_ascii=False)
    return f"{shown(document['path'])}  {shown(text[:_CELL_CHARS_MAX])}"


def _advise(session: Session, advice: Mapping[str, Any]) -> None:
    """Tell which index is missed, by command and as lines to paste."""
    command, toml = (shown(advice[each]) for each in ("command", "toml"))
    session.say(f"[dim]{advice['says']}. To make one: {command}[/dim]")
    session.say(f"[dim]or, to have it with each deploy, in tapwater.toml:[/dim]\n{toml}")


def _show(session: Session, answer: Mapping[str, Any]) -> None:
    documents: Sequence[Mapping[str, Any]] = answer["documents"]
    table = table_of("document", "data")
    table.columns[0].style = "bold"
    for each in documents:
        text = json.dumps(each["data"], ensure_ascii=False)
        short = text if len(text) <= _CELL_CHARS_MAX else f"{text[: _CELL_CHARS_MAX - 1]}…"
        table.add_row(shown(each["path"]), shown(short))
    session.answer(answer, table)
    if answer["after"]:
        session.say(f"[dim]There are more: --after {answer['after']}[/dim]")


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object: as it stands, of ``@file`` or of ``@-`` (stdin).

    Raises:
        CommandFailed: it is none.
    """
    try:
        if text == "@-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).expanduser().read_text("utf-8")
        value = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"that is no JSON: {error}", exit=Exit.USAGE, code="usage") from error
    if not isinstance(value, dict):
        raise CommandFailed("a document is a JSON object", exit=Exit.USAGE, code="usage")
    return value
