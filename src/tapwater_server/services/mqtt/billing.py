"""What clients of MQTT sent and were sent goes on the bill, once a second and at the end."""

from collections.abc import Callable, Mapping

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter, Use
from tapwater_server.services.mqtt.spaces import Space

EVERY_S = 1.0
UNTOLD_MAX = 100  # Messages of an app, where it has budgets: so far past them it may get.


class Billing:
    """A loop with a step. A message costs an addition; what was told is remembered here.

    Messages over HTTP, and of functions, are counted where they are asked for.
    """

    def __init__(
        self, *, spaces: Callable[[], Mapping[AppId, Space]], meter: Meter, clock: Clock
    ) -> None:
        self._spaces, self._meter, self._clock = spaces, meter, clock

    async def run(self) -> None:
        """Tell once a second, until cancelled; then once more."""
        try:
            while True:
                await self._clock.sleep(EVERY_S)
                self.step()
        finally:
            self.step()

    def step(self) -> int:
        """Tell what is new; say how many messages that is."""
        return sum(self._tell(app, space) for app, space in self._spaces().items())

    def tell(self, app: AppId) -> None:
        """Tell of an app at once if much of it is untold; its budgets are to be asked."""
        space = self._spaces().get(app)
        if space is not None and space.client_messages >= UNTOLD_MAX:
            self._tell(app, space)

    def _tell(self, app: AppId, space: Space) -> int:
        count, space.client_messages = space.client_messages, 0
        if count:
            now = self._clock.now()
            self._meter.use(Use(at=now, app=app, quantity="mqtt_messages", amount=count))
        return count
