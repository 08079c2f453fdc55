"""What was done once already, in memory."""

from dataclasses import dataclass

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.once import Already, Begun, Busy, First


@dataclass(slots=True, kw_only=True)
class _Held:
    token: str  # empty: it has been done
    until: float
    result: bytes = b""


class MemoryOnce:
    """See the promises of ``ports/once.py``."""

    def __init__(self, *, clock: Clock, ids: IdSource) -> None:
        self._clock, self._ids = clock, ids
        self._held: dict[tuple[AppId, str, str], _Held] = {}

    async def begin(self, app: AppId, scope: str, key: str, *, lease_s: float) -> Begun:
        place, now = (app, scope, key), self._clock.now()
        held = self._held.get(place)
        if held is None or held.until <= now:
            token = self._ids.fresh()
            self._held[place] = _Held(token=token, until=now + lease_s)
            return First(token)
        return Busy(held.until) if held.token else Already(held.result)

    async def commit(
        self,
        app: AppId,
        scope: str,
        key: str,
        token: str,
        *,
        keep_s: float,
        result: bytes = b"",
    ) -> bool:
        held = self._mine(app, scope, key, token)
        if held is None:
            return False
        held.token, held.result = "", result
        held.until = self._clock.now() + keep_s
        return True

    async def release(self, app: AppId, scope: str, key: str, token: str) -> bool:
        if self._mine(app, scope, key, token) is None:
            return False
        del self._held[app, scope, key]
        return True

    async def reclaim(self) -> int:
        begun = [place for place, held in self._held.items() if held.token]
        for place in begun:
            del self._held[place]
        return len(begun)

    async def sweep(self) -> int:
        now = self._clock.now()
        over = [place for place, held in self._held.items() if held.until <= now]
        for place in over:
            del self._held[place]
        return len(over)

    async def erase(self, app: AppId) -> None:
        self._held = {place: held for place, held in self._held.items() if place[0] != app}

    def _mine(self, app: AppId, scope: str, key: str, token: str) -> _Held | None:
        held = self._held.get((app, scope, key))
        return held if held is not None and token and held.token == token else None
