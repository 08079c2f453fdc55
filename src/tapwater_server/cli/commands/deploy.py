"""`tapwater deploy`: a folder, or one file, becomes a revision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.functions import urls_table
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

_HOW: Mapping[str, Any] = {"alias": "live", "traffic": True, "note": ""}


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "deploy", panel=panel)(deploy)


async def deploy(
    session: Session,
    path: Annotated[
        Path, typer.Argument(help="The app's folder, or one Python file.", show_default=False)
    ] = Path(),
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="The server; the same as --url.")
    ] = None,
    alias: Annotated[str, typer.Option(help="The alias to move to the new revision.")] = "live",
    traffic: Annotated[
        bool,
        typer.Option(
            "--traffic/--no-traffic", help="Whether the alias moves; without, try the preview URL."
        ),
    ] = True,
    name: Annotated[
        str | None, typer.Option("--name", help="The app's name, instead of its own.")
    ] = None,
    note: Annotated[str, typer.Option(help="A word about this revision, for `versions`.")] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="Of a project for AWS; repeatable."),
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="Of a project for AWS: its stage or environment.")
    ] = None,
) -> int | None:
    """Deploy an app, or a SAM, Chalice or Serverless project: all of it, or nothing changes."""
    from tapwater_server.cli.aws.recognising import recognise

    session = session.at(to)
    how = {"alias": alias, "traffic": traffic, "note": note}
    if (foreign := recognise(path)) is not None:
        _refuse("an app of ours", "alias, --no-traffic, --note", how != _HOW)
        from tapwater_server.cli.aws.deploying import deploy_project
        from tapwater_server.cli.aws.opening import Asked
        from tapwater_server.cli.sending import read_pairs

        asked = Asked(name=name, stage=stage, parameters=dict(read_pairs(parameter or [])))
        return await deploy_project(session, *foreign, asked)
    _refuse("a project for AWS", "parameter, --stage", bool(parameter or stage))
    return await _deploy_app(session, path, name, how)


def _refuse(kind: str, options: str, given: bool) -> None:
    """Options that would do nothing are a mistake of who gives them."""
    if given:
        raise CommandFailed(
            f"--{options}: for {kind}, and this is none", exit=Exit.USAGE, code="usage"
        )


async def _deploy_app(
    session: Session, path: Path, name: str | None, how: Mapping[str, Any]
) -> int | None:
    from tapwater_server.cli.aws.recognising import near_miss
    from tapwater_server.cli.bundle import choose, pack
    from tapwater_server.cli.deploying import send
    from tapwater_server.cli.progress import shown
    from tapwater_server.cli.project import open_project
    from tapwater_server.cli.refusing import show_refused

    project = open_project(path, name=name)
    chosen = choose(project)
    if not any(one.path.endswith(".py") for one in chosen.files) and (why := near_miss(path)):
        raise CommandFailed(why, code="not_supported")
    for warning in chosen.warnings:
        session.warn(warning)
    bundle = pack(chosen)
    try:
        async with session.client() as client:
            with shown(session) as steps:
                revision = await send(client, bundle, app=project.name, shown=steps, **how)
    except CommandFailed as error:
        return show_refused(session, error, chosen)
    finally:
        bundle.close()
    _show(session, revision, app=project.name, alias=how["alias"] if how["traffic"] else "")
    return Exit.FINE


def _show(session: Session, revision: Mapping[str, Any], *, app: str, alias: str) -> None:
    if session.json:
        session.emit({"app": app, "alias": alias, "revision": revision})
        return
    number, where = revision.get("number", "?"), alias or "deployed, without traffic"
    session.print(f"[bold green]{app} r{number}[/bold green] is {where}.")
    functions = revision.get("functions") or []
    session.print(urls_table(functions))
    if revision.get("preview"):
        session.print(f"preview    {revision['preview']}")
    session.print(f"dashboard  {session.url()}/_/apps/{app}")
    for function in functions:
        for warning in function.get("warnings") or []:
            session.warn(f"{function.get('name')}: {warning}")
