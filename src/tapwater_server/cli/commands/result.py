"""`tapwater result`: what became of a call that was made in the background."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import wait_s
from tapwater_server.cli.commands.call import print_body, verdict
from tapwater_server.cli.failures import Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import command

_LOOK_S_MIN, _LOOK_S_MAX = 0.1, 2.0  # Between two looks: soon at first, then less often.
_GIVEN_UP = "It was given up; `tapwater logs` has what the function said."
_ENDED = frozenset({"done", "dead"})


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "result", panel=panel)(result)


async def result(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="ID", help="As `call --background` printed it.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Until it has ended, however long that takes.")
    ] = False,
) -> int | None:
    """Print what a background call answered.

    The body goes to stdout, the rest to stderr. Ends with 1 when the call was given up, answered
    with 400 or more, or has not ended yet.
    """
    async with session.client() as client:
        state = await _look(client, id)
        pause_s = _LOOK_S_MIN
        while wait and state.get("state") not in _ENDED:
            await wait_s(pause_s)
            pause_s = min(2 * pause_s, _LOOK_S_MAX)
            state = await _look(client, id)
    return _show(session, state)


async def _look(client: Client, id: str) -> Mapping[str, Any]:
    state = await client.get(path_of("background", id))
    return state if isinstance(state, dict) else {}


def _show(session: Session, state: Mapping[str, Any]) -> int:
    answer = {"ending": "ok", **(state.get("result") or {})}
    done = state.get("state") == "done"
    if session.json:
        session.emit(state)
    else:
        session.say(_summary(state, answer))
        if done:
            print_body(session, answer)
        elif state.get("state") == "dead":
            session.say(f"[dim]{_GIVEN_UP}[/dim]")
    return verdict(answer) if done else Exit.FAILED


def _summary(state: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Say in a line where it stands.

    >>> _summary({"state": "dead", "attempt": 5, "reason": "crashed"}, {})
    'dead  crashed  [dim]attempt 5[/dim]'
    """
    from rich.markup import escape

    said = answer.get("status") if state.get("state") == "done" else state.get("state")
    parts = [str(said), escape(str(state.get("reason") or ""))]
    parts.append(f"[dim]attempt {state.get('attempt', 0)}[/dim]")
    return "  ".join(part for part in parts if part)
