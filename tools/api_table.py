"""Writes the tables of docs/services-api.md and docs/api.md: `python -m tools.api_table`.

With `--check` it only says whether the pages have every endpoint.
"""

import asyncio
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tapwater_server.assembly.embedded import assemble
from tapwater_server.assembly.settings import Settings
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Who
from tapwater_server.web.openapi import plain_path

_DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, NODE_PAGE = _DOCS / "services-api.md", _DOCS / "api.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.S)
_WHO = {
    Who.ANYONE: "anyone",
    Who.USER: "user",
    Who.TRUSTED: "app",
    Who.HOLDER: "token",
    Who.ADMIN: "admin",
}


async def open_tables(folder: Path) -> tuple[Table, Table]:
    """Put an empty node together; give the tables of its services and of the node itself."""
    async with assemble(Settings(data=folder)) as node:
        for loop in node.loops:
            loop.close()
        return node.tables


def write(table: Table) -> str:
    """Write it as Markdown, service by service, in the order in which they are opened."""
    lines = ["", "| | path | what | who |", "|---|---|---|---|"]
    for one in table.endpoints:
        path = plain_path(one.path)
        lines.append(f"| `{one.method}` | `{path}` | {one.says} | {_WHO[one.who]} |")
    for socket in table.sockets:
        path = plain_path(socket.path)
        lines.append(f"| WebSocket | `{path}` | {socket.says} | {_WHO[socket.who]} |")
    return "\n".join([*lines, "", ""])


def main(arguments: list[str]) -> int:
    """Write or check the pages."""
    with TemporaryDirectory() as folder:
        tables = asyncio.run(open_tables(Path(folder)))
    behind = 0
    for path, table in zip((PAGE, NODE_PAGE), tables, strict=True):
        page = path.read_text()
        written = _TABLE.sub(lambda _, table=table: write(table), page)  # type: ignore[misc]
        if "--check" not in arguments:
            path.write_text(written)
        elif written != page:
            print(f"docs/{path.name} is behind: run python -m tools.api_table", file=sys.stderr)
            behind = 1
    return behind


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
