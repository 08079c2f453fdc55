"""How much of an app's answers may be kept: anybody may send keys, and the disk is everybody's."""

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.services.idempotency.answers import KEEP_S

APP_BYTES_MAX = 1 << 30  # Kept of one app at a time, as far as this process knows.
ROW_BYTES = 512  # What a key costs besides its answer.
_HOUR_S = 3600.0


class Budget:
    """Counts by the hour what was written in the last day; begins anew with the process."""

    def __init__(self, *, clock: Clock, app_bytes_max: int = APP_BYTES_MAX) -> None:
        self._clock, self._app_bytes_max = clock, app_bytes_max
        self._spent: dict[AppId, dict[int, int]] = {}

    def take(self, app: AppId, size: int) -> bool:
        """Take room for one answer; False: there is none until older ones are over."""
        hour = int(self._clock.now() // _HOUR_S)
        oldest = hour - int(KEEP_S // _HOUR_S)
        hours = self._spent.setdefault(app, {})
        for over in [one for one in hours if one < oldest]:
            del hours[over]
        size += ROW_BYTES
        if sum(hours.values()) + size > self._app_bytes_max:
            return False
        hours[hour] = hours.get(hour, 0) + size
        return True
