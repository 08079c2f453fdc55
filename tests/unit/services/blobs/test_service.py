"""The service of blobs in memory: who may do what, what goes by itself, what is swept."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from tapwater_server.model.blob import About, Blob, Bucket, Cause, LifecycleRule, Versioning
from tapwater_server.model.errors import StorageFull
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.blobs import Listing, Naming
from tapwater_server.ports.rules import Action
from tapwater_server.services.blobs.sweeping import GRACE_S
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked
from tests.unit.services.blobs.opened import ADA, OWNER, SHOP, Opened, whole

LARGE = bytes(100_000)
DAY_S = 86_400.0
Facts = Mapping[str, Any] | None


async def some(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 10_000):
        yield data[at : at + 10_000]


async def put(opened: Opened, key: str, data: bytes = LARGE) -> Blob:
    naming = Naming(bucket="box", key=key)
    return await opened.blobs.put(SHOP, naming, some(data), about=About(), cause=Cause())


def own_folder(who: Principal, action: Action, path: str, old: Facts, new: Facts) -> bool:
    """Everyone reads; a user keeps small pictures in a folder of his own."""
    if action is Action.READ:
        return path.startswith("box/")
    mine = bool(who.user) and path.startswith(f"box/{who.user}/")
    fits = new is None or (new["size"] <= 1_000 and new["content_type"] == "image/png")
    return mine and fits


async def test_rules_bind_users_and_nobody() -> None:
    opened = Opened()
    opened.rules.judge = own_folder
    png = {"content-type": "image/png"}

    async def status(method: str, path: str, who: Principal, size: int = 0) -> int:
        said = await opened.ask(method, path, who=who, content=bytes(size), headers=png)
        return said.status

    assert await status("PUT", "/box/ada/1", ADA, 1_000) == 201
    assert await status("PUT", "/box/ada/1", ADA, 999) == 201
    assert await status("PUT", "/box/ada/2", ADA, 1_001) == 403
    assert await status("PUT", "/box/bob/1", ADA, 1) == 403
    assert await status("PUT", "/box/ada/1", NOBODY, 1) == 403
    assert await status("GET", "/box/ada/1", NOBODY) == 200
    assert await status("DELETE", "/box/ada/1", NOBODY) == 403
    assert await status("DELETE", "/box/bob/1", ADA) == 404
    assert await status("GET", "/box/ada/", ADA) == 404
    assert await status("DELETE", "/box/ada/1", ADA) == 204
    actions = [action for action, _ in opened.rules.asked]
    assert actions[:2] == [Action.CREATE, Action.CREATE]  # Before a byte is taken, and after.
    assert actions[2:4] == [Action.UPDATE, Action.UPDATE]
    assert await opened.names() == []


async def test_rules_judge_what_came_and_not_only_what_was_announced() -> None:
    opened = Opened()
    opened.rules.judge = own_folder
    png = {"content-type": "image/png", "content-length": "10"}
    said = await opened.ask("PUT", "/box/ada/1", who=ADA, content=LARGE, headers=png)
    assert said.status == 413
    unsaid = {"content-type": "image/png", "content-length": ""}
    assert (await opened.ask("PUT", "/box/ada/1", who=ADA, headers=unsaid)).status == 400
    assert await opened.names() == []


async def test_rules_judge_an_upload_by_what_it_amounts_to() -> None:
    opened = Opened()
    opened.rules.judge = own_folder
    about = {"content_type": "image/png"}
    asked = msgspec.json.encode({"bucket": "box", "key": "ada/1", "about": about})
    begun = await opened.ask("POST", "/-/uploads", who=ADA, content=asked)
    upload = f"/-/uploads/{msgspec.json.decode(await whole(begun))['upload']}"
    assert (await opened.ask("PUT", f"{upload}/1", who=ADA, content=bytes(600))).status == 200
    assert (await opened.ask("PUT", f"{upload}/2", who=ADA, content=bytes(600))).status == 403
    assert (await opened.ask("PUT", f"{upload}/1", who=ADA, content=bytes(900))).status == 200
    assert (await opened.ask("PUT", f"{upload}/2", who=NOBODY, content=b"x")).status == 403
    assert (await opened.ask("POST", upload, who=NOBODY)).status == 403
    assert (await opened.ask("POST", upload, who=ADA)).status == 201
    assert (await opened.blobs.stat(SHOP, Naming(bucket="box", key="ada/1"))).blob.size == 900


async def test_rules_judged_what_was_there_and_it_must_still_be() -> None:
    opened = Opened()
    await put(opened, "ada/1", b"one")

    def change_meanwhile(who: Principal, action: Action, path: str, old: Facts, new: Facts) -> bool:
        return old is not None and old["size"] == 3

    async def content() -> AsyncIterator[bytes]:
        await put(opened, "ada/1", b"other")
        yield b"x"

    opened.rules.judge = change_meanwhile
    asked = Asked(
        app=SHOP,
        who=ADA,
        method="PUT",
        path="/blobs/box/ada/1",
        headers={"content-length": "1"},
        chunks=content,
    )
    assert (await opened.table.answer(asked)).status == 412
    held = await opened.blobs.stat(SHOP, Naming(bucket="box", key="ada/1"))
    assert held.blob.size == 5


async def test_users_list_what_rules_let_them() -> None:
    opened = Opened()
    for key in ("ada/1", "ada/deep/2", "bob/1"):
        await put(opened, key)

    def in_ada(who: Principal, action: Action, path: str, old: Facts, new: Facts) -> bool:
        """As a rule for ``box/ada/{name}`` would."""
        return action is Action.LIST and path == "box/ada/*"

    def below_ada(who: Principal, action: Action, path: str, old: Facts, new: Facts) -> bool:
        """As a rule for ``box/ada/**`` would."""
        return path.startswith("box/ada/")

    async def status(**query: str) -> int:
        return (await opened.ask("GET", "/box", who=ADA, query=query)).status

    opened.rules.judge = in_ada
    assert await status(prefix="ada/", delimiter="/") == 200
    for refused in (
        {"prefix": "ada/"},  # would tell of what is deeper
        {"prefix": "ada/deep/", "delimiter": "/"},
        {"prefix": "ad", "delimiter": "/"},
        {"delimiter": "/"},
        {},
    ):
        assert await status(**refused) == 403
    opened.rules.judge = below_ada
    assert await status(prefix="ada/") == 200
    assert await status(prefix="ada/deep/", delimiter="/") == 200
    assert await status(prefix="ada") == 403
    assert await status() == 403
    assert await status(prefix="ada/", versions="true") == 403
    for method, path in (("GET", ""), ("PUT", "/box"), ("DELETE", "/box"), ("POST", "/-/copy")):
        assert (await opened.ask(method, path, who=ADA)).status == 403
        assert (await opened.ask(method, path, who=NOBODY)).status == 401


async def test_what_was_let_go_is_removed_when_nobody_reads_it() -> None:
    opened = Opened()
    await put(opened, "a")
    said = await opened.ask("GET", "/box/a")
    assert not isinstance(said.body, bytes)
    parts = aiter(said.body)
    first = await anext(parts)
    await opened.ask("DELETE", "/box/a")
    await opened.clock.advance(3_600)
    assert await opened.sweeping.remove_garbage() == 0
    assert opened.streams.stats().reading == 1
    assert first + b"".join([part async for part in parts]) == LARGE
    stats = opened.streams.stats()
    assert (stats.bytes_in, stats.bytes_out, stats.reading) == (len(LARGE), len(LARGE), 0)
    assert await opened.sweeping.remove_garbage() == 1
    assert await opened.names() == []


async def test_somebody_about_to_read_has_a_moment() -> None:
    opened = Opened()
    await put(opened, "a")
    await opened.ask("DELETE", "/box/a")
    await opened.clock.advance(GRACE_S)
    assert await opened.sweeping.remove_garbage() == 0
    await opened.clock.advance(1)
    assert await opened.sweeping.remove_garbage() == 1


class _Nothing:
    def update(self, data: bytes) -> None:
        """Not summed up."""


async def test_leftovers_of_the_process_before_go_at_once_others_by_age() -> None:
    opened = Opened(began_at=ManualClock().now() + 5)
    await opened.bytes.write("LEFT", some(LARGE), _Nothing())
    await put(opened, "kept")
    await opened.clock.advance(10)
    await opened.bytes.write("NOW", some(LARGE), _Nothing())
    assert await opened.sweeping.remove_leftovers() == 1
    assert "NOW" in await opened.names()
    await opened.clock.advance(DAY_S + 1)
    assert await opened.sweeping.remove_leftovers() == 1
    assert len(await opened.names()) == 1


async def test_a_full_disk_keeps_nothing_and_says_so() -> None:
    opened = Opened(bytes_max=150_000)
    await put(opened, "a")
    with pytest.raises(StorageFull):
        await put(opened, "b")
    said = await opened.ask("PUT", "/box/b", content=LARGE)
    assert said.status == 507
    assert len(await opened.names()) == 1
    await put(opened, "little", b"fits")


async def test_lifecycle_expires_and_drops() -> None:
    opened = Opened()
    rules = (
        LifecycleRule(prefix="tmp/", expire_days=1),
        LifecycleRule(drop_old_days=2, keep_old_max=1, abort_upload_days=1),
    )
    bucket = Bucket(name="box", versioning=Versioning.ON, lifecycle=rules)
    await opened.blobs.put_bucket(SHOP, bucket)
    for text in (b"1", b"2", b"3"):
        await put(opened, "kept", text)
    await put(opened, "tmp/a")
    asked = msgspec.json.encode({"bucket": "box", "key": "up"})
    await opened.ask("POST", "/-/uploads", content=asked)

    async def left() -> list[tuple[str, bool]]:
        page = await opened.blobs.versions(SHOP, Listing(bucket="box"))
        return [(blob.key, blob.marker) for blob in page.blobs]

    await opened.clock.advance(DAY_S)
    await opened.sweeping.step()
    assert len(await left()) == 4
    await opened.clock.advance(1)
    assert await opened.lifecycle.step() == 2  # One expired, one upload given up.
    assert ("tmp/a", True) in await left()
    assert await opened.facts.uploads(SHOP, "box", count_max=10) == []
    await opened.clock.advance(DAY_S)
    assert await opened.lifecycle.step() == 1  # The oldest of three.
    await opened.clock.advance(2 * DAY_S)
    await opened.lifecycle.step()
    assert await left() == [("kept", False), ("kept", False), ("tmp/a", True), ("tmp/a", False)]


async def test_an_upload_that_nobody_ends_is_given_up() -> None:
    opened = Opened()
    asked = msgspec.json.encode({"bucket": "box", "key": "up"})
    await opened.ask("POST", "/-/uploads", content=asked)
    await opened.clock.advance(7 * DAY_S)
    assert await opened.lifecycle.step() == 0
    await opened.clock.advance(1)
    assert await opened.lifecycle.step() == 1
    assert await opened.facts.uploads(SHOP, "box", count_max=10) == []


async def test_the_loop_sweeps_each_minute() -> None:
    opened = Opened()
    await put(opened, "a")
    running = asyncio.create_task(opened.sweeping.run())
    await opened.ask("DELETE", "/box/a")
    await opened.clock.advance(GRACE_S + 61)
    assert await opened.names() == []
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_deleting_many_says_which_were_there() -> None:
    opened = Opened()
    for key in ("a", "b"):
        await put(opened, key)
    asked = msgspec.json.encode({"bucket": "box", "keys": ["a", "b", "c"]})
    said = await opened.ask("POST", "/-/delete", content=asked, who=OWNER)
    deleted = msgspec.json.decode(await whole(said))["deleted"]
    assert [one["key"] for one in deleted] == ["a", "b"]
    too_many = msgspec.json.encode({"bucket": "box", "keys": ["a"] * 1_001})
    assert (await opened.ask("POST", "/-/delete", content=too_many)).status == 400
