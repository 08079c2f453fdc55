"""`tapwater users`: an app's users, their roles, and keys for programs."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.asking import ask, asking
from tapwater_server.cli.choosing import AppName
from tapwater_server.cli.client import path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

_IMPORT_AT_ONCE = 500
Who = Annotated[str, typer.Argument(metavar="USER", help="An id or an address.")]
Roles = Annotated[list[str] | None, typer.Option("--role", metavar="ROLE", help="Repeatable.")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    users = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        users, name="users", rich_help_panel=panel, help="Users of an app, their roles and keys."
    )
    command(users, "ls")(ls)
    command(users, "show")(show)
    command(users, "create")(create)
    command(users, "set")(set_)
    command(users, "disable")(disable)
    command(users, "enable")(enable)
    command(users, "sign-out")(sign_out)
    command(users, "rm")(rm)
    command(users, "import")(import_)
    users.add_typer(keys, name="keys", help="Keys for programs.")
    command(keys, "ls")(keys_ls)
    command(keys, "create")(keys_create)
    command(keys, "rm")(keys_rm)


async def ls(
    session: Session,
    *,
    role: Annotated[str | None, typer.Option("--role", help="Only those with it.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="A part of the address.")] = None,
    after: Annotated[str | None, typer.Option("--after", help="The last id before.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 100,
    app: AppName = None,
) -> int | None:
    """List users, in the order they came."""
    query = {"role": role, "email": email, "after": after, "limit": limit}
    _, answer = await ask(session, app, "GET", ("users",), query=query)
    table = table_of("id", "address", "roles", "state")
    for one in answer["users"]:
        roles = shown(", ".join(one["roles"])) or "-"
        table.add_row(one["id"], shown(one["email"]) or "-", roles, _state(one))
    session.answer(answer, table)
    if not answer["users"] and not (role or email or after):
        session.say(
            "There are no users. They sign up on your page, or: tapwater users create ADDRESS"
        )
    if answer.get("next"):
        session.say(f"[dim]More: --after {answer['next']}[/dim]")
    return None


async def show(session: Session, user: Who, *, app: AppName = None) -> int | None:
    """Show one user."""
    _, one = await ask(session, app, "GET", ("users", user))
    session.answer(one)
    if not session.json:
        _print(session, one)
    return None


async def create(
    session: Session,
    email: Annotated[str, typer.Argument(metavar="ADDRESS")],
    *,
    role: Roles = None,
    password: Annotated[bool, typer.Option("--password", help="Read one from stdin.")] = False,
    app: AppName = None,
) -> int | None:
    """Make a user. Without a password they choose one by "forgotten password"."""
    body: dict[str, Any] = {"email": email, "roles": role or []}
    if password:
        body["password"] = _read_password(session)
    _, one = await ask(session, app, "POST", ("users",), body)
    session.answer(one, f"{one['email']} is user {one['id']}.")
    return None


async def set_(
    session: Session,
    user: Who,
    *,
    role: Roles = None,
    no_roles: Annotated[bool, typer.Option("--no-roles", help="Take all roles away.")] = False,
    claims: Annotated[
        str | None, typer.Option("--claims", metavar="JSON", help="What tokens say besides.")
    ] = None,
    app: AppName = None,
) -> int | None:
    """Set the roles (all of them) or the claims of a user; holds at once."""
    body: dict[str, Any] = {}
    if role or no_roles:
        body["roles"] = role or []
    if claims is not None:
        body["claims"] = _json(claims)
    if not body:
        raise CommandFailed(
            "say what to set: --role, --no-roles or --claims", exit=Exit.USAGE, code="usage"
        )
    return await _change(session, user, body, app)


async def disable(session: Session, user: Who, *, app: AppName = None) -> int | None:
    """Let a user in no more, from now on."""
    return await _change(session, user, {"disabled": True}, app)


async def enable(session: Session, user: Who, *, app: AppName = None) -> int | None:
    """Let a user in again."""
    return await _change(session, user, {"disabled": False}, app)


async def sign_out(session: Session, user: Who, *, app: AppName = None) -> int | None:
    """End all sessions of a user."""
    await ask(session, app, "POST", ("users", user, "sign-out"))
    session.answer({"user": user, "signed_out": True}, f"{user} is signed out everywhere.")
    return None


async def rm(session: Session, user: Who, *, app: AppName = None) -> int | None:
    """Remove a user with everything that is theirs."""
    await ask(session, app, "DELETE", ("users", user))
    session.answer({"user": user, "removed": True}, f"{user} is gone.")
    return None


async def import_(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NDJSON, a user a line.")],
    *,
    app: AppName = None,
) -> int | None:
    """Make users from lines such as {"email": …, "password_hash": "$argon2id$…", "roles": []}."""
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file}: {error}", exit=Exit.USAGE, code="usage") from error
    news = [_json(line) for line in lines]
    results: list[dict[str, Any]] = []
    async with asking(session, app) as (client, chosen):
        path = path_of("apps", chosen, "users", "import")
        for at in range(0, len(news), _IMPORT_AT_ONCE):
            body = {"users": news[at : at + _IMPORT_AT_ONCE]}
            results += (await client.ask("POST", path, body=body))["users"]
    for one in results:
        if one["result"] == "refused":
            session.warn(f"{one['email']}: {one['detail']}")
    made = sum(one["result"] == "created" for one in results)
    there = sum(one["result"] == "there" for one in results)
    refused = len(results) - made - there
    session.answer({"users": results}, f"{made} made, {there} there already, {refused} refused.")
    return Exit.FAILED if refused else None


async def keys_ls(session: Session, *, app: AppName = None) -> int | None:
    """List keys for programs; their texts were shown once."""
    _, answer = await ask(session, app, "GET", ("auth", "keys"))
    table = table_of("id", "name", "of", "roles", "used")
    for one in answer["keys"]:
        roles = shown(", ".join(one["roles"])) or "-"
        owner = one["user"] or "the app"
        table.add_row(one["id"], shown(one["name"]), owner, roles, _used(one["used_at"]))
    session.answer(answer, table)
    if not answer["keys"]:
        session.say("There are no keys. Make one: tapwater users keys create NAME")
    return None


def _used(at: float | None) -> str:
    """The server keeps no more than the hour."""
    if at is None:
        return "never"
    return "this hour" if now() - at < 3600 else age(now() - at)


async def keys_create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    role: Roles = None,
    user: Annotated[str, typer.Option("--user", help="Make it this user's key.")] = "",
    days: Annotated[float, typer.Option("--days", min=0, help="How long it is good; 0: ever.")] = 0,
    app: AppName = None,
) -> int | None:
    """Make a key; it is shown once."""
    body = {"name": name, "roles": role or [], "user": user, "expires_in_s": days * 86_400}
    _, answer = await ask(session, app, "POST", ("auth", "keys"), body)
    session.answer(answer)
    if not session.json:
        session.say("[dim]Shown this once; only its hash is kept.[/dim]")
        session.out.print(str(answer["key"]), soft_wrap=True, markup=False)
    return None


async def keys_rm(
    session: Session, id: Annotated[str, typer.Argument(metavar="ID")], *, app: AppName = None
) -> int | None:
    """Revoke a key."""
    await ask(session, app, "DELETE", ("auth", "keys", id))
    session.answer({"id": id, "removed": True}, f"{id} is revoked.")
    return None


async def _change(session: Session, user: str, body: dict[str, Any], app: str | None) -> int | None:
    _, one = await ask(session, app, "PATCH", ("users", user), body)
    session.answer(one)
    if not session.json:
        _print(session, one)
    return None


def _print(session: Session, one: dict[str, Any]) -> None:
    lines = {
        "id": one["id"],
        "address": f"{one['email'] or '-'}{'' if one['email_verified'] else ' (not confirmed)'}",
        "roles": ", ".join(one["roles"]) or "-",
        "state": _state(one),
        "claims": json.dumps(one["claims"], ensure_ascii=False),
        "profile": json.dumps(one["profile"], ensure_ascii=False),
    }
    for name, value in lines.items():
        session.out.print(f"{name}: {plain(value)}", soft_wrap=True, markup=False)


def _state(one: dict[str, Any]) -> str:
    return "disabled" if one["disabled"] else "active" if one["email_verified"] else "unconfirmed"


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"not JSON: {error}", exit=Exit.USAGE, code="usage") from error
    if not isinstance(value, dict):
        raise CommandFailed(f"not a JSON object: {text[:60]}", exit=Exit.USAGE, code="usage")
    return value


def _read_password(session: Session) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\n")
