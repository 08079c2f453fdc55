"""Facts in memory: the reference, and for tests."""

from collections.abc import Sequence

import msgspec

from tapwater_server.ports.facts import Fact, HeldFacts, Put, Step, check_size, check_version


class MemoryFacts:
    """See the promises of ``ports/facts.py``."""

    def __init__(self) -> None:
        self._held = HeldFacts()
        self.get, self.list, self.spaces = self._held.get, self._held.list, self._held.spaces

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        ahead: dict[tuple[str, str], int] = {}
        facts: list[Fact | None] = []
        for step in steps:
            place = (step.kind, step.key)
            found = self._held.get(space, *place)
            version = ahead.get(place, 0 if found is None else found.version)
            check_version(step, version)
            facts.append(_made(step, version))
            ahead[place] = version + 1 if isinstance(step, Put) else 0
        for step, fact in zip(steps, facts, strict=True):
            if fact is None:
                self._held.drop(space, step.kind, step.key)
            else:
                self._held.put(space, step.kind, fact)

    async def erase(self, space: str) -> None:
        self._held.erase(space)


def _made(step: Step, version: int) -> Fact | None:
    if not isinstance(step, Put):
        return None
    raw = msgspec.json.encode(step.value)
    check_size(step.key, raw)
    return Fact(key=step.key, value=msgspec.json.decode(raw), version=version + 1)
