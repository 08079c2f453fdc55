"""Shows the steps of a deploy while they happen: live on a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import duration, plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


class Shown(Protocol):
    """Takes the lines of progress, one by one."""

    def step(self, line: Mapping[str, Any]) -> None: ...


@dataclass(slots=True, kw_only=True)
class Step:
    """One step, as far as it has come."""

    name: str
    state: str = "begin"
    detail: str = ""
    ms: float | None = None


@contextmanager
def shown(session: Session) -> Iterator[Shown]:
    """Give what shows progress here: JSON lines, a live list, or plain lines."""
    if session.json:
        yield JsonLines(session)
    elif session.out.is_terminal:
        with LiveSteps(session.out) as live:
            yield live
    else:
        yield PlainLines(session.out)


class JsonLines:
    """Passes on what came."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def step(self, line: Mapping[str, Any]) -> None:
        self._session.emit(line)


class Silent:
    """Shows nothing: for `dev`, which says one line when all is done."""

    def step(self, line: Mapping[str, Any]) -> None:
        """Nothing to show."""


class PlainLines:
    """One line per step, when it is done: for logs of builds, and pipes."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def step(self, line: Mapping[str, Any]) -> None:
        step = read_step(line)
        if step.state != "begin":
            self._console.print(_row(step), soft_wrap=True)


class LiveSteps:
    """A list that grows, with a spinner at what is being done."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._steps: list[Step] = []
        self._live = Live(console=console, refresh_per_second=12, get_renderable=self._render)

    def __enter__(self) -> "LiveSteps":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for step in self._steps:
            if step.state == "begin":
                step.state = "failed"  # Whatever ended the deploy happened here.
        self._live.stop()

    def step(self, line: Mapping[str, Any]) -> None:
        step = read_step(line)
        open_ = next((s for s in self._steps if s.name == step.name and s.state == "begin"), None)
        if open_ is not None and step.state != "begin":
            # A note in the middle of a step is how far it is; its last word replaces it.
            open_.detail = step.detail or open_.detail
            if step.state == "done":
                open_.state, open_.ms = step.state, step.ms
        else:
            self._steps.append(step)
        self._live.refresh()

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.spinner import Spinner

        rows: list[RenderableType] = [
            Spinner("dots", text=_words(step)) if step.state == "begin" else _row(step)
            for step in self._steps
        ]
        return Group(*rows)


def read_step(line: Mapping[str, Any]) -> Step:
    """Read one line of progress."""
    ms = line.get("ms")
    return Step(
        name=str(line.get("step", "")),
        state=str(line.get("state", "done")),
        detail=plain(line.get("detail") or ""),
        ms=float(ms) if isinstance(ms, int | float) else None,
    )


_MARKS = {
    "done": ("✓", "green"),
    "note": ("·", "dim"),
    "begin": ("·", "dim"),
    "failed": ("✗", "bold red"),
}


def _row(step: Step) -> "Text":
    from rich.text import Text

    mark, style = _MARKS.get(step.state, ("·", "dim"))
    return Text.assemble((mark, style), " ", _words(step))


def _words(step: Step) -> "Text":
    from rich.text import Text

    text = Text(step.name, style="dim" if step.state == "note" else "")
    if step.detail:
        text.append(f"  {step.detail}", style="dim")
    if step.ms is not None:
        text.append(f"  {duration(step.ms / 1000)}", style="cyan")
    return text
