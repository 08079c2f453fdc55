"""What ports/preparer.py promises, of the zygotes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.testing.clock import settle
from tapwater_server.testing.world import World, a_function, image_of

R1 = RevisionId("r1")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def a_revision(*functions: Function) -> Revision:
    return Revision(
        id=R1,
        app=AppId("shop"),
        number=1,
        created_at=0.0,
        bundle="b",
        layer="",
        python="3.11",
        functions=functions,
    )


async def test_pre_1_the_manifest_comes_back(world: World) -> None:
    world.sandbox.manifest = {"kind": "restful", "threads": [], "connections": 0, "n": 1}
    prepared = await world.zygotes.prepare(image_of(R1, a_function()))
    assert prepared.manifest["n"] == 1
    assert prepared.warnings == ()
    await world.zygotes.discard([prepared])


async def test_pre_1_a_module_that_fails_raises(world: World) -> None:
    world.sandbox.failure = "SyntaxError"
    with pytest.raises(StartFailed, match="SyntaxError"):
        await world.zygotes.prepare(image_of(R1, a_function()))


@pytest.mark.parametrize("left", [{"threads": ["Timer-1"]}, {"connections": 2}])
async def test_pre_1_what_cannot_be_forked_is_imported_after(
    world: World, left: dict[str, object]
) -> None:
    world.sandbox.manifest |= left
    prepared = await world.zygotes.prepare(image_of(R1, a_function()))
    first, second = world.sandbox.opened
    assert first.closed
    assert second.image.after_fork_import
    assert prepared.manifest["after_fork_import"] is True
    assert "does not survive" in prepared.warnings[0]
    await world.zygotes.discard([prepared])


async def test_pre_2_adopted_zygotes_are_forked_from(world: World) -> None:
    function = a_function()
    prepared = await world.zygotes.prepare(image_of(R1, function))
    world.zygotes.adopt(a_revision(function), function, prepared)
    watched = world.start(function)
    await settle()
    assert watched.ending == "ok"
    assert len(world.sandbox.opened) == 1


async def test_pre_2_discarded_zygotes_are_closed(world: World) -> None:
    prepared = await world.zygotes.prepare(image_of(R1, a_function()))
    await world.zygotes.discard([prepared])
    assert world.sandbox.opened[0].closed
    assert world.zygotes.stats().open == 0


async def test_pre_2_a_forgotten_revision_ends_when_idle(world: World) -> None:
    world.sandbox.script = world.taking(lambda _: 3.0)
    function = a_function()
    running = world.start(function)
    await settle()
    await world.zygotes.forget(a_revision(function))
    assert world.sandbox.opened[0].closed
    await world.run(1.5)
    assert len(world.sandbox.alive()) == 1
    await world.run(4.0)
    assert running.ending == "ok"
    assert world.sandbox.alive() == []


async def test_one_zygote_however_many_ask(world: World) -> None:
    function = a_function()
    await asyncio.gather(*[world.zygotes.get(R1, function) for _ in range(5)])
    assert len(world.sandbox.opened) == 1


async def test_a_dead_zygote_is_rebuilt(world: World) -> None:
    function = a_function(instances_max=5)
    world.start(function)
    await settle()
    world.sandbox.opened[0].die()
    await world.zygotes.get(R1, function)
    assert len(world.sandbox.opened) == 2
    assert world.zygotes.stats().rebuilt == 2


async def test_relief_closes_the_least_worth_first(world: World) -> None:
    rare, often = a_function("a/rare"), a_function("a/often")
    for function in (rare, often, often, often):
        await world.zygotes.get(R1, function)
    freed = await world.zygotes.relieve(1)
    assert freed == 4 << 20
    assert [zygote.closed for zygote in world.sandbox.opened] == [True, False]
