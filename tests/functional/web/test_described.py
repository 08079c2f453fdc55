"""The services' API, as it is described to machines and to people."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tapwater_server.web.dispatch import Table
from tapwater_server.web.openapi import describe_services
from tools.api_table import NODE_PAGE, PAGE, open_tables, write


@pytest.fixture
async def tables(tmp_path: Path) -> tuple[Table, Table]:
    return await open_tables(tmp_path)


@pytest.fixture(params=["services", "node"])
def table(tables: tuple[Table, Table], request: pytest.FixtureRequest) -> Table:
    return tables[request.param == "node"]


async def test_the_pages_have_every_endpoint(tables: tuple[Table, Table]) -> None:
    for page, table in zip((PAGE, NODE_PAGE), tables, strict=True):
        assert write(table) in page.read_text(), "Run: python -m tools.api_table"


async def test_the_document_is_whole(table: Table) -> None:
    raw = msgspec.json.encode(describe_services(table.endpoints, app="shop"))
    document: Any = json.loads(raw)
    operations = [
        (path, operation)
        for path, verbs in document["paths"].items()
        for operation in verbs.values()
    ]
    assert len(operations) == len(table.endpoints)
    ids = [operation["operationId"] for _, operation in operations]
    assert len(set(ids)) == len(ids)
    known = set(document["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', raw.decode())) <= known
    for path, operation in operations:
        named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        assert operation["summary"].endswith("."), path


async def test_services_and_the_node_share_no_path(tables: tuple[Table, Table]) -> None:
    """Both are below /_/api/v1/apps/{app}/: a service must not hide what deploys."""
    services, node = tables
    paths = [one.path.split("/") for one in node.endpoints]
    below = {parts[3] for parts in paths if parts[1] == "apps" and len(parts) > 3}
    assert below & {"deploys", "aliases"} == {"deploys", "aliases"}
    assert below & services.names == set()


async def test_every_line_is_to_be_reached(table: Table) -> None:
    """No earlier or more exact line hides another one altogether."""
    lines = [(one.method, one.path) for one in table.endpoints]
    assert len(set(lines)) == len(lines)
