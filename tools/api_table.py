"""Writes the table of the services' API into docs/services-api.md: `python -m tools.api_table`.

With `--check` it only says whether the page has every endpoint.
"""

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.assembly.parts.rules import open_rules
from tapwater_server.assembly.parts.users import open_identities
from tapwater_server.assembly.services import open_services
from tapwater_server.assembly.settings import Settings
from tapwater_server.assembly.stores import open_stores
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.testing.invoker import ScriptedInvoker, hello
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Who
from tapwater_server.web.openapi import plain_path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "services-api.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.S)
_WHO = {Who.ANYONE: "anyone", Who.USER: "user", Who.TRUSTED: "app"}


async def open_table(folder: Path) -> Table:
    """Open the services of an empty node, and give their table."""
    clock, ids = SystemClock(), SystemIds()
    async with AsyncExitStack() as stack:
        stores = await open_stores(folder, clock=clock, ids=ids, stack=stack)
        services = await open_services(
            Ground(
                settings=Settings(data=folder),
                stores=stores,
                invoker=ScriptedInvoker(hello),
                identities=open_identities(stores, clock=clock, ids=ids),
                rules=open_rules(stores, clock=clock),
                clock=clock,
                ids=ids,
                stack=stack,
            )
        )
        for loop in services.loops:
            loop.close()
        return services.table


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
    """Write or check the page."""
    with TemporaryDirectory() as folder:
        table = asyncio.run(open_table(Path(folder)))
    page = PAGE.read_text()
    written = _TABLE.sub(lambda _: write(table), page)
    if "--check" not in arguments:
        PAGE.write_text(written)
    elif written != page:
        print("docs/services-api.md is behind: run python -m tools.api_table", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
