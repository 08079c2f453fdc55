"""`tapwater export`: the way out, an app's files, or a project of them for another cloud."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.client import path_of
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown
from tapwater_server.cli.talking import command


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    export = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        export,
        name="export",
        rich_help_panel=panel,
        help="An app as it was deployed, or for another cloud.",
    )
    command(export, "aws")(aws)
    command(export, "source")(source)


async def aws(
    session: Session,
    path: Annotated[
        Path, typer.Argument(help="The app's folder, or one Python file.", show_default=False)
    ] = Path(),
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A folder to be made.")],
    app: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="An app on the server, instead of a folder."),
    ] = None,
    python: Annotated[
        str, typer.Option(help="The version of Python there, if tapwater.toml says none.")
    ] = "3.12",
) -> int | None:
    """Write a SAM project that runs the app on AWS Lambda. A folder needs no server."""
    import asyncio  # Not above: `tapwater --help` is quick because it does without.

    from tapwater_server.cli.aws.leaving.exporting import export_app
    from tapwater_server.cli.fetching import fetch_app
    from tapwater_server.cli.project import open_project

    place = out.expanduser().absolute()
    with tempfile.TemporaryDirectory(prefix="tapwater-export-") as scratch:
        if app is not None:
            await _check_ours(session, app)
            path = Path(scratch, "app")
            await fetch_app(session, app, path, revision=None)
        project = open_project(path, name=app)
        exported = await asyncio.to_thread(export_app, project, place, python=python)
    session.answer({"app": project.name, "out": str(place), "left": list(exported.left)})
    if exported.left:
        session.print("[bold yellow]What does not come along:[/bold yellow]")
        for one in exported.left:
            session.print(f"  {shown(one)}")
    count = len(exported.handlers)
    session.print(
        f"[bold green]{shown(project.name)}[/bold green]: {count} "
        f"function{'' if count == 1 else 's'} in {shown(place)}"
    )
    return Exit.FINE


async def _check_ours(session: Session, app: str) -> None:
    async with session.client() as client:
        apps = (await client.get(path_of("apps")))["apps"]
    cloud = next((one.get("cloud") for one in apps if one["name"] == app), None)
    if cloud:
        raise CommandFailed(
            f"{app} was written for {cloud} already",
            code="invalid",
            hint=f"Its code as it stands: tapwater export source {app} -o DIR",
        )


async def source(
    session: Session,
    app: Annotated[str, typer.Argument(help="An app on the server.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A folder to be made.")],
    revision: Annotated[
        str | None, typer.Option(metavar="N", help="Of this revision, or of this alias.")
    ] = None,
) -> int | None:
    """Write an app's files as they were deployed: for when the folder is lost."""
    from tapwater_server.cli.fetching import fetch_app

    place = out.expanduser().absolute()
    count = await fetch_app(session, app, place, revision=revision)
    session.answer({"app": app, "out": str(place), "files": count})
    session.print(
        f"[bold green]{shown(app)}[/bold green]: {count} "
        f"file{'' if count == 1 else 's'} in {shown(place)}"
    )
    return Exit.FINE
