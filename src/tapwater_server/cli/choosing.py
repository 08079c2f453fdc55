"""Which app a command means, when nobody said."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.model.ids import AppId, parse_app_id

AppName = Annotated[
    str | None,
    typer.Option(
        "--app",
        "-a",
        metavar="APP",
        help="Which app. Default: the one of this folder, else the only or default one.",
    ),
]


async def list_apps(client: Client) -> Sequence[Mapping[str, Any]]:
    """Ask which apps there are."""
    found = await client.get(path_of("apps"))
    apps = found.get("apps", []) if isinstance(found, dict) else []
    return [each for each in apps if isinstance(each, dict)]


async def which_app(session: Session, client: Client, said: str | None) -> AppId:
    """Say which app is meant: said, of this folder, the only one, or the default one.

    Raises:
        CommandFailed: none can be told from the others.
    """
    from tapwater_server.cli.project import app_of_folder

    if said:
        return parse_app_id(said)
    here = app_of_folder(session.folder)
    if here is not None:
        return here
    return choose_app(await list_apps(client))


async def check_app(client: Client, app: str | None) -> None:
    """Nothing was found of an app: was it because there is none of that name?

    Raises:
        CommandFailed: there is none.
    """
    if app is not None:
        await client.get(path_of("apps", app))


def choose_app(apps: Sequence[Mapping[str, Any]]) -> AppId:
    """Take the only app, or the one on the bare host.

    >>> choose_app([{"name": "shop"}, {"name": "blog", "default": True}])
    'blog'

    Raises:
        CommandFailed: there is none, or no telling which.
    """
    if not apps:
        raise CommandFailed(
            "nothing is deployed yet",
            exit=Exit.NOT_FOUND,
            code="not_found",
            hint="Deploy an app: `tapwater deploy PATH`.",
        )
    likely = apps if len(apps) == 1 else [each for each in apps if each.get("default")]
    if len(likely) == 1:
        return AppId(str(likely[0].get("name", "")))
    names = ", ".join(str(each.get("name", "")) for each in apps)
    raise CommandFailed(
        f"there are several apps ({names}): say which with --app", exit=Exit.USAGE, code="usage"
    )
