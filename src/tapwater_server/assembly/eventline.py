"""The event line: log → relay → bus → dispatcher → the door. The second wiring diagram."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from tapwater_server.assembly.places import open_places
from tapwater_server.assembly.stores import Stores
from tapwater_server.events.audience import Audience
from tapwater_server.events.chains import Chains
from tapwater_server.events.delivering import Delivering
from tapwater_server.events.destinations import Places
from tapwater_server.events.dispatcher import Dispatcher, never_closed
from tapwater_server.events.ends import Ends, PlainPlaces
from tapwater_server.events.notices import Logs, Notices
from tapwater_server.events.relay import Relay
from tapwater_server.events.settling import Settling
from tapwater_server.events.telling import Telling
from tapwater_server.model.masking import mask_text
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.listening import Listening
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.tracing import Spans, unseen


class Closing(Protocol):
    """Whoever keeps functions from being called for a while: budgets."""

    def is_closed(self, app: str, function: str) -> bool: ...

    def when_opened(self, told: Callable[[], None]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """Both loops: what happened becomes errands, errands become calls."""

    relay: Relay
    dispatcher: Dispatcher

    def loops(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What must run while the node serves; to be taken once."""
        return self.relay.run(), self.dispatcher.run()


def open_event_line(
    stores: Stores,
    invoker: Invoker,
    *,
    budgets: Closing,
    listening: Listening,
    clock: Clock,
    ids: IdSource,
) -> EventLine:
    """Assemble it on the node's stores."""
    return event_line(
        bus=stores.bus,
        log=stores.eventlog,
        registry=stores.registry,
        invoker=invoker,
        clock=clock,
        ids=ids,
        logs=stores.masked.log,
        spans=stores.masked.span,
        masked=lambda app, text: mask_text(text, stores.known.of(app)),
        budgets=budgets,
        places=open_places(stores, clock=clock, ids=ids),
        listening=listening,
    )


def event_line(
    *,
    bus: Bus,
    log: EventLog,
    registry: Registry,
    invoker: Invoker,
    clock: Clock,
    ids: IdSource,
    logs: Logs,
    spans: Spans = unseen,
    masked: Callable[[str, str], str] | None = None,
    budgets: Closing | None = None,
    places: Places | None = None,
    listening: Listening | None = None,
) -> EventLine:
    """Assemble it of its ports; simulations do so with theirs."""
    listening = listening or Listening()
    audience = Audience(registry=registry, listening=listening)
    telling = Telling(audience=audience, log=log, clock=clock, ids=ids)
    settling = Settling(bus=bus, clock=clock)
    places = places or PlainPlaces(bus=bus, log=log, clock=clock)
    delivering = Delivering(
        invoker=invoker,
        telling=telling,
        settling=settling,
        ends=Ends(bus=bus, places=places, telling=telling, clock=clock),
        chains=Chains(log=log),
        notices=Notices(logs=logs, clock=clock),
        clock=clock,
        ids=ids,
        spans=spans,
        masked=masked,
    )
    dispatcher = Dispatcher(
        bus=bus,
        audience=audience,
        delivering=delivering,
        settling=settling,
        clock=clock,
        closed=never_closed if budgets is None else budgets.is_closed,
    )
    if budgets is not None:
        budgets.when_opened(dispatcher.look_again)
    registry.watch(lambda _: dispatcher.look_again())
    listening.watch(dispatcher.look_again)
    relay = Relay(log=log, bus=bus, audience=audience, clock=clock, spans=spans)
    return EventLine(relay=relay, dispatcher=dispatcher)
