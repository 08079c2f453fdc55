"""`tapwater secrets`: values functions need and nobody else should see."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

_VALUE_BYTES_MAX = 64 << 10  # As ports/secrets.py says.


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    secrets = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        secrets,
        name="secrets",
        rich_help_panel=panel,
        help="Secrets of an app: encrypted at rest, never shown again.",
    )
    command(secrets, "set")(set_)
    command(secrets, "ls")(ls)
    command(secrets, "rm")(rm)


async def set_(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    source: Annotated[
        str | None, typer.Argument(metavar="[-]", help="- reads the value from stdin.")
    ] = None,
    *,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="Read the value from a file.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Store a secret.

    The value is asked for, or comes from stdin or a file: never from the command line, where
    others on the machine and the shell's history would see it.
    """
    check_name(name, source)
    value = _read_value(session, name, source, from_file)
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        await client.ask("PUT", path_of("apps", chosen, "secrets", name), body={"value": value})
    session.answer({"app": chosen, "secret": name})
    session.print(f"[bold green]{name}[/bold green] is stored for {chosen}.")
    return None


def check_name(name: str, source: str | None) -> None:
    """Refuse a value on the command line.

    Raises:
        CommandFailed: there is one.
    """
    bare, equals, _ = name.partition("=")
    if equals or source not in (None, "-"):
        raise CommandFailed(
            "a secret's value does not belong on the command line: other users of this machine "
            "and the shell's history can see it",
            exit=Exit.USAGE,
            code="usage",
            hint=f"Run `tapwater secrets set {bare}` and type it, or pipe it in: "
            f"`tapwater secrets set {bare} - < file`. What was typed is in the history now: "
            "change that value.",
        )


def _read_value(session: Session, name: str, source: str | None, file: Path | None) -> str:
    try:
        if file is not None:
            raw = file.expanduser().read_bytes()
        elif source == "-" or not sys.stdin.isatty():
            raw = sys.stdin.buffer.read(_VALUE_BYTES_MAX + 2)
        else:
            return str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
        value = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"the value cannot be read: {error}", exit=Exit.USAGE) from error
    return check_value(value.removesuffix("\n").removesuffix("\r"))


def check_value(value: str) -> str:
    """Refuse an empty value or one that is too long.

    Raises:
        CommandFailed: it is.
    """
    if not value:
        raise CommandFailed("the value is empty", exit=Exit.USAGE, code="usage")
    if len(value.encode()) > _VALUE_BYTES_MAX:
        raise CommandFailed(
            f"the value has more than {_VALUE_BYTES_MAX >> 10} KB", exit=Exit.USAGE, code="usage"
        )
    return value


async def ls(session: Session, app: AppName = None) -> int | None:
    """Show the names of an app's secrets; values are never shown."""
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        found = await client.get(path_of("apps", chosen, "secrets"))
    names = [str(name) for name in found.get("secrets", [])] if isinstance(found, dict) else []
    session.answer({"app": chosen, "secrets": names})
    for name in names:
        session.print(name)
    if not names:
        session.say(f"{chosen} has no secrets. Store one: tapwater secrets set NAME")
    return None


async def rm(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    app: AppName = None,
) -> int | None:
    """Remove a secret; running instances keep it until they end."""
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        await client.ask("DELETE", path_of("apps", chosen, "secrets", name))
    session.answer({"app": chosen, "removed": name})
    session.print(f"{name} is removed from {chosen}.")
    return None
