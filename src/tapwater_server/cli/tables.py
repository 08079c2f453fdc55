"""Tables for people, and what others wrote, so that it can stand in them."""

from typing import TYPE_CHECKING

from tapwater_server.cli.showing import plain

if TYPE_CHECKING:
    from rich.table import Table

# Of little use in parts: the others make room first.
_WHOLE = frozenset({"id", "trace", "invocation", "app", "function", "type", "to", "renews"})


def table_of(*titles: str) -> "Table":
    """A table without lines, with these columns. What is too wide goes on below, and is not cut."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, no_wrap=title in _WHOLE, overflow="fold")
    return table


def shown(text: object) -> str:
    """What others wrote, as it is: neither control characters nor brackets do anything.

    >>> print(shown("[red]a\\x1b[2J"))
    \\[red]a�[2J
    """
    from rich.markup import escape

    return escape(plain(text))
