"""The first few of a query, live: right after each change, and not more often than needed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tapwater_server.model.document.query import Order, Query
from tapwater_server.model.document.write import Kind
from tapwater_server.model.errors import Invalid
from tapwater_server.services.docs.hub import ALIVE_S, BUFFER_MAX, Frame
from tapwater_server.services.docs.leading import PAUSE_S, TOP_MAX, USER_S_MAX
from tapwater_server.testing.clock import settle
from tests.unit.services.docs.ruled import ANN, APP, House, said, write

BEST = Query(collection="notes", order_by=(Order(("n",), descending=True),))


class Follower:
    """Takes what is told."""

    def __init__(self, house: House, frames: AsyncGenerator[Frame, None]) -> None:
        self._house, self._frames = house, frames

    async def next(self) -> Any:
        return said(await anext(self._frames))

    async def ids(self) -> list[str]:
        """Give the next list, once the pause is over."""
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self.next())
            await self._house.told()
            await self._house.clock.advance(PAUSE_S)
            await settle()
        return [each["id"] for each in waiting.result()["documents"]]

    async def close(self) -> None:
        await self._frames.aclose()


@pytest.fixture
async def house() -> House:
    house = House()
    for n in range(4):
        await house.put(f"notes/{n}", owner="ann", n=n)
    return house


async def test_the_next_one_moves_up(house: House) -> None:
    follower = Follower(house, await house.watching.open(APP, BEST, "", top=2))
    assert await follower.ids() == ["3", "2"]
    await house.service.commit(APP, [write("notes/3", Kind.DELETE)])
    assert await follower.ids() == ["2", "1"]
    await house.put("notes/9", owner="ann", n=9)
    assert await follower.ids() == ["9", "2"]
    # What is below does not matter, and much at once is told once.
    await house.put("notes/0", owner="ann", n=-1)
    for n in range(BUFFER_MAX + 5):
        await house.put("notes/9", owner="ann", n=9 + n)
    assert await follower.ids() == ["9", "2"]
    await follower.close()
    assert house.hub.listeners == 0


async def test_only_what_may_be_listed(house: House) -> None:
    await house.put("notes/8", owner="bob", n=8)
    follower = Follower(house, await house.watching.open(ANN, BEST, "", top=2))
    assert await follower.ids() == ["3", "2"]
    await house.put("notes/7", owner="bob", n=7)
    await house.put("notes/3", owner="bob", n=3)
    assert await follower.ids() == ["2", "1"]
    await house.clock.advance(USER_S_MAX)
    await house.put("notes/2", owner="ann", n=4)
    await house.told()
    assert (await follower.next())["type"] == "closed"
    await follower.close()
    assert house.hub.listeners == 0


async def test_a_sign_of_life(house: House) -> None:
    follower = Follower(house, await house.watching.open(APP, BEST, "", top=2))
    await follower.next()
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(house.hub.run_beat())
        waiting = group.create_task(follower.next())
        await house.clock.advance(ALIVE_S)
        assert await waiting == {"type": "alive", "token": ""}
        beating.cancel()
    await follower.close()


@pytest.mark.parametrize("top", [-1, TOP_MAX + 1])
async def test_what_makes_no_sense(house: House, top: int) -> None:
    with pytest.raises(Invalid):
        await house.watching.open(APP, BEST, "", top=top)
    with pytest.raises(Invalid):
        await house.watching.open(APP, write("notes/1").path, "", top=1)
    assert house.hub.listeners == 0


async def test_it_ends_with_its_app(house: House) -> None:
    frames = await house.watching.open(APP, BEST, "", top=2)
    await anext(frames)
    await house.service.commit(APP, [write("notes/3", Kind.DELETE)])
    await house.told()
    house.hub.end(APP.app)
    async with asyncio.TaskGroup() as group:
        rest = group.create_task(_all(frames))
        await settle()
        await house.clock.advance(PAUSE_S)
    assert rest.result() == []
    assert house.hub.listeners == 0


async def _all(frames: AsyncGenerator[Frame, None]) -> list[Frame]:
    return [frame async for frame in frames]
