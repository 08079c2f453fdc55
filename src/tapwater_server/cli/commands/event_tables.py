"""How events and deliveries look to people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tapwater_server.cli.session import Session
from tapwater_server.cli.showing import age
from tapwater_server.cli.tables import shown, table_of

if TYPE_CHECKING:
    from rich.table import Table

One = Mapping[str, Any]
_REASON_CHARS_MAX = 80
_WIDE_COLUMNS_MIN = 100


def events_table(events: Sequence[One], *, at: float, columns: int) -> "Table":
    """One line an event. Where from, is the first thing to go where there is no room."""
    source = ("source",) if columns >= _WIDE_COLUMNS_MIN else ()
    table = table_of("when", "type", "subject", *source, "id")
    for one in events:
        table.add_row(
            age(at - datetime.fromisoformat(one["time"]).timestamp()),
            shown(one["type"]),
            shown(one["subject"]) or "-",
            *(shown(one[name]) for name in source),
            shown(one["id"]),
        )
    return table


def deliveries_table(deliveries: Sequence[One], *, at: float) -> "Table":
    """One line a delivery."""
    table = table_of("id", "to", "state", "attempt", "published", "reason")
    for one in deliveries:
        table.add_row(
            one["id"],
            shown(told_to(one)),
            one["state"],
            str(one["attempt"]),
            age(at - one["published_at"]),
            shown(str(one["reason"])[:_REASON_CHARS_MAX]) or "-",
        )
    return table


def lines_table(lines: Sequence[One], *, at: float) -> "Table":
    """One line for each function and queue that has something."""
    table = table_of("line", "waiting", "delayed", "running", "dead", "oldest")
    for one in lines:
        oldest = age(at - one["oldest_at"]) if one["oldest_at"] else "-"
        counts = [str(one[name]) for name in ("waiting", "delayed", "leased", "dead")]
        table.add_row(shown(told_to(one)), *counts, oldest)
    return table


def print_event(session: Session, answer: One) -> None:
    """An event, its data, and who was told."""
    event = answer["event"]
    for name in ("id", "type", "source", "subject", "time", "key", "root", "depth"):
        if event[name] not in ("", 0):
            session.print(f"[dim]{name:8}[/dim] {shown(str(event[name]))}")
    session.print(f"[dim]{'data':8}[/dim] {shown(_data(event))}")
    for one in answer["deliveries"]:
        session.print(f"[dim]{'told':8}[/dim] {shown(end_of(one))}")
    if not answer["deliveries"]:
        session.print("[dim]Nobody who is live listens to it.[/dim]")


def print_delivery(session: Session, one: One) -> None:
    """A delivery, what was told, and what came of it."""
    session.print(shown(end_of(one)))
    for name in ("reason", "event", "key", "root", "body", "result"):
        if one[name]:
            session.print(f"[dim]{name:8}[/dim] {shown(_json(one[name]))}")


def told_to(one: One) -> str:
    """Name a line for people.

    >>> told_to({"function": "users/mail", "queue": ""})
    'users/mail'
    """
    return str(one["function"] or f"queue {one['queue']}")


def end_of(one: One) -> str:
    """Say in a line how a delivery stands."""
    return f"{told_to(one)}: {one['state']}, attempt {one['attempt']} ({one['id']})"


def _data(event: One) -> str:
    coded = event.get("data_base64")
    return f"{coded} (base64)" if coded is not None else _json(event["data"])


def _json(value: object) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
