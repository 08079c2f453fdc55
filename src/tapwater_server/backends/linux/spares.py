"""Instances forked ahead: of the functions used last that have no instance now, one each.

A spare is confined and limited, and waits for the word to go on: it has run none of the function's
code but what its zygote had. So the first call after a pause waits for no fork, whatever the module
imports. It costs what an idle instance costs, a megabyte or two, and so only a few have one.
"""

import asyncio
from typing import Protocol

from tapwater_server.model.function import FunctionLimits

AFTER_S = 0.05  # A deploy or a burst that is just over needs the processors itself.


class Source(Protocol):
    """A zygote."""

    async def make_spare(self, limits: FunctionLimits) -> bool: ...

    def drop_spare(self) -> None: ...


class Spares:
    """Decides which zygotes have one: the last ``most`` that had nothing to do."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._kept: dict[Source, None] = {}  # in the order of use, the last one last
        self._timers: dict[Source, asyncio.TimerHandle] = {}
        self._making: set[asyncio.Task[bool]] = set()

    def want(self, zygote: Source, limits: FunctionLimits) -> None:
        """This one has no instance (any more): give it a spare soon; the oldest loses its own."""
        if self._most < 1:
            return
        self.forget(zygote)
        self._kept[zygote] = None
        while len(self._kept) > self._most:
            oldest = next(iter(self._kept))
            self.forget(oldest)
            oldest.drop_spare()
        loop = asyncio.get_running_loop()
        self._timers[zygote] = loop.call_later(AFTER_S, self._make, zygote, limits)

    def forget(self, zygote: Source) -> None:
        """It is gone, or has lost its turn."""
        self._kept.pop(zygote, None)
        timer = self._timers.pop(zygote, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Make no more."""
        self._most = 0
        for zygote in tuple(self._kept):
            self.forget(zygote)

    def __len__(self) -> int:
        return len(self._kept)

    def _make(self, zygote: Source, limits: FunctionLimits) -> None:
        self._timers.pop(zygote, None)
        making = asyncio.get_running_loop().create_task(zygote.make_spare(limits))
        self._making.add(making)
        making.add_done_callback(lambda made: self._made(zygote, made))

    def _made(self, zygote: Source, making: asyncio.Task[bool]) -> None:
        self._making.discard(making)
        if zygote not in self._kept:
            zygote.drop_spare()  # It has lost its turn meanwhile.
