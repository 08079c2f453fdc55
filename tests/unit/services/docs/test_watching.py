"""Who listens to documents: what they are told, from where on, and for how long."""

import asyncio
from dataclasses import replace

import pytest

from tapwater_server.model.document.query import Query
from tapwater_server.model.document.write import Kind
from tapwater_server.model.errors import (
    Invalid,
)
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY
from tapwater_server.ports.eventlog import READ_BYTES_MAX
from tapwater_server.services.docs import watching
from tapwater_server.services.docs.hub import ALIVE_S, BUFFER_MAX
from tapwater_server.services.docs.leading import USER_S_MAX
from tapwater_server.services.docs.service import Asker
from tests.unit.services.docs.ruled import (
    ANN,
    APP,
    OWN,
    SHOP,
    House,
    filled,
    next_of,
    said,
    write,
)


@pytest.fixture
async def house() -> House:
    return await filled()


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


async def test_the_hub_goes_on_after_a_short_page(house: House) -> None:
    frames = await house.watching.open(APP, Query(collection="notes"), "")
    await anext(frames)
    large = Event(id="e", app=AppId("blog"), type="a", source="/x", data=bytes(READ_BYTES_MAX))
    await house.log.append([large, replace(large, id="f")])
    await house.put("notes/9", owner="ann", n=9)
    assert [await house.hub.step() for _ in range(4)] == [1, 1, 1, 0]
    assert said(await anext(frames))["type"] == "added"
    await frames.aclose()


async def test_what_was_missed_is_read_in_small_pages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MISSED_PAGE_BYTES_MAX", 1)
    token = str(await house.log.last())
    for n in range(4):
        await house.put(f"notes/{n}", owner="ann", n=n + 1)
    await house.told()
    frames = await house.watching.open(ANN, OWN, token)
    heard = [said(await anext(frames)) for _ in range(5)]
    assert [each.get("document", {}).get("id") for each in heard] == [None, "0", "1", "2", "3"]
    await frames.aclose()


async def test_who_missed_much_is_told_a_part_at_a_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BUFFER_BYTES_MAX", 1)
    token, told = str(await house.log.last()), list[str]()
    for n in range(3):
        await house.put(f"notes/{n}", owner="ann", n=n + 1)
        await house.put(f"others/{n}", owner="ann", n=n + 1)
    await house.told()
    for _ in range(2):
        frames = await house.watching.open(ANN, OWN, token)
        heard = [said(frame) async for frame in frames]
        assert [each["type"] for each in heard][::2] == ["resumed", "closed"]
        told.append(heard[1]["document"]["id"])
        token = heard[-1]["token"]
    assert house.hub.listeners == 0
    frames = await house.watching.open(ANN, OWN, token)
    heard = [said(await anext(frames)) for _ in range(2)]
    assert [*told, heard[1]["document"]["id"]] == ["0", "1", "2"]
    await house.put("notes/9", owner="ann", n=9)
    await house.told()
    assert said(await anext(frames))["document"]["id"] == "9"
    await frames.aclose()


async def test_who_missed_too_much_begins_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MISSED_MAX", 1)
    token = str(await house.log.last())
    for n in range(2):
        await house.put(f"notes/{n}", owner="ann", n=n + 1)
    await house.told()
    frames = await house.watching.open(ANN, OWN, token)
    assert [said(await anext(frames))["type"] for _ in range(2)] == ["reset", "snapshot"]
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
        waiting = group.create_task(next_of(frames))
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
