"""What a deployed stack came to: where it answers, and what it puts out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.cli.aws import stacks
from tapwater_server.cli.aws.client import Aws
from tapwater_server.cli.aws.project import AwsProject
from tapwater_server.cli.aws.urls import Reached, resources, urls_of
from tapwater_server.cli.session import Session
from tapwater_server.cli.tables import shown, table_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What there is now."""

    changed: bool
    status: str
    urls: Sequence[Reached]
    outputs: Mapping[str, str]
    functions: Mapping[str, str]  # their names, by the resource's


async def result_of(aws: Aws, stack: str, *, changed: bool) -> Result:
    """Ask what there is."""
    found = await stacks.find(aws, stack) or {}
    made = await resources(aws, stack)
    return Result(
        changed=changed,
        status=str(found.get("StackStatus", "")),
        urls=await urls_of(aws, made),
        outputs={str(o["OutputKey"]): str(o["OutputValue"]) for o in found.get("Outputs", ())},
        functions={
            str(one["LogicalResourceId"]): str(one.get("PhysicalResourceId", ""))
            for one in made
            if one.get("ResourceType") == "AWS::Lambda::Function"
        },
    )


def show(session: Session, project: AwsProject, result: Result) -> None:
    """Show it to a person, or give it to a script."""
    if session.json:
        session.emit({"stack": _as_json(project, result)})
        return
    done = "is live" if result.changed else "is live already: nothing has changed"
    session.print(f"[bold green]{shown(project.stack)}[/bold green] {done}.")
    _show_pairs(session, "resource", "function", result.functions.items())
    pairs = [(one.resource, one.url) for one in result.urls]
    _show_pairs(session, "resource", "answers at", pairs)
    _show_pairs(session, "output", "value", result.outputs.items())
    if any(_leads_away(value) for value in result.outputs.values()):
        session.say("[dim]Outputs that name amazonaws.com lead to Amazon, not here.[/dim]")


def _show_pairs(session: Session, title: str, other: str, pairs: Iterable[tuple[str, str]]) -> None:
    table = table_of(title, other)
    for one, two in sorted(pairs):
        table.add_row(shown(one), shown(two))
    if table.row_count:
        session.print(table)


def _leads_away(value: str) -> bool:
    return value.startswith("https://") and ".amazonaws.com" in value


def _as_json(project: AwsProject, result: Result) -> dict[str, Any]:
    return {
        "name": project.stack,
        "kind": str(project.kind),
        "changed": result.changed,
        "status": result.status,
        "urls": {one.resource: one.url for one in result.urls},
        "outputs": dict(result.outputs),
        "functions": dict(result.functions),
    }
