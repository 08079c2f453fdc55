"""How functions are shown: where they answer, their limits, their live instances."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tapwater_server.cli.showing import duration, size

if TYPE_CHECKING:
    from rich.table import Table


def where_by_name(functions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Say of each function where it answers."""
    return {str(one.get("name", "")): where_it_answers(one) for one in functions}


def urls_table(functions: Sequence[Mapping[str, Any]], *, head: bool = True) -> "Table":
    """Show functions and their whole URLs, each on one line, to be copied."""
    from rich.markup import escape

    table = _table()
    table.show_header = head
    table.add_column("answers at", overflow="fold")
    for function in functions:
        table.add_row(escape(str(function.get("name", ""))), escape(where_it_answers(function)))
    return table


def functions_table(
    functions: Sequence[Mapping[str, Any]], *, origin: str, live: Mapping[str, int] | None
) -> "Table":
    """Show functions with limits and live instances; URLs below ``origin`` without it."""
    from rich.markup import escape

    table = _table()
    table.add_column("answers at", overflow="fold")
    for column in ("memory", "time limit", "instances"):
        table.add_column(column, justify="right", no_wrap=True)
    for function in functions:
        limits = function.get("limits") or {}
        table.add_row(
            escape(str(function.get("name", ""))),
            escape(_below(where_it_answers(function), origin)),
            size(limits.get("memory_bytes")),
            _time_limit(limits),
            "-" if live is None else str(live.get(str(function.get("name")), 0)),
        )
    return table


def _below(where: str, origin: str) -> str:
    return where.replace(origin, "", 1) if origin else where


def _table() -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("function", style="bold", no_wrap=True)
    return table


def common_origin(functions: Sequence[Mapping[str, Any]]) -> str:
    """Give the address that all functions share; "" when they do not.

    >>> common_origin([{"url": "http://h:1/a"}, {"url": "http://h:1/b"}, {"name": "tick"}])
    'http://h:1'
    """
    origins = set()
    for function in functions:
        if function.get("url"):
            parts = urlsplit(str(function["url"]))
            origins.add(f"{parts.scheme}://{parts.netloc}")
    return origins.pop() if len(origins) == 1 else ""


def _time_limit(limits: Mapping[str, Any]) -> str:
    if "timeout_s" not in limits:
        return "-"
    seconds = limits["timeout_s"]
    return "none" if seconds is None else duration(seconds)


_IMPLIED = ("HEAD", "OPTIONS")  # Come with GET, and with everything.


def where_it_answers(function: Mapping[str, Any]) -> str:
    """Say how a function is reached: its verbs and URL, its triggers, or both.

    >>> where_it_answers({"url": "http://h/users-api/register", "verbs": ["POST"]})
    'POST http://h/users-api/register'
    >>> where_it_answers({"triggers": [{"source": "schedule", "arguments": {"cron": "* * * * *"}}]})
    'on schedule(* * * * *)'
    >>> one = {"name": "resize", "runtime": "python3.12", "handler": "app.run", "version": "3"}
    >>> where_it_answers({"foreign": {**one, "cloud": "aws"}})
    'Lambda function resize 3 (python3.12, app.run)'
    """
    found = []
    if isinstance(function.get("foreign"), Mapping):
        found.append(_abroad(function["foreign"]))
    if function.get("url"):
        verbs = " ".join(v for v in function.get("verbs") or [] if v not in _IMPLIED)
        found.append(f"{verbs} {function['url']}".strip())
    # A server older than `triggers` tells the first one only.
    triggers = function.get("triggers") or [function.get("trigger")]
    found += [_trigger(one) for one in triggers if isinstance(one, Mapping)]
    return ", ".join(found) or "-"


def _abroad(told: Mapping[str, Any]) -> str:
    """Say what it is in the cloud that it was written for."""
    how = f"{told.get('runtime', '?')}, {told.get('handler', '?')}"
    return f"Lambda function {told.get('name', '?')} {told.get('version', '')} ({how})"


def _trigger(trigger: Mapping[str, Any]) -> str:
    arguments = trigger.get("arguments")
    values = arguments.values() if isinstance(arguments, Mapping) else ()
    shown = ", ".join(str(value) for value in values)
    return f"on {trigger.get('source', '?')}" + (f"({shown})" if shown else "")
