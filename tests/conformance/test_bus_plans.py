"""No statement of the bus or of the event log reads a whole table: each finds by an index."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite import (
    bus,
    bus_keys,
    bus_leasing,
    bus_listing,
    bus_publishing,
    bus_removing,
    eventlog,
)
from tapwater_server.backends.sqlite.migrating import migrate

_MODULES = {
    "bus": (bus, bus_keys, bus_leasing, bus_listing, bus_publishing, bus_removing),
    "data": (eventlog,),
}
# At the start of a node only, and over an index of nothing but what is leased.
_ALLOWED = {"SCAN errand USING INDEX errand_leased"}
# Lists that came with the statement, steps from line to line, and a table of a few rows.
_LISTS = re.compile(r"SCAN (\w+ VIRTUAL|\(subquery|ready|coming|expiring|\d+ CONST|event_cursor)")


def statements() -> Iterator[tuple[str, str, str]]:
    for schema, modules in _MODULES.items():
        for module in modules:
            for name, value in vars(module).items():
                if isinstance(value, str) and re.match(
                    r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", value
                ):
                    yield schema, f"{module.__name__.rsplit('.')[-1]}.{name}", value


@pytest.fixture(params=sorted(_MODULES))
def schema(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_nothing_is_read_whole(schema: str, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(connection, schema)
    found = {}
    for of, name, sql in statements():
        if of == schema:
            values = dict.fromkeys(re.findall(r":([a-z_]+)", sql), 1) | {"seqs": "[1]"}
            plan = connection.execute("EXPLAIN QUERY PLAN " + sql, values).fetchall()
            found[name] = [detail for *_, detail in plan]
    connection.close()
    assert len(found) > 9
    whole = {
        name: details
        for name, plan in found.items()
        if (details := [d for d in plan if _reads_whole(d)])
    }
    assert whole == {}


def _reads_whole(detail: str) -> bool:
    return detail.startswith("SCAN") and not _LISTS.match(detail) and detail not in _ALLOWED
