"""Apps that are gone, and what their last calls leave behind when they end after that."""

from collections.abc import Awaitable, Callable

from tapwater_server.model.ids import AppId
from tapwater_server.services.seeing.pulse import Beat

APPS_MAX = 10_000  # That went since the start; the first is forgotten first.


class Leavings:
    """``erase`` keeps nothing of an app; what came afterwards goes with the next ``sweep``."""

    def __init__(
        self, *, erase: Callable[[AppId], Awaitable[None]], exists: Callable[[AppId], bool]
    ) -> None:
        self._erase, self._exists = erase, exists
        self._gone: dict[AppId, None] = {}
        self._late: set[AppId] = set()
        self._swept: set[AppId] = set()

    def note(self, beat: Beat) -> None:
        """Look whether a call of a second was of an app that is gone."""
        if self._gone:
            self._late |= {AppId(app) for app, _ in beat.seen} & self._gone.keys()

    async def erase(self, app: AppId) -> None:
        self._gone[app] = None
        if len(self._gone) > APPS_MAX:
            del self._gone[next(iter(self._gone))]
        await self._erase(app)

    async def sweep(self) -> None:
        """Erase again what has come. Who is there again under that name keeps what is theirs."""
        for app in sorted(self._late | self._swept):
            if self._exists(app):
                self._gone.pop(app, None)
            else:
                await self._erase(app)
        # Twice: what was told with the last second may be on its way to the disk.
        self._late, self._swept = set(), self._late
