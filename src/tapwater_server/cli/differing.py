"""Shows two outcomes of one call, and in what they differ."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import plain

if TYPE_CHECKING:
    from rich.text import Text

_BODY_LINES_MAX = 12
_LINE_CHARS_MAX = 160
_INDENT = "    "


def show_replay(session: Session, answer: Mapping[str, Any]) -> None:
    """Print the answer of a replay."""
    if session.json:
        session.emit(answer)
        return
    from rich.text import Text

    session.out.print(_outcome("then", answer["before"]))
    session.out.print(_outcome("now ", answer["after"]))
    for topic in answer.get("unknown", ()):
        session.out.print(
            Text(f"asked now and not then: {plain(topic)}", style="yellow"), soft_wrap=True
        )
    different: Sequence[Mapping[str, Any]] = answer["differences"]
    if not different:
        session.out.print(Text("no difference", style="green"))
        return
    count = len(different)
    session.out.print(Text(f"{count} difference{'s' if count != 1 else ''}", style="bold yellow"))
    for one in different:
        session.out.print(_difference(one), soft_wrap=True)


def _outcome(when: str, outcome: Mapping[str, Any]) -> "Text":
    from rich.text import Text

    fine = outcome["ending"] == "ok" and int(outcome["status"] or 200) < 400
    text = Text(f"{when} ", style="dim")
    text.append(str(outcome["status"] or outcome["ending"]), style="green" if fine else "red")
    if outcome["status"] and outcome["ending"] != "ok":
        text.append(f" {outcome['ending']}", style="red")
    if outcome["message"]:
        text.append(f" {plain(outcome['message'])}")
    body = str(outcome.get("body", "(bytes)"))
    for line in plain(body, indent=_INDENT).splitlines()[:_BODY_LINES_MAX]:
        shown = line if len(line) <= _LINE_CHARS_MAX else line[:_LINE_CHARS_MAX] + "…"
        text.append(f"\n{_INDENT}{shown.strip()}", style="dim")
    return text


def _difference(one: Mapping[str, Any]) -> "Text":
    from rich.text import Text

    where = f"{one['what']} {one['at']}".strip()
    text = Text(f"  {plain(where)}", style="bold")
    for sign, style, value in (("-", "red", one["before"]), ("+", "green", one["after"])):
        if value is None:
            continue
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for line in plain(said, indent="").splitlines() or [""]:
            text.append(f"\n{_INDENT}{sign} {line}", style=style)
    return text
