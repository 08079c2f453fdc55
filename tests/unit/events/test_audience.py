"""Who is live: by weights, for lines, and when it changes."""

from typing import Any

import pytest

from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.events.audience import Audience, Batching
from tapwater_server.model.errors import NotFound
from tapwater_server.model.event import Event
from tapwater_server.model.function import (
    Alias,
    Function,
    FunctionLimits,
    Kind,
    Revision,
    Style,
    Trigger,
)
from tapwater_server.model.ids import AppId, FunctionId, RevisionId

SHOP = AppId("shop")


def function(name: str, source: str = "event", **arguments: Any) -> Function:
    said = arguments or {"type": "a"}
    return Function(
        id=FunctionId(SHOP, name),
        kind=Kind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="",
        triggers=(Trigger(source=source, arguments=said),),
        limits=FunctionLimits(instances_max=3, concurrency=2),
    )


class Rig:
    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.audience = Audience(registry=self.registry)

    async def deploy(self, *functions: Function) -> RevisionId:
        number = await self.registry.next_number(SHOP)
        id = RevisionId(f"r{number}")
        revision = Revision(
            id=id,
            app=SHOP,
            number=number,
            created_at=0.0,
            bundle="",
            layer="",
            python="",
            functions=functions,
        )
        await self.registry.add_revision(revision, aliases=[])
        await self.point({id: 100})
        return id

    async def point(self, weights: dict[RevisionId, int]) -> None:
        await self.registry.set_alias(Alias(app=SHOP, name="live", weights=weights))

    def names(self, id: str) -> list[str]:
        event = Event(id=id, app=SHOP, type="a", source="/x")
        return [one.listener.function.id.name for one in self.audience.match(event)]


async def test_what_is_live_changes_at_once() -> None:
    rig = Rig()
    assert rig.names("e") == []
    await rig.deploy(function("f"))
    assert rig.names("e") == ["f"]
    await rig.deploy(function("g"))
    assert rig.names("e") == ["g"]


async def test_an_event_meets_one_revision_and_always_the_same() -> None:
    rig = Rig()
    old, new = await rig.deploy(function("old")), await rig.deploy(function("new"))
    await rig.point({old: 80, new: 20})
    seen = [rig.names(str(n)) for n in range(500)]
    assert seen == [rig.names(str(n)) for n in range(500)]
    assert 60 < seen.count(["new"]) < 140
    assert seen.count(["new"]) + seen.count(["old"]) == 500


async def test_who_serves_a_line() -> None:
    rig = Rig()
    await rig.deploy(
        function("f"),
        function("b", "batch", queue="q", size=7, window_s=2.0),
        function("t", "batch", topic="news", size=3),
    )
    plain = rig.audience.target("f:shop:f")
    assert plain is not None
    assert plain.function is not None
    assert (plain.seats, plain.batching, plain.queue) == (6, None, "")
    taken = rig.audience.target("q:shop:q")
    assert taken is not None
    assert (taken.queue, taken.batching) == ("q", Batching(size=7, window_s=2.0))
    topic = rig.audience.target("f:shop:t")
    assert topic is not None
    assert topic.batching == Batching(size=3, window_s=5.0)
    assert rig.audience.target("q:shop:other") is None
    gone = rig.audience.target("f:shop:gone")
    assert gone is not None
    assert gone.function is None


async def test_a_consumer_of_any_live_revision_will_do() -> None:
    rig = Rig()
    old = await rig.deploy(function("f"))
    new = await rig.deploy(function("f"), function("m", "message", queue="q"))
    await rig.point({old: 99, new: 1})
    assert rig.audience.consumer(SHOP, "q", by="x")[1].id.name == "m"
    with pytest.raises(NotFound):
        rig.audience.consumer(SHOP, "other", by="x")


async def test_a_pinned_revision_is_found_while_it_is_there() -> None:
    rig = Rig()
    old = await rig.deploy(function("f"))
    await rig.deploy(function("g"))
    id = FunctionId(SHOP, "f")
    assert rig.audience.pinned(id, old)[1].id == id
    for wrong in ("r9", "r2"):
        with pytest.raises(NotFound):
            rig.audience.pinned(id, wrong)
    with pytest.raises(NotFound):
        rig.audience.of_function(SHOP, "f", by="x")
