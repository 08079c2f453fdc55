"""Says why a deploy was refused, with the lines of the person's own files that are to blame."""

from typing import TYPE_CHECKING

from tapwater_server.cli.failures import CommandFailed
from tapwater_server.cli.session import Session
from tapwater_server.cli.talking import tell

if TYPE_CHECKING:
    from tapwater_server.cli.bundle import Chosen


def show_refused(
    session: Session, error: CommandFailed, chosen: "Chosen | None", *, hint: str = ""
) -> int:
    """Say it on stderr; give the exit code."""
    from tapwater_server.cli.excerpts import render

    hint = hint or error.hint
    bare = session.json or chosen is None or not error.problems
    problems = error.problems if bare else ()
    tell(
        session,
        CommandFailed(
            error.message,
            exit=error.exit,
            code=error.code,
            problems=problems,
            hint=hint if bare else "",
        ),
    )
    if bare or chosen is None:
        return error.exit
    for text in render(error.problems, local=chosen.local):
        # Printed as it wants to be; console.print would forget that by itself.
        plain = not session.err.is_terminal
        session.err.print(text, soft_wrap=plain, no_wrap=text.no_wrap, overflow=text.overflow)
    if hint:
        session.say(f"[dim]{hint}[/dim]")
    return error.exit
