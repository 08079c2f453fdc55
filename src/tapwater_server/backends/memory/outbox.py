"""The outbox of e-mail, in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter, Stage
from tapwater_server.ports.mail import Settled


class MemoryOutbox:
    """See the promises of ``ports/mail.py``."""

    def __init__(self) -> None:
        self._letters: dict[tuple[AppId, str], Letter] = {}
        self._leased: set[tuple[AppId, str]] = set()
        self._accepted = asyncio.Event()

    async def accept(self, letter: Letter) -> bool:
        return self.record(letter)

    def record(self, letter: Letter) -> bool:
        if (letter.app, letter.id) in self._letters:
            return False
        self._letters[letter.app, letter.id] = letter
        self._accepted.set()
        return True

    async def lease(self, *, now: float, lease_s: float, count_max: int) -> Sequence[Letter]:
        self._accepted.clear()
        due = [one for one in self._letters.values() if _waits(one) and one.due_at <= now]
        due.sort(key=lambda one: (one.due_at, one.id))
        leased = [
            replace(one, attempt=one.attempt + 1, due_at=now + lease_s) for one in due[:count_max]
        ]
        for one in leased:
            self._letters[one.app, one.id] = one
            self._leased.add((one.app, one.id))
        return sorted(leased, key=lambda one: one.id)

    async def settle(self, letter: Letter, settled: Settled, *, now: float) -> bool:
        held = self._letters.get((letter.app, letter.id))
        if held is None or held.attempt != letter.attempt or not _waits(held):
            return False
        self._leased.discard((letter.app, letter.id))
        self._letters[letter.app, letter.id] = replace(
            held,
            stage=settled.stage,
            reason=settled.reason,
            due_at=settled.due_at,
            settled_at=0.0 if settled.stage is Stage.WAITING else now,
        )
        return True

    async def reclaim(self, *, now: float) -> int:
        held = [key for key in self._leased if key in self._letters and _waits(self._letters[key])]
        for key in held:
            self._letters[key] = replace(self._letters[key], due_at=now)
        self._leased.clear()
        return len(held)

    async def next_due(self) -> float | None:
        return min((one.due_at for one in self._letters.values() if _waits(one)), default=None)

    async def wait_accepted(self) -> None:
        await self._accepted.wait()

    async def find(self, app: AppId, id: str) -> Letter | None:
        return self._letters.get((app, id))

    async def list(
        self, app: AppId, *, stage: Stage | None = None, after: str = "", count_max: int = 100
    ) -> "Sequence[Letter]":
        fitting = [
            replace(one, raw=b"")
            for one in sorted(self._letters.values(), key=lambda one: one.id, reverse=True)
            if one.app == app and stage in (None, one.stage) and (not after or one.id < after)
        ]
        return fitting[:count_max]

    async def revive(self, app: AppId, id: str, *, now: float) -> bool:
        held = self._letters.get((app, id))
        if held is None or held.stage is not Stage.DEAD:
            return False
        self._letters[app, id] = replace(
            held, stage=Stage.WAITING, attempt=0, due_at=now, settled_at=0.0
        )
        self._accepted.set()
        return True

    async def drop(self, app: AppId, id: str) -> bool:
        return self._letters.pop((app, id), None) is not None

    async def sweep(self, *, before: float) -> int:
        gone = [
            key
            for key, one in self._letters.items()
            if one.stage in (Stage.SENT, Stage.KEPT) and one.settled_at < before
        ]
        for key in gone:
            del self._letters[key]
        return len(gone)

    async def erase(self, app: AppId) -> None:
        for key in [key for key in self._letters if key[0] == app]:
            del self._letters[key]


def _waits(letter: Letter) -> bool:
    return letter.stage is Stage.WAITING
