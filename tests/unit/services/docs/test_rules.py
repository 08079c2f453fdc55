"""What users see and may do, with rules that are scripted: the app itself does as it likes."""

from dataclasses import replace
from typing import Any

import pytest

from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Every, Is, Order, Query, read_cursor
from tapwater_server.model.document.write import Condition, Kind, Moved
from tapwater_server.model.errors import (
    NeedsIndex,
    NotAllowed,
    NotFound,
    TapwaterError,
)
from tapwater_server.ports.rules import Action
from tapwater_server.services.docs.service import VISITOR_LOOKED_AT_MAX
from tests.unit.services.docs.ruled import ANN, APP, OWN, SHOP, House, filled, write


@pytest.fixture
async def house() -> House:
    return await filled()


async def test_what_may_not_be_read_is_not_there(house: House) -> None:
    paths = [parse_doc_path(f"notes/{n}") for n in range(4)]
    found = await house.service.get(ANN, paths)
    assert [each and each.path.id for each in found] == ["0", None, "2", None]
    page = await house.service.find(ANN, Query(collection="notes"))
    assert [each.path.id for each in page.documents] == ["0", "2"]
    assert (await house.service.count(ANN, OWN)).count == 1
    assert (await house.service.count(APP, OWN)).count == 2


async def test_rules_see_whole_documents_also_where_fields_are_selected(house: House) -> None:
    page = await house.service.find(ANN, Query(collection="notes", select=(("n",),)))
    assert [each.data for each in page.documents] == [{"n": 0}, {"n": 2}]


async def test_writes_are_judged_on_old_and_new(house: House) -> None:
    await house.put("notes/0", ANN, owner="ann", n=10)
    await house.put("notes/9", ANN, owner="ann", n=9)
    with pytest.raises(NotAllowed):
        await house.put("notes/0", ANN, owner="bob")
    with pytest.raises(NotAllowed):
        await house.put("notes/8", ANN, owner="bob")
    for kind in (Kind.SET, Kind.UPDATE, Kind.DELETE, Kind.MERGE):
        with pytest.raises((NotFound, NotAllowed)):
            await house.service.commit(ANN, [write("notes/1", kind)])
    with pytest.raises(NotFound):
        await house.service.commit(
            ANN, [write("notes/1", condition=Condition(exists=False), owner="ann")]
        )
    await house.service.commit(ANN, [write("notes/9", Kind.DELETE)])
    assert {action for action, _ in house.rules.asked} >= {
        Action.CREATE,
        Action.UPDATE,
        Action.DELETE,
    }


@pytest.mark.parametrize("kind", [Kind.SET, Kind.MERGE, Kind.UPDATE])
@pytest.mark.parametrize(
    "data",
    [{}, {"owner": "eve"}, {"n": {"$union": [1]}}, {"owner": {"$increment": 1}}],
)
async def test_a_hidden_document_answers_as_one_that_is_not_there(
    house: House, kind: Kind, data: dict[str, Any]
) -> None:
    heard = []
    for id in ("1", "9"):  # One of bob's; none.
        with pytest.raises(TapwaterError) as refused:
            await house.service.commit(ANN, [write(f"notes/{id}", kind, **data)])
        heard.append((refused.value.code, refused.value.message.replace(id, "?")))
    assert heard[0] == heard[1]


async def test_reading_in_a_transaction_tells_no_versions(house: House) -> None:
    hidden = parse_doc_path("notes/1")
    await house.service.commit(ANN, [write("notes/7", owner="ann")], {hidden: 0})
    with pytest.raises(Moved, match="is in version 0"):
        await house.service.commit(ANN, [write("notes/7", owner="ann")], {hidden: 2})


async def test_a_cursor_tells_nothing_of_what_is_hidden(house: House) -> None:
    for n in range(10, 30):
        await house.put(f"notes/{n}", owner="bob", n=n)
    await house.put("notes/30", owner="ann", n=30)
    query = Query(collection="notes", order_by=(Order(("n",)),), limit=2)
    page = await house.service.find(ANN, query)
    assert [each.path.id for each in page.documents] == ["0", "2"]
    cursor = read_cursor(replace(query, after=page.after))
    assert cursor is not None
    assert cursor.path.id == "2"
    page = await house.service.find(ANN, replace(query, after=page.after))
    assert ([each.path.id for each in page.documents], page.after) == (["30"], "")
    hidden = replace(query, where=Every((Is(("owner",), "==", "bob"),)), limit=1)
    page = await house.service.find(ANN, hidden)
    assert (page.documents, page.after, page.advice) == ([], "", None)


async def test_a_page_of_much_that_is_hidden_is_refused(house: House) -> None:
    for first in range(0, VISITOR_LOOKED_AT_MAX, 500):
        writes = [write(f"much/{first + n:05}", owner="bob") for n in range(500)]
        await house.service.commit(APP, writes)
    query = Query(collection="much", limit=1)
    assert (await house.service.find(ANN, query)).after == ""
    await house.put("much/last", owner="ann")
    with pytest.raises(NeedsIndex):
        await house.service.find(ANN, query)


async def test_one_refused_write_stops_all(house: House) -> None:
    with pytest.raises(NotFound):
        await house.service.commit(
            ANN, [write("notes/7", owner="ann"), write("notes/1", owner="ann")]
        )
    assert await house.documents.get(SHOP, [parse_doc_path("notes/7")]) == [None]


async def test_the_later_write_is_judged_on_the_earlier(house: House) -> None:
    with pytest.raises(NotAllowed):
        await house.service.commit(
            ANN, [write("notes/7", owner="ann"), write("notes/7", Kind.MERGE, owner="bob")]
        )


async def test_what_was_read_must_still_be_so(house: House) -> None:
    (note,) = await house.service.get(ANN, [parse_doc_path("notes/0")])
    assert note is not None
    reads = {note.path: note.version}
    await house.put("notes/0", owner="ann", n=5)
    with pytest.raises(Moved):
        await house.service.commit(ANN, [write("notes/0", owner="ann", n=6)], reads)
