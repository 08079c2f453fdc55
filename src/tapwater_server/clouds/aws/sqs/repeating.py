"""Receiving again what a broken connection kept from arriving: ReceiveRequestAttemptId."""

from collections.abc import Sequence

from tapwater_server.ports.bus import Bus, Delivery
from tapwater_server.ports.clock import Clock

KEPT_S = 300.0
KEPT_MAX = 10_000


class Repeats:
    """Keeps, for five minutes, which attempt got which messages."""

    def __init__(self, *, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._kept: dict[tuple[str, str], tuple[float, Sequence[Delivery]]] = {}

    def keep(self, line: str, attempt: str, deliveries: Sequence[Delivery]) -> None:
        """Remember what an attempt got."""
        now = self._clock.now()
        self._kept[line, attempt] = (now, deliveries)
        while len(self._kept) > KEPT_MAX or self._oldest() < now - KEPT_S:
            del self._kept[next(iter(self._kept))]

    async def again(
        self, line: str, attempt: str, *, visibility_s: float
    ) -> Sequence[Delivery] | None:
        """Give the same once more, hidden anew, if all of it is still held; None: it is not."""
        at, deliveries = self._kept.get((line, attempt), (0.0, ()))
        if not deliveries or at < self._clock.now() - KEPT_S:
            return None
        extended = [await self._bus.extend(one, lease_s=visibility_s) for one in deliveries]
        held = [one for one in extended if one is not None]
        return held if len(held) == len(deliveries) else None

    def _oldest(self) -> float:
        return next(iter(self._kept.values()))[0] if self._kept else float("inf")
