"""Which zygotes have an instance forked ahead."""

import asyncio

import pytest

from tapwater_server.backends.linux import spares
from tapwater_server.backends.linux.spares import Spares
from tapwater_server.model.function import FunctionLimits

LIMITS = FunctionLimits()


class Zygote:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.made = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.makes = self.drops = 0

    async def make_spare(self, limits: FunctionLimits) -> bool:
        assert limits is LIMITS
        self.makes += 1
        self.made.set()
        await self.go_on.wait()
        return True

    def drop_spare(self) -> None:
        self.drops += 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "AFTER_S", 0.0)


async def made(zygote: Zygote) -> None:
    async with asyncio.timeout(5):
        await zygote.made.wait()


async def test_who_has_nothing_to_do_gets_one() -> None:
    zygote, kept = Zygote(), Spares(most=1)
    kept.want(zygote, LIMITS)
    await made(zygote)
    assert (zygote.makes, zygote.drops) == (1, 0)


async def test_the_one_used_longest_ago_loses_its_own() -> None:
    first, second, kept = Zygote(), Zygote(), Spares(most=1)
    kept.want(first, LIMITS)
    await made(first)
    kept.want(second, LIMITS)
    assert first.drops == 1
    await made(second)
    assert len(kept) == 1


async def test_who_lost_its_turn_while_one_was_made_keeps_none() -> None:
    slow, other, kept = Zygote(), Zygote(), Spares(most=1)
    slow.go_on.clear()
    kept.want(slow, LIMITS)
    await made(slow)
    kept.want(other, LIMITS)
    before = slow.drops
    slow.go_on.set()
    await made(other)
    assert slow.drops == before + 1


async def test_none_are_made_where_none_are_wanted_or_after_the_stop() -> None:
    zygote = Zygote()
    Spares(most=0).want(zygote, LIMITS)
    stopped = Spares(most=1)
    stopped.want(zygote, LIMITS)
    stopped.stop()
    other, going = Zygote(), Spares(most=1)
    going.want(other, LIMITS)
    await made(other)
    assert zygote.makes == 0
