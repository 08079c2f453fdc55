"""Turns the server's live numbers into a table. Pure: two looks in, a view out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tapwater_server.cli.showing import duration, size

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_ROWS_MAX = 200

Row = Mapping[str, Any]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the server said at one moment; of a function, one row for each revision that runs."""

    at: float
    node: Row
    functions: Sequence[Row]

    @classmethod
    def read(cls, raw: object) -> Self:
        """Read the answer of the control API."""
        value = raw if isinstance(raw, Mapping) else {}
        rows = [each for each in value.get("functions") or [] if isinstance(each, Mapping)]
        return cls(at=number(value.get("uptime_s")) or 0.0, node=value, functions=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its title, and how a cell is made of a row's number."""

    rank: int
    title: str
    key: str
    show: Callable[[float], str]


def _whole(value: float) -> str:
    return f"{value:.0f}"


# As they stand in the table. In a narrow one those with the highest rank go first.
_COLUMNS = (
    Column(rank=1, title="calls/s", key="calls_per_s", show=lambda value: f"{value:.1f}"),
    Column(rank=7, title="calls", key="calls", show=_whole),
    Column(rank=8, title="cold", key="cold_starts", show=_whole),
    Column(rank=2, title="busy", key="busy", show=_whole),
    Column(rank=6, title="idle", key="idle", show=_whole),
    Column(rank=3, title="wait", key="waiting", show=_whole),
    Column(rank=4, title="p50", key="p50_s", show=duration),
    Column(rank=9, title="p95", key="p95_s", show=duration),
    Column(rank=5, title="memory", key="memory_bytes", show=size),
)
_COLUMN_WIDTH = 9  # Of the widest number and the space beside it.
_NAME_WIDTH = 26  # What a function's name should have at least.


def columns_for(rows: Sequence[Row], *, width: int) -> list[Column]:
    """Choose the columns that have something to show and room to show it."""
    filled = [c for c in _COLUMNS if any(number(row.get(c.key)) is not None for row in rows)]
    room = max(1, (width - _NAME_WIDTH) // _COLUMN_WIDTH)
    kept = sorted(filled, key=lambda column: column.rank)[:room]
    return [column for column in filled if column in kept]


def number(value: object) -> float | None:
    """Take a number as one; anything else is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def with_rates(look: Look, before: Look | None) -> list[dict[str, Any]]:
    """Put calls per second, counted between two looks, to each row; busiest first.

    >>> row = {"app": "a", "function": "f"}
    >>> one = Look.read({"uptime_s": 1.0, "functions": [{**row, "calls": 10}]})
    >>> two = Look.read({"uptime_s": 3.0, "functions": [{**row, "calls": 16}]})
    >>> with_rates(two, one)[0]["calls_per_s"]
    3.0
    """
    passed = look.at - before.at if before is not None else 0.0
    counted = {_key(each): number(each.get("calls")) for each in before.functions} if before else {}
    rows = []
    for each in look.functions:
        row = dict(each)
        calls, earlier = number(each.get("calls")), counted.get(_key(each))
        if calls is not None and earlier is not None and passed > 0:
            row["calls_per_s"] = max(0.0, (calls - earlier) / passed)
        rows.append(row)
    return sorted(rows, key=_busiest_first)


def _key(row: Row) -> Key:
    return str(row.get("app", "")), str(row.get("function", "")), str(row.get("revision", ""))


def _busiest_first(row: Row) -> tuple[float, float, Key]:
    rate, running = number(row.get("calls_per_s")), number(row.get("running"))
    return -(rate or 0.0), -(running or 0.0), _key(row)


def view(look: Look, *, before: Look | None, width: int) -> "Group":
    """Show the node in a line and its functions in a table."""
    from rich.console import Group

    return Group(node_line(look.node), "", functions_table(with_rates(look, before), width=width))


def functions_table(rows: Sequence[Row], *, width: int) -> "Table":
    """Show functions with the numbers that are known of any of them."""
    from rich.markup import escape
    from rich.table import Table

    columns = columns_for(rows, width=width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("function", style="bold", overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True)
    for row in rows[:_ROWS_MAX]:
        app, function, _ = _key(row)
        cells = [number(row.get(column.key)) for column in columns]
        shown = [
            "-" if cell is None else column.show(cell)
            for cell, column in zip(cells, columns, strict=True)
        ]
        table.add_row(escape(f"{app}:{function}"), *shown)
    if not rows:
        table.add_row("[dim]no function has run yet[/dim]")
    return table


def node_line(node: Row) -> str:
    """Show the node at a glance.

    >>> node_line({"instances": 3, "gateway": {"in_flight": 2}})
    'instances 3 · in flight 2'
    """
    parts = [f"up {duration(number(node.get('uptime_s')))}"] if "uptime_s" in node else []
    for title, group, key in _GLANCE:
        inner = node.get(group) if group else node
        amount = number(inner.get(key)) if isinstance(inner, Mapping) else None
        if amount is not None:
            parts.append(f"{title} {size(amount) if key.endswith('_bytes') else _whole(amount)}")
    return " · ".join(parts)


_GLANCE = (
    ("instances", "", "instances"),
    ("starting", "", "starting"),
    ("waiting", "", "waiting"),
    ("in flight", "gateway", "in_flight"),
    ("connections", "gateway", "connections"),
    ("zygotes", "zygotes", "open"),
    ("memory", "", "memory_held_bytes"),
    ("of", "", "memory_budget_bytes"),
    ("records dropped", "meter", "dropped"),
)
