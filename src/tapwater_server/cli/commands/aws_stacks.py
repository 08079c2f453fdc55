"""`tapwater aws stacks` and `tapwater aws rm`: what deploys of projects for AWS have left."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.clock import now
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command


def register(aws: typer.Typer) -> None:
    """Add the commands to those of `tapwater aws`."""
    command(aws, "stacks")(stacks)
    command(aws, "rm")(rm)


async def stacks(session: Session) -> int | None:
    """Show the stacks: each is a project that was deployed."""
    from tapwater_server.cli.aws.client import Aws
    from tapwater_server.cli.aws.keys import keys_for
    from tapwater_server.cli.aws.stacks import find_all

    found = await find_all(Aws(await keys_for(session)))
    table = table_of("stack", "status", "changed")
    for one in found:
        table.add_row(f"[bold]{shown(one['StackName'])}[/bold]", shown(_status(one)), _changed(one))
    session.answer({"stacks": [_as_json(one) for one in found]}, table if found else None)
    if not found:
        session.print("There is no stack. A project for AWS makes one: tapwater deploy PATH")
    return None


async def rm(
    session: Session,
    stack: Annotated[str, typer.Argument(metavar="STACK", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int | None:
    """Remove a stack: its functions, APIs, queues and all else that it made."""
    from tapwater_server.cli.aws.deploying import undeploy

    if not yes:
        if session.json or not session.err.is_terminal:
            raise CommandFailed(
                f"this would remove the stack {stack}; nobody is there to ask",
                exit=Exit.USAGE,
                code="usage",
                hint="Say it with --yes.",
            )
        if not typer.confirm(f"Remove the stack {stack} and all in it?", err=True):
            raise CommandFailed("nothing was removed", code="cancelled")
    session.answer(await undeploy(session, stack))
    session.print(f"Removed the stack {shown(stack)}.")
    return None


def _status(stack: Mapping[str, Any]) -> str:
    return str(stack["StackStatus"]).lower().replace("_", " ")


def _changed(stack: Mapping[str, Any]) -> str:
    return age(now() - _at(stack))


def _at(stack: Mapping[str, Any]) -> float:
    changed = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return float(changed.timestamp())


def _as_json(stack: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": stack["StackName"],
        "status": stack["StackStatus"],
        "changed_at": _at(stack),
        "outputs": {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())},
    }
