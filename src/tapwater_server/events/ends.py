"""Tells the ends of deliveries where the user wants them told; durable before this returns."""

from collections.abc import Callable

from tapwater_server.events.audience import Target
from tapwater_server.events.destinations import (
    Chain,
    End,
    Places,
    announcement,
    chain_of,
    errand_for,
    told,
)
from tapwater_server.events.telling import Telling
from tapwater_server.model.errors import NotFound, Overloaded, StorageFull
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message, pack_attributes
from tapwater_server.ports.bus import Bus, Delivery, Errand, queue_line
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog

TRIES_MAX = 60  # Where there is no room, it is tried again: to run the function again is worse.
TRY_S_MAX = 1.0


class Ends:
    """Publishes ends to queues, functions and topics."""

    def __init__(self, *, bus: Bus, places: Places, telling: Telling, clock: Clock) -> None:
        self._bus, self._places = bus, places
        self._telling, self._clock = telling, clock

    async def tell(
        self, where: str, make: Callable[[bytes], End], delivery: Delivery, target: Target
    ) -> None:
        """Tell an end, if there is where to tell it.

        Raises:
            TapwaterError: it is refused there, or there has been no room for a minute.
        """
        if not where:
            return
        end = make(await self._body(delivery, target))
        chain = chain_of(end)
        if chain is None:
            return  # A loop of functions that tell each other of their ends stops here.
        for _ in range(TRIES_MAX - 1):
            try:
                await self._publish(where, end, chain)
            except Overloaded as error:
                await self._clock.sleep(min(error.retry_after_s, TRY_S_MAX))
            except StorageFull:
                await self._clock.sleep(TRY_S_MAX)
            else:
                return
        await self._publish(where, end, chain)

    async def _publish(self, where: str, end: End, chain: Chain) -> None:
        delivery = end.delivery
        app = AppId(delivery.errand.app)
        kind, _, name = where.partition(":")
        if kind == "function":
            await self._bus.publish([errand_for(end, chain, name, now=self._clock.now())])
        elif kind == "queue":
            await self._places.send(app, name, Message(body=told(end)), chain)
        else:
            await self._places.announce(app, name, Message(body=told(end)), chain)

    async def _body(self, delivery: Delivery, target: Target) -> bytes:
        try:
            return await self._telling.body(delivery, target)
        except NotFound:
            return b"null"


class PlainPlaces:
    """Queues and topics as the bus and the log have them."""

    def __init__(self, *, bus: Bus, log: EventLog, clock: Clock) -> None:
        self._bus, self._log, self._clock = bus, log, clock

    async def send(self, app: AppId, queue: str, message: Message, chain: Chain) -> None:
        errand = Errand(
            id=chain.id,
            app=app,
            line=queue_line(app, queue),
            body=message.body,
            attributes=pack_attributes(message),
            root=chain.root,
            depth=chain.depth,
            trace=chain.trace,
        )
        await self._bus.publish([errand])

    async def announce(self, app: AppId, topic: str, message: Message, chain: Chain) -> None:
        now = self._clock.now()
        await self._log.append([announcement(app, topic, message, chain, now=now)])
