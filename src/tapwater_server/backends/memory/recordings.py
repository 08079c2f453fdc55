"""Recordings in memory: the reference."""

from collections.abc import Sequence

import msgspec

from tapwater_server.model.ids import AppId
from tapwater_server.model.recording import Glance, Recording
from tapwater_server.ports.recordings import Wanted


class MemoryRecordings:
    """See the promises of ``ports/recordings.py``."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Recording, int]] = {}

    async def put(self, recordings: Sequence[Recording]) -> None:
        for one in recordings:
            self._kept[one.id] = (one, len(msgspec.msgpack.encode(one)))

    async def get(self, id: str) -> Recording | None:
        found = self._kept.get(id)
        return found[0] if found is not None else None

    async def find(self, wanted: Wanted) -> Sequence[Glance]:
        fitting = [
            _glance(one, size)
            for one, size in self._kept.values()
            if (wanted.app is None or one.app == wanted.app)
            and (wanted.function is None or one.function == wanted.function)
            and (wanted.before is None or one.id < wanted.before)
        ]
        return sorted(fitting, key=lambda one: one.id, reverse=True)[: wanted.count_max]

    async def sweep(self, *, older_than: float, bytes_max: int, each_max: int) -> int:
        before = len(self._kept)
        left_bytes, counts = bytes_max, dict[tuple[str, str], int]()
        full = False
        for id in sorted(self._kept, reverse=True):
            one, size = self._kept[id]
            key = (one.app, one.function)
            counts[key] = counts.get(key, 0) + 1
            too_many = one.at < older_than or counts[key] > each_max
            if not too_many:
                left_bytes -= size
                full = full or left_bytes < 0
            if too_many or full:
                del self._kept[id]
        return before - len(self._kept)

    async def erase(self, app: AppId) -> None:
        self._kept = {id: kept for id, kept in self._kept.items() if kept[0].app != app}


def _glance(one: Recording, size: int) -> Glance:
    return Glance(
        id=one.id,
        at=one.at,
        why=one.why,
        app=one.app,
        function=one.function,
        revision=one.revision,
        method=one.method,
        path=one.root_path + one.path,
        ending=one.ending,
        status=one.status,
        replay_of=one.replay_of,
        size_bytes=size,
    )
