"""Sessions of the dashboard in memory."""

from tapwater_server.model.ids import AppId
from tapwater_server.ports.sessions import HeldSession, alike, superfluous, too_old, used


class MemorySessions:
    """See the promises of ``ports/sessions.py``."""

    def __init__(self) -> None:
        self._held: dict[bytes, HeldSession] = {}

    async def open(self, session: HeldSession) -> None:
        self._held[session.hash] = session
        for hash in superfluous(self._held):
            del self._held[hash]

    def find(self, hash: bytes) -> HeldSession | None:
        return self._held.get(hash)

    def use(self, hash: bytes, *, at: float) -> None:
        session = used(self._held, hash, at=at)
        if session is not None:
            self._held[hash] = session

    async def end(self, hash: bytes) -> bool:
        return self._held.pop(hash, None) is not None

    async def end_alike(self, hash: bytes) -> int:
        gone = list(alike(self._held, hash))
        for one in gone:
            del self._held[one]
        return len(gone)

    async def sweep(self, *, unused_since: float, opened_before: float) -> int:
        old = list(too_old(self._held, unused_since=unused_since, opened_before=opened_before))
        for hash in old:
            del self._held[hash]
        return len(old)

    def forget(self, app: AppId) -> None:
        """The app is gone."""
        for session in [one for one in self._held.values() if one.app == app]:
            del self._held[session.hash]
