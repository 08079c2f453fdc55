"""What every store of documents must do."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tapwater_server.model.document.expiry import TTLS_MAX, Ttl
from tapwater_server.model.document.happened import EVENT_BYTES_MAX, Cause
from tapwater_server.model.document.index import ELEMENTS_MAX, Index, IndexField, State
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Every, Is, Order, Query
from tapwater_server.model.document.value import DOCUMENT_BYTES_MAX
from tapwater_server.model.document.write import Kind, Moved, Write
from tapwater_server.model.errors import Invalid, NeedsIndex, NotFound, TooLarge
from tapwater_server.ports import documents as port
from tests.conformance.opened_documents import BACKENDS, BANK, SHOP, Opened, setting, writing

ANN = parse_doc_path("users/ann")
BY_AGE = Index(name="users", fields=(IndexField(("age",)),))
USERS = Query(collection="users")


@pytest.fixture(params=sorted(BACKENDS))
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opened]:
    async with BACKENDS[request.param](tmp_path) as found:
        yield found


async def happened(opened: Opened) -> list[tuple[Any, ...]]:
    """Give what the log says: type, subject, before and after."""
    found = []
    for each in await opened.log.read(after=0, count_max=1000):
        data = json.loads(each.event.data)
        what = each.event.type.rpartition(".")[2]
        found.append((what, each.event.subject, data["before"], data["after"]))
    return found


async def test_doc_1_a_commit_is_whole_or_not_at_all(opened: Opened) -> None:
    await opened.put("users/ann", age=1)
    bad = writing(Kind.SET, "users/ann", {"age": 3}, exists=False)
    with pytest.raises(Moved) as refused:
        await opened.documents.commit(SHOP, [setting("users/bob", age=2), bad])
    assert refused.value.problems[0]["where"] == "users/ann"
    assert await opened.data("users/bob") is None
    assert await opened.data("users/ann") == {"age": 1}
    assert len(await happened(opened)) == 1


async def test_doc_1_later_writes_see_the_earlier_ones(opened: Opened) -> None:
    increment = writing(Kind.UPDATE, "users/ann", {"age": {"$increment": 2}}, exists=True)
    written = await opened.documents.commit(
        SHOP, [setting("users/ann", age=1), increment, increment]
    )
    assert [each.data for each in written if each] == [{"age": 1}, {"age": 3}, {"age": 5}]
    assert await opened.data("users/ann") == {"age": 5}


async def test_doc_1_what_does_not_fit_changes_nothing(opened: Opened) -> None:
    await opened.put("users/ann", name="Ann")
    long = "x" * DOCUMENT_BYTES_MAX
    for wrong, error in (
        (writing(Kind.UPDATE, "users/ann", {"name": {"$increment": 1}}), Invalid),
        (writing(Kind.UPDATE, "users/bob", {"name": "Bob"}), NotFound),
        (writing(Kind.MERGE, "users/ann", {"long": long}), TooLarge),
        (writing(Kind.DELETE, "users/bob", exists=True), NotFound),
        (writing(Kind.SET, "users/ann", version=99), Moved),
        (writing(Kind.UPDATE, "users/ann", {"a.$b": 1}), Invalid),
    ):
        with pytest.raises(error):
            await opened.documents.commit(SHOP, [setting("users/eve"), wrong])
    assert await opened.data("users/ann") == {"name": "Ann"}
    assert await opened.data("users/eve") is None


async def test_doc_2_every_change_has_its_event(opened: Opened) -> None:
    cause = Cause(root="r", depth=3, trace="t")
    await opened.documents.commit(SHOP, [setting("users/ann", age=1)], cause=cause)
    await opened.documents.commit(SHOP, [writing(Kind.MERGE, "users/ann", {"name": "A"})])
    remove = writing(Kind.DELETE, "users/ann")
    await opened.documents.commit(SHOP, [remove, remove, setting("a/b/c/d")])
    one = {"age": 1}
    assert await happened(opened) == [
        ("created", "users/ann", None, one),
        ("updated", "users/ann", one, {"age": 1, "name": "A"}),
        ("deleted", "users/ann", {"age": 1, "name": "A"}, None),
        ("created", "a/b/c/d", None, {}),
    ]
    first = (await opened.log.read(after=0, count_max=1))[0].event
    assert (first.root, first.depth, first.trace) == ("r", 3, "t")
    assert (first.source, first.key, first.app) == ("/docs", "users/ann", SHOP)
    assert json.loads(first.data)["collection"] == "users"


async def test_doc_2_what_is_too_large_for_an_event_is_left_out(opened: Opened) -> None:
    await opened.put("users/ann", text="x" * (EVENT_BYTES_MAX - 100))
    await opened.put("users/ann", text="y" * (EVENT_BYTES_MAX - 100))
    await opened.put("users/ann", text="z" * (EVENT_BYTES_MAX + 1))
    logged = await opened.log.read(after=0, count_max=10)
    said = [json.loads(each.event.data) for each in logged]
    assert [each.get("left_out") for each in said] == [None, ["before"], ["after"]]
    assert said[1]["after"]["text"][0] == "y"
    assert said[2]["before"]["text"][0] == "y"


async def test_doc_3_versions_rise_also_over_making_anew(opened: Opened) -> None:
    seen = []
    for _ in range(3):
        written = await opened.documents.commit(SHOP, [setting("users/ann", age=1)])
        seen += [each.version for each in written if each]
        await opened.documents.commit(SHOP, [writing(Kind.DELETE, "users/ann")])
    assert seen == sorted(set(seen))
    await opened.put("users/ann", age=1)
    again = writing(Kind.SET, "users/ann", {"age": 2}, version=seen[-1])
    with pytest.raises(Moved):
        await opened.documents.commit(SHOP, [again])


async def test_doc_4_a_transaction_holds_only_on_what_it_read(opened: Opened) -> None:
    (ann,) = await opened.documents.commit(SHOP, [setting("users/ann", age=1)])
    assert ann is not None
    bob = parse_doc_path("users/bob")
    reads = {ANN: ann.version, bob: 0}
    await opened.documents.commit(SHOP, [setting("log/1")], reads=reads)
    await opened.put("users/bob", age=1)
    with pytest.raises(Moved) as refused:
        await opened.documents.commit(SHOP, [setting("log/2")], reads=reads)
    assert [each["where"] for each in refused.value.problems] == ["users/bob"]
    assert await opened.data("log/2") is None


async def test_doc_5_a_page_ends_when_it_is_full_of_bytes(opened: Opened) -> None:
    for n in range(6):
        await opened.put(f"users/{n}", text="x" * 40_000, n=-n)
    by_path, by_number = USERS, Query(collection="users", order_by=(Order(("n",)),))
    for query, ids in ((by_path, "012345"), (by_number, "543210")):
        found, after = "", ""
        while True:
            page = await opened.documents.find(SHOP, replace(query, after=after), bytes_max=100_000)
            assert len(page.documents) == 2
            found += "".join(each.path.id for each in page.documents)
            after = page.after
            if not after:
                break
        assert found == ids
    page = await opened.documents.find(SHOP, by_path, bytes_max=1)
    assert len(page.documents) == 1


async def test_reading_many_at_once_has_a_ceiling(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened.put("users/ann", text="x" * 1000)
    monkeypatch.setattr(port, "GET_BYTES_MAX", 2500)
    assert len(await opened.documents.get(SHOP, [ANN] * 2)) == 2
    with pytest.raises(TooLarge):
        await opened.documents.get(SHOP, [ANN] * 3)


async def test_doc_6_a_query_without_index_answers_and_says_so(opened: Opened) -> None:
    for age in range(10):
        await opened.put(f"users/{age}", age=age)
    query = Query(collection="users", where=Every((Is(("age",), ">=", 8),)))
    page = await opened.documents.find(SHOP, query)
    assert [each.data["age"] for each in page.documents] == [8, 9]
    assert page.advice == BY_AGE
    assert (await opened.documents.count(SHOP, query)).advice == BY_AGE
    with pytest.raises(NeedsIndex) as refused:
        await opened.documents.find(SHOP, query, looked_at_max=5)
    assert refused.value.problems[0]["what"] == "users:age"
    with pytest.raises(NeedsIndex):
        await opened.documents.count(SHOP, query, looked_at_max=5)
    await opened.documents.put_index(SHOP, BY_AGE)
    await opened.build()
    page = await opened.documents.find(SHOP, query, looked_at_max=0)
    assert [each.data["age"] for each in page.documents] == [8, 9]
    assert page.advice is None
    counted = await opened.documents.count(SHOP, query, looked_at_max=0)
    assert (counted.count, counted.advice) == (2, None)


async def test_doc_7_an_index_is_built_while_others_write(opened: Opened) -> None:
    for age in range(20):
        await opened.put(f"users/{age:02}", age=age)
    begun = await opened.documents.put_index(SHOP, BY_AGE)
    assert begun.state is State.BUILDING
    await opened.documents.build_step(count_max=5)
    await opened.put("users/00", age=50)
    await opened.put("users/19", age=51)
    await opened.put("users/new", age=52)
    await opened.documents.commit(SHOP, [writing(Kind.DELETE, "users/10")])
    await opened.build()
    (state,) = await opened.documents.indexes(SHOP)
    assert state.state is State.READY
    assert (await opened.documents.put_index(SHOP, BY_AGE)).state is State.READY
    query = Query(collection="users", where=Every((Is(("age",), ">", 9),)))
    page = await opened.documents.find(SHOP, query, looked_at_max=0)
    assert [each.data["age"] for each in page.documents] == [*range(11, 19), 50, 51, 52]
    assert await opened.documents.drop_index(SHOP, BY_AGE.id)
    assert not await opened.documents.drop_index(SHOP, BY_AGE.id)
    await opened.build()
    assert (await opened.documents.find(SHOP, query)).advice == BY_AGE


async def test_doc_7_what_does_not_fit_an_index_is_refused_or_fails_it(opened: Opened) -> None:
    by_tag = Index(name="users", fields=(IndexField(("tags",), each=True),))
    many = list(range(ELEMENTS_MAX + 1))
    await opened.put("users/ann", tags=many)
    await opened.documents.put_index(SHOP, by_tag)
    await opened.build()
    (state,) = await opened.documents.indexes(SHOP)
    assert state.state is State.FAILED
    assert "users/ann" in state.reason
    await opened.put("users/bob", tags=many)
    await opened.put("users/ann", tags=[1])
    await opened.put("users/bob", tags=[1])
    await opened.documents.put_index(SHOP, by_tag)
    await opened.build()
    (state,) = await opened.documents.indexes(SHOP)
    assert state.state is State.READY
    with pytest.raises(Invalid, match="tags has 1001 elements"):
        await opened.put("users/ann", tags=many)
    assert await opened.data("users/ann") == {"tags": [1]}


async def test_doc_8_expired_is_gone_at_once_and_removed_by_a_sweep(opened: Opened) -> None:
    at = opened.clock.now() + 60
    ending = Write(kind=Kind.SET, path=ANN, data={"age": 1}, expires_at=at)
    await opened.documents.put_index(SHOP, BY_AGE)
    await opened.documents.commit(SHOP, [ending, setting("users/bob", age=1)])
    await opened.build()
    await opened.documents.commit(SHOP, [writing(Kind.MERGE, "users/ann", {"x": 1})])
    assert await opened.documents.sweep() == 0
    await opened.clock.advance(60)
    query = Query(collection="users", where=Every((Is(("age",), "==", 1),)))
    assert await opened.data("users/ann") is None
    assert [str(each.path) for each in (await opened.documents.find(SHOP, query)).documents] == [
        "users/bob"
    ]
    assert (await opened.documents.count(SHOP, query)).count == 1
    assert (await opened.documents.count(SHOP, USERS)).count == 1
    with pytest.raises(NotFound):
        await opened.documents.commit(SHOP, [writing(Kind.UPDATE, "users/ann", {"x": 2})])
    assert len(await happened(opened)) == 3
    assert await opened.documents.sweep() == 1
    assert await opened.documents.sweep() == 0
    assert (await happened(opened))[-1] == ("deleted", "users/ann", {"age": 1, "x": 1}, None)


async def test_doc_8_what_takes_an_expired_ones_place_is_new(opened: Opened) -> None:
    at = opened.clock.now() + 60
    await opened.documents.commit(
        SHOP, [Write(kind=Kind.SET, path=ANN, data={"age": 1}, expires_at=at)]
    )
    await opened.clock.advance(61)
    await opened.documents.commit(SHOP, [writing(Kind.MERGE, "users/ann", {"b": 2}, exists=False)])
    assert await opened.data("users/ann") == {"b": 2}
    assert await opened.documents.sweep() == 0
    assert [each[0] for each in await happened(opened)] == ["created", "deleted", "created"]


async def test_doc_9_a_snapshot_is_of_one_moment(opened: Opened) -> None:
    await opened.put("users/ann", age=1)
    await opened.put("users/bob", age=2)
    page, seq = await opened.documents.snapshot(SHOP, USERS)
    await opened.put("users/eve", age=3)
    assert len(page.documents) == 2
    later = await opened.log.read(after=seq, count_max=10)
    assert [each.event.subject for each in later] == ["users/eve"]


async def test_doc_10_apps_are_apart(opened: Opened) -> None:
    for app in (SHOP, BANK):
        await opened.put("users/ann", app=app, age=1)
        await opened.documents.put_index(app, BY_AGE)
    await opened.build()
    await opened.documents.erase(SHOP)
    await opened.build()
    assert await opened.data("users/ann") is None
    assert await opened.documents.indexes(SHOP) == []
    assert await opened.documents.collections(SHOP) == []
    assert await opened.data("users/ann", app=BANK) == {"age": 1}
    query = Query(collection="users", where=Every((Is(("age",), "==", 1),)))
    page = await opened.documents.find(BANK, query, looked_at_max=0)
    assert len(page.documents) == 1


async def test_doc_10_collections_are_listed_below_their_document(opened: Opened) -> None:
    for path in ("b/1", "a/1", "a/1/y/1", "a/1/x/1", "a/1/x/1/z/1", "a/10/w/1"):
        await opened.put(path)
    assert await opened.documents.collections(SHOP) == ["a", "b"]
    assert await opened.documents.collections(SHOP, after="a") == ["b"]
    assert await opened.documents.collections(SHOP, under="a/1") == ["a/1/x", "a/1/y"]
    assert await opened.documents.collections(SHOP, under="a/1", count_max=1) == ["a/1/x"]
    await opened.documents.commit(SHOP, [writing(Kind.DELETE, "b/1")])
    assert await opened.documents.collections(SHOP) == ["a"]


async def test_doc_11_a_field_says_when_a_document_ends(opened: Opened) -> None:
    now = opened.clock.now()
    await opened.put("users/before", end=now + 5)
    await opened.documents.put_ttl(SHOP, Ttl(name="users", field=("end",)))
    await opened.put("users/ann", end=now + 10)
    text = datetime.fromtimestamp(now + 20, UTC).isoformat()
    await opened.put("a/1/users/bob", end=text)  # As indexes: all collections of the name.
    await opened.put("users/eve", end="never")
    await opened.put("others/ann", end=now + 10)
    await opened.put("users/ann", end=now + 10, app=BANK)
    long = Write(kind=Kind.SET, path=parse_doc_path("users/own"), data={"end": 1}, expires_at=0.0)
    await opened.documents.commit(SHOP, [long])
    await opened.clock.advance(10)
    assert await opened.data("users/ann") is None
    for path in ("users/before", "a/1/users/bob", "users/eve", "others/ann", "users/own"):
        assert await opened.data(path) is not None, path
    assert await opened.data("users/ann", app=BANK) is not None
    # A write that changes the field moves the end; one that removes it takes the end away.
    await opened.documents.commit(
        SHOP, [writing(Kind.UPDATE, "a/1/users/bob", {"end": {"$delete": True}})]
    )
    await opened.clock.advance(1000)
    assert await opened.data("a/1/users/bob") == {}
    assert await opened.documents.sweep() == 1
    assert await opened.documents.drop_ttl(SHOP, "users")
    assert not await opened.documents.drop_ttl(SHOP, "users")
    await opened.put("users/ann", end=1)
    assert await opened.data("users/ann") == {"end": 1}


async def test_doc_11_declaring_replaces_only_what_was_declared(opened: Opened) -> None:
    by_hand = Ttl(name="hand", field=("end",))
    first, second = (Ttl(name=n, field=("end",), declared=True) for n in ("first", "second"))
    await opened.documents.put_ttl(SHOP, by_hand)
    await opened.documents.declare_ttls(SHOP, [first])
    await opened.documents.declare_ttls(SHOP, [second])
    assert await opened.documents.ttls(SHOP) == [by_hand, second]
    await opened.documents.erase(SHOP)
    assert await opened.documents.ttls(SHOP) == []
    many = [Ttl(name=f"n{n}", field=("end",)) for n in range(TTLS_MAX + 1)]
    with pytest.raises(Invalid):
        await opened.documents.declare_ttls(SHOP, many)
    assert await opened.documents.ttls(SHOP) == []


async def test_doc_1_removing_what_was_never_there_leaves_nothing(opened: Opened) -> None:
    await opened.documents.commit(SHOP, [writing(Kind.DELETE, "never/1")])
    with pytest.raises(Moved):
        await opened.documents.commit(SHOP, [writing(Kind.DELETE, "never/1", version=3)])
    assert await happened(opened) == []


async def test_doc_5_a_page_counts_the_heads_of_documents(opened: Opened) -> None:
    for n in range(5):
        await opened.put(f"{'c' * 200}/{'d' * 190}{n}")
    page = await opened.documents.find(SHOP, Query(collection="c" * 200), bytes_max=4000)
    assert len(page.documents) == 2
    assert all(
        len(msgspec.json.encode(each.shown())) <= each.shown_bytes for each in page.documents
    )
