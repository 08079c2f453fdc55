"""`tapwater trace`: one picture of everything a request caused, from the click to the e-mail."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now
from tapwater_server.cli.drawing import bar, outline
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age, duration, plain
from tapwater_server.cli.tables import shown, table_of
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {
    "invocation": "green",
    "queue": "yellow",
    "start": "blue",
    "handler": "green",
    "event": "magenta",
    "delivery": "magenta",
    "mail": "cyan",
    "user": "cyan",
}
_TRACE_CHARS = 32
_NAME_COLUMNS_MAX = 64
_TIME_COLUMNS = 9
_STEPS_MAX = 300
_LINES_MAX = 20
_INNER = frozenset({"queue", "start", "handler"})


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "trace", panel=panel)(trace)


async def trace(
    session: Session,
    id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Of a trace, or of a call in it; else lists the newest."),
    ] = None,
    *,
    count: Annotated[
        int, typer.Option("--count", "-n", min=1, max=200, help="How many to list.")
    ] = 20,
    app: AppName = None,
) -> int | None:
    """Show what a request caused: calls, waits, services, events, and errors on the way."""
    async with session.client() as client:
        if id is None:
            asked = await which_app(session, client, app)
            answer = await client.get(path_of("traces"), app=asked, limit=count)
            _list(session, answer)
            return None
        found = await client.get(path_of("traces", await _trace_of(client, id)))
    session.answer(found)
    if not session.json:
        for line in _picture(found, columns=session.out.width):
            session.out.print(line, soft_wrap=True)
    return None


async def _trace_of(client: Client, id: str) -> str:
    if len(id) == _TRACE_CHARS:
        return id
    call = await client.get(path_of("invocations", id))
    if not call["trace"]:
        raise CommandFailed("this call has no trace", exit=Exit.NOT_FOUND, code="not_found")
    return str(call["trace"])


def _list(session: Session, answer: Mapping[str, Any]) -> None:
    table = table_of("trace", "when", "took", "calls", "errors", "what")
    moment = now()
    for root in answer["traces"]:
        table.add_row(
            root["trace"],
            age(moment - root["at"]),
            duration(root["took_ms"] / 1e3),
            str(root["calls"]),
            f"[red]{root['errors']}[/red]" if root["errors"] else "-",
            shown(root["name"]),
        )
    session.answer(answer, table)
    if not answer["traces"]:
        session.say("No calls have left a trace yet.")


def _picture(found: Mapping[str, Any], *, columns: int) -> list["Text"]:
    from rich.text import Text

    steps = _worth_showing(found["spans"])
    whole_s = max(found["took_ms"] / 1e3, 1e-6)
    names = min(_NAME_COLUMNS_MAX, columns // 2)
    width = max(10, columns - names - _TIME_COLUMNS - 2)
    head = f"{found['trace']}  {duration(whole_s)}, {len(found['spans'])} steps"
    lines = [Text(head, style="bold")]
    errors = _errors(found["lines"])
    for deep, step in outline(steps)[:_STEPS_MAX]:
        share = (step["at"] - found["at"]) / whole_s
        drawn = bar(share, step["took_ms"] / 1e3 / whole_s, width=width)
        style = _STYLES.get(step["kind"], "white") if step["ok"] else "bold red"
        line = Text(_name(step, deep).ljust(names)[:names], style="" if step["ok"] else "red")
        line.append(duration(step["took_ms"] / 1e3).rjust(_TIME_COLUMNS) + "  ", style="dim")
        line.append(drawn.rstrip(), style=style)
        lines.append(line)
        lines += [Text("  " * deep + "  │ " + text, style="red") for text in _below(step, errors)]
    if len(steps) > _STEPS_MAX:
        lines.append(Text(f"… and {len(steps) - _STEPS_MAX} more", style="dim"))
    return lines


def _worth_showing(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A call that waited for nothing is its handler: one line is enough."""
    waited = {step["parent"] for step in steps if step["kind"] in ("queue", "start")}
    return [step for step in steps if step["kind"] not in _INNER or step["parent"] in waited]


def _name(step: Mapping[str, Any], deep: int) -> str:
    said = plain(step["name"]).replace("\n", " ")
    attempt = step["facts"].get("attempt")
    return "  " * deep + said + (f" (attempt {attempt})" if attempt else "")


def _errors(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The errors of each call, taken from it once."""
    errors: dict[str, list[str]] = {}
    for line in lines:
        if line["level"] in ("error", "platform") and line["invocation"]:
            said = plain(line["text"]).rstrip()
            before = errors.setdefault(line["invocation"], [])
            if not before or not before[-1].endswith(said):  # A traceback ends with the sentence.
                before.append(said)
    return errors


def _below(step: Mapping[str, Any], errors: dict[str, list[str]]) -> list[str]:
    if step["kind"] != "invocation":
        return []
    said = errors.pop(step["invocation"], [])
    return "\n".join(said).split("\n")[-_LINES_MAX:] if said else []
