"""`tapwater logs`: what functions, and the platform about them, said."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapwater_server.cli.choosing import AppName, check_app, which_app
from tapwater_server.cli.client import Client, path_of
from tapwater_server.cli.clock import now, wait_s
from tapwater_server.cli.failures import CommandFailed, Exit
from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain, read_span
from tapwater_server.cli.talking import command

if TYPE_CHECKING:
    from rich.text import Text

LEVELS = ("debug", "info", "warning", "error", "platform")
_STYLES = {"debug": "dim", "warning": "yellow", "error": "bold red", "platform": "magenta"}
_COLOURS = ("cyan", "green", "blue", "bright_cyan", "bright_green", "bright_blue", "bright_magenta")
_LINES_MAX = 10_000
_AGAIN_S = 1.0
_AWAY = "the server has gone; waiting for it to come back (Ctrl-C ends this)"
_INDENT = " " * 13  # A line that a function wrote must not look like one of ours.


def register(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    command(app, "logs", panel=panel)(logs)


async def logs(
    session: Session,
    function: Annotated[
        str | None, typer.Argument(metavar="FUNCTION", help="GROUP/NAME; else all of the app.")
    ] = None,
    *,
    follow_on: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends it.")
    ] = False,
    level: Annotated[
        str | None, typer.Option(metavar="|".join(LEVELS), help="Only lines of this level.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="10m|2h|1d", help="Only lines not older than this.")
    ] = None,
    grep: Annotated[str | None, typer.Option(metavar="TEXT", help="Only lines with this.")] = None,
    invocation: Annotated[
        str | None, typer.Option(metavar="ID", help="Only lines of this call.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(metavar="ID", help="Only lines of this trace.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", metavar="NAME=TEXT", help="Only lines with this field; may be repeated."
        ),
    ] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=_LINES_MAX, help="How many to begin with.")
    ] = 100,
    app: AppName = None,
) -> int | None:
    """Show the logs, oldest line first."""
    if level is not None and level not in LEVELS:
        raise CommandFailed(
            f"there is no level {level!r}: {', '.join(LEVELS)}", exit=Exit.USAGE, code="usage"
        )
    asked: dict[str, Any] = {
        "function": function,
        "invocation": invocation,
        "level": level,
        "text": grep,
        "since": _since(since),
        "trace": trace,
        **_fields(field or []),
    }
    async with session.client() as client:
        # A call or a trace is found by its id wherever it ran.
        if app or (invocation is None and trace is None):
            asked["app"] = await which_app(session, client, app)
        answer = await client.get(path_of("logs"), limit=max(1, lines), **asked)
        shown, found = Shown(session), _oldest_first(answer)
        shown.lines(found[-lines:] if lines else [])
        if not found:
            await _say_nothing(session, client, asked.get("app"))
        if follow_on:
            after = answer.get("next") if isinstance(answer, dict) else None
            await _keep_following(session, client, shown, {**asked, "after": after})
    return None


async def _say_nothing(session: Session, client: Client, app: str | None) -> None:
    await check_app(client, app)
    session.say("[dim]No such lines yet.[/dim]")


def _fields(said: Sequence[str]) -> Mapping[str, str]:
    fields = {}
    for one in said:
        name, equals, text = one.partition("=")
        if not name or not equals:
            raise CommandFailed(
                f"{one!r} is no field: write --field NAME=TEXT", exit=Exit.USAGE, code="usage"
            )
        fields[f"field.{name}"] = text
    return fields


def _since(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return now() - read_span(text)
    except ValueError as error:
        raise CommandFailed(
            f"{text!r} is no time: write 90s, 10m, 2h or 1d", exit=Exit.USAGE, code="usage"
        ) from error


def _oldest_first(answer: object) -> list[Mapping[str, Any]]:
    lines = answer.get("lines", []) if isinstance(answer, dict) else []
    return sorted(lines, key=lambda each: each.get("seq", 0))


async def _keep_following(
    session: Session, client: Client, shown: "Shown", asked: Mapping[str, Any]
) -> None:
    """Follow through restarts of the server: what was said meanwhile comes afterwards."""
    while True:
        try:
            await follow(client, shown, {**asked, "after": shown.seq or asked["after"]})
        except CommandFailed as error:
            if error.exit is not Exit.UNREACHABLE and error.code != "stopping":
                raise
            if not shown.waiting:
                session.whisper(f"[dim]{_AWAY}[/dim]")
            shown.waiting = True
        await wait_s(_AGAIN_S)


async def follow(client: Client, shown: "Shown", asked: Mapping[str, Any]) -> None:
    """Print lines as they come, until the server ends."""
    query = {**asked, "follow": "true"}
    async with client.lines("GET", path_of("logs"), query=query) as lines:
        shown.waiting = False
        async for line in lines:
            if isinstance(line, Mapping) and "text" in line:
                shown.lines([line])
                shown.seq = max(shown.seq, int(line.get("seq") or 0))


class Shown:
    """Prints log lines, each function in its own colour."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.seq = 0  # of the last line that was followed
        self.waiting = False  # for a server that has gone
        self._colours: dict[str, str] = {}

    def lines(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Print them."""
        for line in lines:
            if self._session.json:
                self._session.emit(line)
            else:
                self._session.out.print(self._text(line), soft_wrap=True)

    def _text(self, line: Mapping[str, Any]) -> "Text":
        from rich.text import Text

        function, level = str(line.get("function", "")), str(line.get("level", "info"))
        text = Text(_time(line.get("at")), style="dim")
        text.append(f" {function}", style=self._colour(function))
        if level != "info":
            text.append(f" {level}", style=_STYLES.get(level, ""))
        said = plain(line.get("text", ""), indent=_INDENT)
        text.append(f" {said}", style="dim" if level == "debug" else "")
        fields = line.get("fields")
        if isinstance(fields, Mapping):
            for name, value in fields.items():
                text.append(f" {plain(name)}=", style="dim")
                text.append(plain(value, indent=_INDENT), style="cyan")
        return text

    def _colour(self, function: str) -> str:
        return self._colours.setdefault(function, _COLOURS[len(self._colours) % len(_COLOURS)])


def _time(at: object) -> str:
    if not isinstance(at, int | float):
        return "--:--:--"
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-3]
