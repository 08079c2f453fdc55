"""`tapwater export`: the way out, an app as a project for another cloud."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tapwater_server.cli.failures import Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown
from tapwater_server.cli.talking import command


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    export = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        export, name="export", rich_help_panel=panel, help="An app as a project for another cloud."
    )
    command(export, "aws")(aws)


async def aws(
    session: Session,
    path: Annotated[
        Path, typer.Argument(help="The app's folder, or one Python file.", show_default=False)
    ] = Path(),
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A folder to be made.")],
    python: Annotated[
        str, typer.Option(help="The version of Python there, if tapwater.toml says none.")
    ] = "3.12",
) -> int | None:
    """Write a SAM project that runs the app on AWS Lambda. Needs no server."""
    from tapwater_server.cli.aws.leaving.exporting import export_app
    from tapwater_server.cli.project import open_project

    project = open_project(path)
    place = out.expanduser().absolute()
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
