"""How often a client may fail to sign in: buckets by network, for this node."""

from collections import OrderedDict

from tapwater_server.model.errors import RateLimited
from tapwater_server.ports.clock import Clock
from tapwater_server.web.networks import network_of

BURST = 10  # Failures at once,
EACH_S = 6.0  # and then one each so many seconds.
CLIENTS_MAX = 10_000  # Beyond this the longest quiet ones are forgotten.


class Attempts:
    """Counts failures. Who succeeds pays nothing."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, when

    def check(self, client: str) -> None:
        """Let go on who has not failed too often.

        Raises:
            RateLimited: they have; it says when they may again.
        """
        level = self._level(network_of(client))
        if level < 1.0:
            wait_s = (1.0 - level) * EACH_S
            raise RateLimited("too many attempts: wait a little", retry_after_s=wait_s)

    def failed(self, client: str) -> None:
        """Count one."""
        name = network_of(client)
        self._left[name] = (max(0.0, self._level(name) - 1.0), self._clock.monotonic())
        self._left.move_to_end(name)
        if len(self._left) > CLIENTS_MAX:
            self._left.popitem(last=False)

    def _level(self, name: str) -> float:
        level, at = self._left.get(name, (float(BURST), 0.0))
        return min(float(BURST), level + (self._clock.monotonic() - at) / EACH_S)
