"""`tapwater cache`: look into the cache of an app, change it, empty it."""

import json
from typing import Annotated

import typer

from tapwater_server.cli.asking import ask
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Query
from tapwater_server.cli.sending import read_content
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import size
from tapwater_server.cli.tables import shown, table_of
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
    query: Query = {"prefix": prefix or None, "limit": limit}
    chosen, answer = await ask(session, app, "GET", ("cache",), query=query)
    table = table_of("key", "size", "ends in")
    for one in answer["keys"]:
        left = f"{one['ttl_s']:.0f} s" if one["ttl_s"] is not None else "-"
        table.add_row(shown(one["key"]), size(one["bytes"]), left)
    session.answer({"app": chosen, **answer}, table)
    stats = answer["stats"]
    session.say(
        f"{stats['keys']} keys, {size(stats['bytes'])}; found {stats['hits']} times, "
        f"not found {stats['misses']} times, {stats['evicted']} had to leave."
    )
    return None


async def get(session: Session, key: Key, app: AppName = None) -> int | None:
    """Show a value."""
    chosen, answer = await ask(session, app, "GET", ("cache", key))
    session.answer({"app": chosen, "key": key, **answer})
    text = json.dumps(answer["value"]) if "value" in answer else f"base64:{answer['base64']}"
    session.print(shown(text))
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
    chosen, answer = await ask(session, app, "PUT", ("cache", key), asked)
    session.answer({"app": chosen, "key": key, **answer})
    session.print(f"{shown(key)} is kept.")
    return None


async def rm(session: Session, key: Key, app: AppName = None) -> int | None:
    """Forget a value."""
    chosen, answer = await ask(session, app, "DELETE", ("cache", key))
    session.answer({"app": chosen, "key": key, **answer})
    session.print("Forgotten." if answer["dropped"] else "There was nothing under this key.")
    return None


async def clear(session: Session, app: AppName = None) -> int | None:
    """Forget all values of an app."""
    chosen, answer = await ask(session, app, "DELETE", ("cache",))
    session.answer({"app": chosen, **answer})
    session.print(f"{answer['dropped']} forgotten.")
    return None
