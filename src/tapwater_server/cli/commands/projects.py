"""`tapwater projects`: which apps share bills and budgets."""

from typing import Annotated

import typer

from tapwater_server.cli.client import path_of
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command
from tapwater_server.model.ids import parse_app_id

ProjectName = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    projects = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(
        projects,
        name="projects",
        rich_help_panel=panel,
        help="Projects: apps that share bills and budgets (for admins).",
    )
    command(projects, "ls")(ls)
    command(projects, "put")(put)
    command(projects, "rm")(rm)


async def ls(session: Session) -> int | None:
    """Show the projects and their apps."""
    async with session.client() as client:
        answer = await client.get(path_of("projects"))
    table = table_of("project", "apps")
    for one in answer["projects"]:
        table.add_row(f"[bold]{shown(one['name'])}[/bold]", shown(", ".join(one["apps"]) or "-"))
    session.answer(answer, table)
    return None


async def put(
    session: Session,
    name: ProjectName,
    apps: Annotated[
        list[str] | None, typer.Argument(metavar="[APP]...", help="All apps of the project.")
    ] = None,
) -> int | None:
    """Set the apps of a project. Those named leave the project they were in."""
    chosen = [parse_app_id(app) for app in apps or []]
    async with session.client() as client:
        answer = await client.ask("PUT", path_of("projects", name), body={"apps": chosen})
    session.answer(answer)
    session.print(f"[bold]{shown(name)}[/bold]: {shown(', '.join(answer['apps']) or 'no apps')}")
    return None


async def rm(session: Session, name: ProjectName) -> int | None:
    """Remove a project; its apps go back to the default one."""
    async with session.client() as client:
        await client.ask("DELETE", path_of("projects", name))
    session.answer({"removed": name})
    session.print(f"The project {shown(name)} is removed.")
    return None
