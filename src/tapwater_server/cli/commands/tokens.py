"""`tapwater tokens` and `tapwater login`: who may do what from where."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.places import read_logins, tidy_url, write_logins
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command
from tapwater_server.model.ids import parse_app_id

_TOKEN_BYTES_MAX = 4 << 10


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        tokens,
        name="tokens",
        rich_help_panel=panel,
        help="Tokens for people and build servers; an admin token is needed.",
    )
    command(tokens, "create")(create)
    command(tokens, "ls")(ls)
    command(tokens, "rm")(rm)
    command(app, "login", panel=panel)(login)


async def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, or what for.")],
    app: Annotated[
        list[str] | None,
        typer.Option("--app", "-a", metavar="APP", help="It may deploy this app; repeatable."),
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="It may do everything.")] = False,
) -> int | None:
    """Make a token; it is shown once."""
    apps = [parse_app_id(each) for each in app or []]
    if admin == bool(apps):
        raise CommandFailed(
            "say what the token may do: --app NAME for one app, or --admin for everything",
            exit=Exit.USAGE,
            code="usage",
        )
    async with session.client() as client:
        answer = await client.ask(
            "POST", path_of("tokens"), body={"name": name, "admin": admin, "apps": apps}
        )
    session.answer(answer)
    if not session.json:
        session.say("[dim]Shown this once; only its hash is kept.[/dim]")
        session.out.print(str(answer.get("token", "")), soft_wrap=True, markup=False)
    return None


async def ls(session: Session) -> int | None:
    """Show who holds a token, and for what."""
    from rich.table import Table

    async with session.client() as client:
        answer = await client.get(path_of("tokens"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("token", style="bold")
    table.add_column("may deploy")
    for each in answer.get("tokens", []):
        what = "everything" if each.get("admin") else ", ".join(each.get("apps") or []) or "-"
        table.add_row(str(each.get("name", "")), what)
    session.answer(answer, table)
    return None


async def rm(session: Session, name: Annotated[str, typer.Argument(metavar="NAME")]) -> int | None:
    """Revoke a token: it is refused from the next call on."""
    async with session.client() as client:
        await client.ask("DELETE", path_of("tokens", name))
    session.answer({"removed": name})
    session.print(f"The token {name} is revoked.")
    return None


async def login(
    session: Session,
    to: Annotated[
        str | None, typer.Argument(metavar="URL", help="The server; the same as --url.")
    ] = None,
) -> int | None:
    """Store a token for a server, in a file only you can read.

    The token is asked for, or read from stdin.
    """
    server = tidy_url(to) if to else session.url()
    token = session.given.token or _read_token(server)
    trying = replace(session, given=replace(session.given, url=server, token=token))
    async with trying.client() as client:
        await client.get(path_of("apps"))  # A token that is refused is not worth keeping.
    file = write_logins(session.config, {**read_logins(session.config), server: token})
    session.answer({"server": server, "file": str(file)})
    session.print(f"Logged in to [bold]{server}[/bold]; the token is kept in {file}.")
    return None


def _read_token(server: str) -> str:
    if sys.stdin.isatty():
        text = str(typer.prompt(f"Token for {server}", hide_input=True, err=True))
    else:
        text = sys.stdin.readline(_TOKEN_BYTES_MAX)
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise CommandFailed("that is not a token", exit=Exit.USAGE, code="usage")
    return token
