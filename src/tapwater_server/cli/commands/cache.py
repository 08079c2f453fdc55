"""`tapwater cache`: look into the cache of an app, change it, empty it."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import Query, path_of
from tapwater_server.cli.sending import read_content
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain, size
from tapwater_server.cli.talking import command

Key = Annotated[str, typer.Argument(metavar="KEY")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    cache = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        cache,
        name="cache",
        rich_help_panel=panel,
        help="The key-value cache: it may forget, and is quick.",
    )
    command(cache, "ls")(ls)
    command(cache, "get")(get)
    command(cache, "set")(set_)
    command(cache, "rm")(rm)
    command(cache, "clear")(clear)


async def ls(
    session: Session,
    prefix: Annotated[str, typer.Argument(metavar="[PREFIX]")] = "",
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 100,
    app: AppName = None,
) -> int | None:
    """List keys by name, and say how full the cache is."""
    from rich.table import Table

    query: Query = {"prefix": prefix or None, "limit": limit}
    chosen, answer = await _ask(session, app, "GET", (), query=query)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("key", "size", "ends in"):
        table.add_column(column)
    for one in answer["keys"]:
        left = f"{one['ttl_s']:.0f} s" if one["ttl_s"] is not None else "-"
        table.add_row(_shown(one["key"]), size(one["bytes"]), left)
    session.answer({"app": chosen, **answer}, table)
    stats = answer["stats"]
    session.say(
        f"{stats['keys']} keys, {size(stats['bytes'])}; found {stats['hits']} times, "
        f"not found {stats['misses']} times, {stats['evicted']} had to leave."
    )
    return None


async def get(session: Session, key: Key, app: AppName = None) -> int | None:
    """Show a value."""
    chosen, answer = await _ask(session, app, "GET", (key,))
    session.answer({"app": chosen, "key": key, **answer})
    text = json.dumps(answer["value"]) if "value" in answer else f"base64:{answer['base64']}"
    session.print(_shown(text))
    return None


async def set_(
    session: Session,
    key: Key,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="JSON or text; - is stdin, @FILE a file.")
    ],
    *,
    ttl: Annotated[float | None, typer.Option("--ttl", help="Seconds.", min=0)] = None,
    app: AppName = None,
) -> int | None:
    """Keep a value."""
    asked = {**read_content(value, json_name="value"), "ttl_s": ttl}
    chosen, answer = await _ask(session, app, "PUT", (key,), asked)
    session.answer({"app": chosen, "key": key, **answer})
    session.print(f"{_shown(key)} is kept.")
    return None


async def rm(session: Session, key: Key, app: AppName = None) -> int | None:
    """Forget a value."""
    chosen, answer = await _ask(session, app, "DELETE", (key,))
    session.answer({"app": chosen, "key": key, **answer})
    session.print("Forgotten." if answer["dropped"] else "There was nothing under this key.")
    return None


async def clear(session: Session, app: AppName = None) -> int | None:
    """Forget all values of an app."""
    chosen, answer = await _ask(session, app, "DELETE", ())
    session.answer({"app": chosen, **answer})
    session.print(f"{answer['dropped']} forgotten.")
    return None


async def _ask(
    session: Session,
    app: str | None,
    method: str,
    parts: Sequence[str],
    body: object = None,
    *,
    query: Query | None = None,
) -> tuple[str, Any]:
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        path = path_of("apps", chosen, "cache", *parts)
        return chosen, await client.ask(method, path, body=body, query=query)


def _shown(text: object) -> str:
    """What others wrote, as it is: neither control characters nor brackets do anything."""
    from rich.markup import escape

    return escape(plain(text))
