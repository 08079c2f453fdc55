"""`tapwater aws`: point Amazon's own tools at this server, and keys for them."""

import os
from typing import Annotated, Any

import typer

from tapwater_server.cli.aws.pairs import own_pair
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.commands import aws_stacks
from tapwater_server.cli.exporting import Shell, export_lines, guess_shell, variables
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    aws = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        aws,
        name="aws",
        rich_help_panel=panel,
        help="Amazon's own tools and libraries, pointed at this server.",
    )
    command(aws, "env")(env)
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    aws.add_typer(keys, name="keys", help="Access keys; an account is an app: its home.")
    command(keys, "create")(create)
    command(keys, "list")(list_)
    command(keys, "delete")(delete)
    aws_stacks.register(aws)


async def env(
    session: Session,
    *,
    app: AppName = None,
    shell: Annotated[
        Shell | None, typer.Option("--shell", help="How to write it; else as your shell reads.")
    ] = None,
) -> int | None:
    """Print the variables that lead Amazon's tools here.

    Use it as: eval "$(tapwater aws env)". A key is made the first time, and kept in a file that
    only you can read.
    """
    async with session.client() as client:
        facts = await client.get(path_of("aws"))
        pair = ("tapwater", "tapwater")
        if not facts.get("any_key"):
            pair = await own_pair(session, client, app or str(facts["home"]))
    found = variables(session.url(), facts, pair)
    if session.json:
        session.answer(found)
        return None
    for line in export_lines(found, shell or guess_shell(os.environ)):
        typer.echo(line)
    return None


async def create(
    session: Session,
    *,
    app: AppName = None,
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="A user of IAM: their policies hold.")
    ] = "",
) -> int | None:
    """Make an access key; its secret is shown once."""
    async with session.client() as client:
        home = app or await _home(client)
        made = await client.ask("POST", path_of("apps", home, "aws-keys"), body={"user": user})
    session.answer(made)
    if not session.json:
        session.say("[dim]The secret is shown this once; it is kept nowhere.[/dim]")
        typer.echo(f"access key  {made['access_key']}")
        typer.echo(f"secret      {made['secret_key']}")
        typer.echo(f"account     {made['account_id']} (app {home})")
    return None


async def list_(session: Session, *, app: AppName = None) -> int | None:
    """Show an account's keys."""
    from rich.table import Table

    async with session.client() as client:
        home = app or await _home(client)
        said = await client.get(path_of("apps", home, "aws-keys"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("access key", "user", "may be used"):
        table.add_column(column)
    for key in said.get("keys", []):
        table.add_row(key["access_key"], key["user"] or "-", "yes" if key["active"] else "no")
    session.answer(said, table)
    return None


async def delete(
    session: Session,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The access key's id: AKIA…")],
    *,
    app: AppName = None,
) -> int | None:
    """Revoke a key: it is refused from the next request on."""
    async with session.client() as client:
        home = app or await _home(client)
        await client.ask("DELETE", path_of("apps", home, "aws-keys", key))
    session.answer({"revoked": key})
    session.print(f"The key {key} is revoked.")
    return None


async def _home(client: Client) -> str:
    said: dict[str, Any] = await client.get(path_of("aws"))
    return str(said["home"])
