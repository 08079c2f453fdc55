"""`tapwater rollback`, `split` and `rm`: what is live."""

from collections.abc import Sequence
from typing import Annotated

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import weights
from tapwater_server.cli.talking import command
from tapwater_server.model.ids import parse_app_id

_WHOLE = 100  # per cent


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    command(app, "rollback", panel=panel)(rollback)
    command(app, "split", panel=panel)(split)
    command(app, "rm", panel=panel)(rm)


async def rollback(
    session: Session,
    to: Annotated[
        str | None, typer.Argument(metavar="N", help="The revision; default: the one before.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Go back to an earlier revision, in one step."""
    number = None if to is None else _read_number(to)
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        body = {} if number is None else {"to": number}
        answer = await client.ask("POST", path_of("apps", chosen, "rollback"), body=body)
    session.answer(answer)
    session.print(f"[bold green]{chosen}[/bold green] live: {_now(answer, 'live')}")
    return None


def _read_number(text: str) -> int:
    digits = text.removeprefix("r")
    if not digits.isdecimal() or int(digits) < 1:
        raise CommandFailed(
            f"{text!r} is no revision: write its number, as `tapwater versions` shows it",
            exit=Exit.USAGE,
            code="usage",
        )
    return int(digits)


async def split(
    session: Session,
    parts: Annotated[
        list[str],
        typer.Argument(metavar="WHAT=PERCENT...", help="live=90 canary=10, or r3=90 r4=10."),
    ],
    alias: Annotated[str, typer.Option(help="The alias whose traffic is split.")] = "live",
    app: AppName = None,
) -> int | None:
    """Split traffic between revisions.

    An alias in a part means what that alias points at now.
    """
    wanted = read_parts(parts)
    async with session.client() as client:
        chosen = await which_app(session, client, app)
        answer = await client.ask(
            "PUT", path_of("apps", chosen, "aliases", alias), body={"weights": wanted}
        )
    session.answer(answer)
    session.print(f"[bold green]{chosen}[/bold green] {alias}: {_now(answer, alias)}")
    return None


def _now(answer: object, alias: str) -> str:
    """Say where an alias points, as the server answered."""
    aliases = answer.get("aliases", {}) if isinstance(answer, dict) else {}
    return weights(aliases.get(alias) or {})


def read_parts(texts: Sequence[str]) -> dict[str, int]:
    """Read ``live=90 canary=10``; ``r4=10`` means revision 4.

    >>> read_parts(["live=90", "r4=10"])
    {'live': 90, '4': 10}

    Raises:
        CommandFailed: a part cannot be read, or they are not 100 together.
    """
    wanted: dict[str, int] = {}
    for text in texts:
        name, equals, percent = text.partition("=")
        percent = percent.removesuffix("%")
        if not equals or not name or not percent.isdecimal():
            raise _not_parts(f"{text!r}: write WHAT=PERCENT")
        key = name[1:] if name[:1] == "r" and name[1:].isdecimal() else name
        if key in wanted:
            raise _not_parts(f"{name} is there twice")
        wanted[key] = int(percent)
    total = sum(wanted.values())
    if total != _WHOLE:
        raise _not_parts(f"together they are {total} %, not {_WHOLE} %")
    return wanted


def _not_parts(message: str) -> CommandFailed:
    return CommandFailed(
        message,
        exit=Exit.USAGE,
        code="usage",
        hint="For example: tapwater split live=90 canary=10",
    )


async def rm(
    session: Session,
    app: Annotated[str, typer.Argument(metavar="APP")],
    *,
    revision: Annotated[
        str | None, typer.Option(metavar="N", help="Remove only this revision.")
    ] = None,
    alias: Annotated[str | None, typer.Option(help="Remove only this alias.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int | None:
    """Remove an app and all that belongs to it.

    Its revisions, aliases, secrets and deploy tokens go with it.
    """
    name = parse_app_id(app)
    if revision and alias:
        raise CommandFailed("give --revision or --alias, not both", exit=Exit.USAGE, code="usage")
    what, path = f"the app {name} and all that belongs to it", path_of("apps", name)
    if revision:
        number = _read_number(revision)
        what = f"revision {number} of {name}"
        path = path_of("apps", name, "revisions", str(number))
    elif alias:
        what, path = f"the alias {alias} of {name}", path_of("apps", name, "aliases", alias)
    if not yes:
        _ask(session, what)
    async with session.client() as client:
        await client.ask("DELETE", path)
    session.answer({"removed": what})
    session.print(f"Removed {what}.")
    return None


def _ask(session: Session, what: str) -> None:
    if session.json or not session.err.is_terminal:
        raise CommandFailed(
            f"this would remove {what}; nobody is there to ask",
            exit=Exit.USAGE,
            code="usage",
            hint="Say it with --yes.",
        )
    if not typer.confirm(f"Remove {what}?", err=True):
        raise CommandFailed("nothing was removed", code="cancelled")
