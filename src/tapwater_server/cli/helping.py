"""The list of commands, grouped as a newcomer meets them, in plain text.

typer's own boxes come with rich's Markdown and its syntax colours: 300 ms for a page of help.
"""

from typing import Any

from typer.core import TyperGroup

_MARGIN = 6  # As click reckons: two columns of space, and some air.
BEGIN, DEPLOY, SERVICES = "Begin", "Deploy", "What an app keeps and hears"
SEE, MONEY, RUN = "See", "Money", "Operate"
PANELS = (BEGIN, DEPLOY, SERVICES, SEE, MONEY, RUN)  # typer puts groups of commands last.


class Grouped(TyperGroup):
    """A group that lists its commands under their panels' names."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, panel by panel."""
        shown = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        shown = [(name, each) for name, each in shown if not each.hidden]
        if not shown:
            return
        width = formatter.width - _MARGIN - max(len(name) for name, _ in shown)
        panels: dict[str, list[tuple[str, str]]] = {name: [] for name in PANELS}
        for name, each in shown:
            panel = getattr(each, "rich_help_panel", None) or "Commands"
            panels.setdefault(panel, []).append((name, each.get_short_help_str(width)))
        for panel, rows in panels.items():
            if not rows:
                continue
            with formatter.section(panel):
                formatter.write_dl(rows, col_max=12)
