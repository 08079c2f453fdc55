"""Events of this node: publishing and replay, webhooks, and what is done once."""

from collections.abc import Sequence

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.events.audience import Audience
from tapwater_server.events.matching import errand_of
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.services.events.http import EventsApi
from tapwater_server.services.events.once import OnceApi
from tapwater_server.services.events.service import EventService
from tapwater_server.services.events.webhooks import WebhooksApi


class LiveMatching:
    """The event line's matching, for who replays events or asks after their deliveries."""

    def __init__(self, *, audience: Audience, clock: Clock) -> None:
        self._audience, self._clock = audience, clock

    def errands(self, event: Event, *, function: str = "", salt: str = "") -> Sequence[Errand]:
        now = self._clock.now()
        found = self._audience.match_all(event, function=function)
        return [errand_of(match, event, now=now, salt=salt) for match in found]


async def open(ground: Ground) -> Part:
    """Build the services on the bus and the log."""
    stores, clock, ids = ground.stores, ground.clock, ground.ids
    matching = LiveMatching(audience=Audience(registry=stores.registry), clock=clock)
    service = EventService(
        log=stores.eventlog,
        bus=stores.bus,
        matching=matching,
        registry=stores.registry,
        clock=clock,
        ids=ids,
    )
    webhooks = WebhooksApi(
        registry=stores.registry,
        secrets=stores.secrets,
        log=stores.eventlog,
        clock=clock,
        ids=ids,
    )

    async def erase(app: AppId) -> None:
        await stores.bus.erase(app)
        await stores.eventlog.erase(app)
        await stores.once.erase(app)

    async def sweep() -> None:
        await stores.once.sweep()

    return Part(
        name="events",
        endpoints=(
            *EventsApi(service=service, clock=clock, ids=ids).endpoints(),
            *OnceApi(once=stores.once).endpoints(),
            *webhooks.endpoints(),
        ),
        erase=erase,
        sweep=sweep,
        service=service,
    )
