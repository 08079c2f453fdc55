"""The picture of a trace in a terminal: who caused what, how long it took, and when. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tapwater_server.cli.drawing import bar, outline
from tapwater_server.cli.showing import duration, plain

if TYPE_CHECKING:
    from rich.text import Text

Step = Mapping[str, Any]

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
_NAME_COLUMNS_MAX = 72
_TIME_COLUMNS = 9
_BAR_COLUMNS_MIN = 10
_STEPS_MAX = 300
_LINES_MAX = 20
_DEEP_MAX = 12  # columns are few: what lies deeper stands below each other
_INNER = frozenset({"queue", "start", "handler"})
_WAIT_SHARE_MIN = 0.01  # of the whole; a shorter wait is not worth a line
_WAIT_MS_MIN = 0.5  # nor is this
_SAYS = {"queue": "waited for a free instance", "start": "cold start", "handler": "ran"}


def picture(found: Mapping[str, Any], *, columns: int) -> list["Text"]:
    """Draw it, a line each."""
    whole_s = max(found["took_ms"] / 1e3, 1e-6)
    steps = outline(_worth_showing(found["spans"], whole_s))
    labels = [_label(step, deep) for deep, step in steps[:_STEPS_MAX]]
    longest = max((len(label) for label in labels), default=0)
    names = min(longest + 1, _NAME_COLUMNS_MAX, columns // 2)
    width = max(_BAR_COLUMNS_MIN, columns - names - _TIME_COLUMNS - 3)
    errors = _errors(found["lines"])
    lines = [*_head(found, whole_s), _axis(whole_s, names=names, width=width)]
    for label, (deep, step) in zip(labels, steps, strict=False):
        lines.append(_row(label, step, found["at"], whole_s, names=names, width=width))
        lines += _below(step, deep, errors)
    lines += _foot(found, hidden=len(steps) - len(labels))
    return lines


def _head(found: Mapping[str, Any], whole_s: float) -> list["Text"]:
    """In a sentence: what came in, and all that it led to."""
    from rich.text import Text

    calls = [step for step in found["spans"] if step["kind"] == "invocation"]
    failed = sum(not step["ok"] for step in calls)
    head = Text(f"{found['trace']}  ", style="dim")
    if not calls:
        return [head.append(duration(whole_s), style="bold")]
    said = f"{_many(len(calls), 'call')} in {duration(whole_s)}"
    head.append(said, style="bold")
    if failed:
        head.append(f", {failed} failed", style="bold red")
    return [head]


def _axis(whole_s: float, *, names: int, width: int) -> "Text":
    from rich.text import Text

    left = " " * (names + _TIME_COLUMNS + 2)
    last = duration(whole_s)
    return Text(f"{left}0{last.rjust(width - 1)}", style="dim")


def _row(label: str, step: Step, began: float, whole_s: float, *, names: int, width: int) -> "Text":
    from rich.text import Text

    share = (step["at"] - began) / whole_s
    drawn = bar(share, step["took_ms"] / 1e3 / whole_s, width=width)
    style = _STYLES.get(step["kind"], "white") if step["ok"] else _wrong(step)
    inner = "dim" if step["kind"] in _INNER else ""
    shown = label if len(label) <= names else label[: names - 1] + "…"
    line = Text(shown.ljust(names), style=inner if step["ok"] else _wrong(step))
    line.append(duration(step["took_ms"] / 1e3).rjust(_TIME_COLUMNS) + "  ", style="dim")
    line.append(drawn.rstrip(), style=style)
    return line


def _wrong(step: Step) -> str:
    """A question that was refused is the function's to deal with; a call that failed is not."""
    return "yellow" if step["kind"] == "ask" else "bold red"


def _worth_showing(steps: Sequence[Step], whole_s: float) -> list[Step]:
    """A call that waited for nothing worth telling is its handler: one line is enough."""
    least_ms = max(_WAIT_MS_MIN, whole_s * 1e3 * _WAIT_SHARE_MIN)
    waits = (step for step in steps if step["kind"] in ("queue", "start"))
    long = [step for step in waits if step["took_ms"] >= least_ms]
    waited = {step["parent"] for step in long}
    kept = {id(step) for step in long}
    return [
        step
        for step in steps
        if step["kind"] not in _INNER
        or id(step) in kept
        or (step["kind"] == "handler" and step["parent"] in waited)
    ]


def _label(step: Step, deep: int) -> str:
    """Say in one line what a step was, indented below what caused it."""
    facts, kind = step["facts"], step["kind"]
    said = plain(step["name"]).replace("\n", " ")
    if kind == "invocation":
        said = _call(step, said)
    elif kind == "event" and facts.get("subject"):
        said = f"{said} ({plain(facts['subject'])})".replace("\n", " ")
    elif kind in _SAYS:
        said = _SAYS[kind]
    elif kind == "ask" and not step["ok"]:
        said += f": {plain(facts.get('error') or 'failed')}".replace("_", " ")
    if kind != "delivery" and facts.get("attempt", "1") != "1":
        said += f", attempt {plain(facts['attempt'])}"
    if kind == "invocation" and not step["ok"]:
        said += f": {plain(facts.get('ending', 'failed'))}".replace("_", " ")
    return _indent(deep) + said


def _call(step: Step, said: str) -> str:
    """A call by what came in, and the function that took it; one for an event by that alone."""
    function, status = plain(step["function"]), step["facts"].get("status")
    if said.endswith(f"→ {function}") or not function:
        return f"→ {function}"
    return f"{said} → {function}" + (f" {plain(status)}" if status else "")


def _indent(deep: int) -> str:
    return "  " * min(deep, _DEEP_MAX)


def _below(step: Step, deep: int, errors: dict[str, list[str]]) -> list["Text"]:
    from rich.text import Text

    if step["kind"] != "invocation":
        return []
    said = "\n".join(errors.pop(step["invocation"], [])).split("\n")[-_LINES_MAX:]
    return [Text(f"{_indent(deep)}  │ {text}", style="red") for text in said if text]


def _foot(found: Mapping[str, Any], *, hidden: int) -> list["Text"]:
    from rich.text import Text

    lines = [Text(f"… and {_many(hidden, 'step')} more", style="dim")] if hidden > 0 else []
    if found["lines"]:
        told = f"{_many(len(found['lines']), 'line')} of log: tapwater logs --trace"
        lines.append(Text(f"{told} {found['trace']}", style="dim"))
    return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


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
