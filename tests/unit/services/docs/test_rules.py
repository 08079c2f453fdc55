"""What users see and may do, with rules that are scripted: the app itself does as it likes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tapwater_server.backends.memory.documents import MemoryDocuments
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Every, Is, Order, Query, read_cursor
from tapwater_server.model.document.write import Condition, Kind, Moved, Write
from tapwater_server.model.errors import (
    Invalid,
    NeedsIndex,
    NotAllowed,
    NotFound,
    TapwaterError,
)
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.rules import Action
from tapwater_server.services.docs.hub import ALIVE_S, BUFFER_MAX, Frame, Hub
from tapwater_server.services.docs.leading import USER_S_MAX
from tapwater_server.services.docs.service import VISITOR_LOOKED_AT_MAX, Asker, DocsService
from tapwater_server.services.docs.watching import Watching
from tapwater_server.testing.clock import CountingIds, ManualClock, settle

SHOP = AppId("shop")
APP = Asker(app=SHOP, who=Principal(name="fn", apps=frozenset({SHOP})))
ANN = Asker(app=SHOP, who=Principal(name="ann", user="ann", user_app=SHOP))
OWN = Query(collection="notes", where=Every((Is(("n",), ">", 0),)))


class ScriptedRules:
    """A user may do everything with notes that name her as their owner."""

    def __init__(self) -> None:
        self.asked: list[tuple[Action, str]] = []

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,
        action: Action,
        path: str,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        self.asked.append((action, path))
        return all(each is None or each.get("owner") == who.user for each in (old, new))


class House:
    """The service on a memory store."""

    def __init__(self) -> None:
        self.clock, self.rules = ManualClock(), ScriptedRules()
        self.log = MemoryEventLog(clock=self.clock)
        self.documents = MemoryDocuments(log=self.log, clock=self.clock, ids=CountingIds())
        self.service = DocsService(documents=self.documents, rules=self.rules, clock=self.clock)
        self.hub = Hub(log=self.log, documents=self.documents, clock=self.clock)
        self.watching = Watching(
            service=self.service,
            documents=self.documents,
            log=self.log,
            hub=self.hub,
            clock=self.clock,
        )

    async def put(self, path: str, asker: Asker = APP, **data: Any) -> None:
        await self.service.commit(asker, [write(path, **data)])

    async def told(self) -> None:
        while await self.hub.step():
            pass
        await settle()


def write(
    path: str, kind: Kind = Kind.SET, condition: Condition | None = None, **data: Any
) -> Write:
    return Write(
        kind=kind, path=parse_doc_path(path), data=data, condition=condition or Condition()
    )


def said(frame: Frame) -> Any:
    return msgspec.json.decode(frame.body)


async def _next(frames: AsyncIterator[Frame]) -> Frame:
    return await anext(frames)


@pytest.fixture
async def house() -> House:
    house = House()
    for n, owner in enumerate(("ann", "bob", "ann")):
        await house.put(f"notes/{n}", owner=owner, n=n)
    return house


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


async def test_a_user_is_told_only_of_what_she_may_see(house: House) -> None:
    frames = await house.watching.open(ANN, OWN, "")
    snapshot = said(await anext(frames))
    assert [each["id"] for each in snapshot["documents"]] == ["2"]
    await house.put("notes/1", owner="bob", n=7)
    await house.put("notes/3", owner="ann", n=3)
    await house.put("notes/3", owner="bob", n=3)
    await house.put("notes/1", owner="ann", n=7)
    await house.told()
    heard = [said(await anext(frames)) for _ in range(3)]
    assert [(each["type"], each.get("path") or each["document"]["id"]) for each in heard] == [
        ("added", "3"),
        ("removed", "notes/3"),
        ("added", "1"),
    ]
    await frames.aclose()
    assert house.hub.listeners == 0


async def test_the_app_is_told_of_everything(house: House) -> None:
    frames = await house.watching.open(APP, OWN, "")
    assert len(said(await anext(frames))["documents"]) == 2
    await house.put("notes/1", owner="bob", n=0)
    await house.told()
    assert said(await anext(frames))["type"] == "removed"
    await frames.aclose()


async def test_who_comes_back_hears_what_was_missed(house: House) -> None:
    token = str(await house.log.last())
    await house.put("notes/5", owner="ann", n=5)
    await house.put("notes/6", owner="bob", n=6)
    await house.told()
    frames = await house.watching.open(ANN, OWN, token)
    heard = [said(await anext(frames)) for _ in range(2)]
    assert [each["type"] for each in heard] == ["resumed", "added"]
    await house.put("notes/5", owner="ann", n=50)
    await house.told()
    assert said(await anext(frames))["document"]["data"]["n"] == 50
    await frames.aclose()


async def test_a_token_that_is_too_old_begins_anew(house: House) -> None:
    await house.log.move_cursor("relay", await house.log.last())
    await house.clock.advance(100)
    await house.log.sweep(older_than_s=50)
    frames = await house.watching.open(ANN, OWN, "1")
    assert [said(await anext(frames))["type"] for _ in range(2)] == ["reset", "snapshot"]
    await frames.aclose()
    with pytest.raises(Invalid):
        await house.watching.open(ANN, OWN, "yesterday")


async def test_who_is_too_slow_is_closed_with_a_token(house: House) -> None:
    frames = await house.watching.open(APP, Query(collection="notes"), "")
    await anext(frames)
    for n in range(BUFFER_MAX + 1):
        await house.put("notes/1", owner="bob", n=n)
    await house.told()
    heard = [said(frame) async for frame in frames]
    assert [each["type"] for each in heard[-2:]] == ["modified", "closed"]
    assert len(heard) == BUFFER_MAX + 1
    assert house.hub.listeners == 0
    frames = await house.watching.open(APP, Query(collection="notes"), heard[-1]["token"])
    assert said(await anext(frames))["type"] == "resumed"
    last = said(await anext(frames))
    assert last["document"]["data"]["n"] == BUFFER_MAX
    await frames.aclose()


async def test_a_quiet_subscription_shows_that_it_lives(house: House) -> None:
    frames = await house.watching.open(APP, Query(collection="other"), "")
    await anext(frames)
    await house.put("notes/1", owner="bob", n=1)
    await house.told()
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(house.hub.run_beat())
        waiting = group.create_task(_next(frames))
        await house.clock.advance(ALIVE_S)
        alive = said(await waiting)
        beating.cancel()
    assert alive == {"type": "alive", "token": str(await house.log.last())}
    await frames.aclose()


async def test_visitors_are_judged_once_for_all(house: House) -> None:
    visitor = Asker(app=SHOP, who=NOBODY)
    watched = Query(collection="notes")
    listeners = [await house.watching.open(visitor, watched, "") for _ in range(5)]
    for frames in listeners:
        await anext(frames)
    house.rules.asked.clear()
    await house.put("notes/1", owner="", n=1)
    await house.told()
    assert len(house.rules.asked) == 2  # as it was, and as it is
    for frames in listeners:
        assert said(await anext(frames))["type"] == "added"
        await frames.aclose()


async def test_who_comes_at_once_is_told_once(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        begun = [
            group.create_task(house.watching.open(APP, Query(collection="notes"), ""))
            for _ in range(3)
        ]
    await house.put("notes/0", owner="ann", n=1)
    await house.told()
    for each in begun:
        frames = each.result()
        assert [said(await anext(frames))["type"] for _ in range(2)] == ["snapshot", "modified"]
        await frames.aclose()
    assert house.hub.listeners == 0


async def test_a_users_subscription_ends_after_an_hour(house: House) -> None:
    frames = await house.watching.open(ANN, Query(collection="notes"), "")
    await anext(frames)
    await house.clock.advance(USER_S_MAX)
    await house.put("notes/0", owner="ann", n=1)
    await house.told()
    heard = [said(frame) async for frame in frames]
    assert [each["type"] for each in heard] == ["modified", "closed"]
    assert heard[1]["token"] == heard[0]["token"]


async def test_what_an_event_left_out_is_read(house: House) -> None:
    frames = await house.watching.open(APP, Query(collection="notes"), "")
    await anext(frames)
    await house.put("notes/1", owner="bob", text="x" * (600 << 10))
    await house.told()
    frame = said(await anext(frames))
    assert frame["type"] == "modified"
    assert len(frame["document"]["data"]["text"]) == 600 << 10
    await frames.aclose()


async def test_a_large_document_that_was_hidden_is_not_said_to_be_removed(house: House) -> None:
    await house.put("notes/1", owner="bob", text="x" * (600 << 10))
    frames = await house.watching.open(ANN, Query(collection="notes"), "")
    await anext(frames)
    token = str(await house.log.last())
    await house.service.commit(APP, [write("notes/1", Kind.DELETE)])
    await house.told()
    heard = [said(frame) async for frame in frames]
    assert heard == [{"type": "closed", "reason": "begin again", "token": ""}]
    # Who was away begins anew, too; whom no rules bind is told.
    frames = await house.watching.open(ANN, Query(collection="notes"), token)
    assert [said(await anext(frames))["type"] for _ in range(2)] == ["reset", "snapshot"]
    await frames.aclose()
    frames = await house.watching.open(APP, Query(collection="notes"), token)
    assert [said(await anext(frames))["type"] for _ in range(2)] == ["resumed", "removed"]
    await frames.aclose()


async def test_nobody_listens_to_what_comes_under_the_name_of_a_removed_app(house: House) -> None:
    frames = await house.watching.open(APP, Query(collection="notes"), "")
    other = await house.watching.open(replace(APP, app=AppId("bank")), Query(collection="n"), "")
    await anext(frames)
    await anext(other)
    house.hub.end(SHOP)
    await house.documents.erase(SHOP)
    await house.put("notes/1", owner="somebody else")
    await house.told()
    assert [said(frame) async for frame in frames] == []
    assert house.hub.listeners == 1
    await other.aclose()
