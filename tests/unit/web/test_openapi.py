"""The document of a table."""

from typing import Any

import msgspec

from tapwater_server.web.endpoint import Endpoint, Who
from tapwater_server.web.openapi import describe_services


class Note(msgspec.Struct):
    """One note."""

    text: str


async def put_note(asked: Any) -> None: ...


def test_a_line_is_described() -> None:
    put = Endpoint(
        method="PUT",
        path="/notes/{id}/{rest:path}",
        says="Write a note.",
        handler=put_note,
        query={"if": "only then"},
        takes=Note,
        gives=Note,
        status=201,
    )
    get = Endpoint(
        method="GET", path="/raw/{id}", says="Read.", handler=put_note, who=Who.ANYONE, media="x/y"
    )
    document = describe_services([put, get], app="shop")
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Services of shop"
    assert document["servers"] == [{"url": "/_/v1"}]
    written = document["paths"]["/notes/{id}/{rest}"]["put"]
    assert [one["name"] for one in written["parameters"]] == ["id", "rest", "if"]
    note = {"$ref": "#/components/schemas/Note"}
    assert written["requestBody"]["content"] == {"application/json": {"schema": note}}
    assert written["responses"]["201"]["content"] == {"application/json": {"schema": note}}
    assert written["security"] == [{"token": []}]
    read = document["paths"]["/raw/{id}"]["get"]
    assert read["security"] == [{}, {"token": []}]
    assert (read["operationId"], read["tags"]) == ("get_raw_id", ["raw"])
    assert list(read["responses"]["200"]["content"]) == ["x/y"]
    assert set(document["components"]["schemas"]) == {"Note", "Problem"}
