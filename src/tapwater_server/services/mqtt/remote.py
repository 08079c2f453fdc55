"""A client of a broker elsewhere: hears what an app's functions listen to, and makes it events.

It subscribes with QoS 1 in a session the broker keeps, and acknowledges a message only when its
event is in the log: what we have not acknowledged, the broker sends again.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.mqtt import ElsewhereSettings
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.mqtt.codec.packets import (
    V5,
    V311,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Pingreq,
    Properties,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Unsubscribe,
)
from tapwater_server.services.mqtt.codec.reading import Splitter, read_packet
from tapwater_server.services.mqtt.codec.reasons import FAILURE, BadPacket, Reason, protocol_error
from tapwater_server.services.mqtt.codec.writing import write_packet
from tapwater_server.services.mqtt.happening import NO_CAUSE, event_of
from tapwater_server.services.mqtt.messages import Message

CONNECT_S_MAX = 15.0
KEEP_ALIVE_S = 30
SESSION_S = 7 * 86_400  # How long the broker is to keep what we miss.
RECEIVE_MAX = 256
PACKET_BYTES_MAX = 1 << 20
READ_BYTES = 64 << 10
FILTERS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we say we are."""

    client_id: str
    user: str = ""
    password: str = ""


class Remote:
    """One connection to one broker, for one app; made anew after each failure."""

    def __init__(
        self,
        *,
        app: AppId,
        settings: ElsewhereSettings,
        login: Login,
        hears: Callable[[AppId, str], bool],
        log: EventLog,
        clock: Clock,
        ids: IdSource,
        version: int,
    ) -> None:
        self._app, self._settings, self._login = app, settings, login
        self._hears, self._log, self._clock, self._ids = hears, log, clock, ids
        self._version = version
        self._filters: tuple[str, ...] = ()
        self._last_id = 0
        self._awaited: dict[int, Sequence[str]] = {}
        self.refused: dict[str, str] = {}  # filter -> why the broker will not have it
        self.is_connected = False
        self.messages = 0
        self._writer: asyncio.StreamWriter | None = None

    async def run(self, filters: Sequence[str]) -> None:
        """Connect and hear, until the connection fails or this is cancelled.

        Raises:
            OSError, TimeoutError: the broker cannot be reached, or is gone.
            BadPacket: it refuses us, or breaks the protocol.
        """
        async with asyncio.timeout(CONNECT_S_MAX):
            reader, writer = await asyncio.open_connection(
                self._settings.host, self._settings.port, ssl=self._tls()
            )
        self._writer = writer
        try:
            await self._hear(reader, filters)
        finally:
            self.is_connected = False
            self._writer = None
            writer.close()

    def listen(self, filters: Sequence[str]) -> None:
        """Change what is subscribed to, at the next turn."""
        new = [one for one in filters if one not in self._filters]
        old = tuple(one for one in self._filters if one not in filters)
        for start in range(0, len(new), FILTERS_AT_ONCE):
            some = new[start : start + FILTERS_AT_ONCE]
            asked = tuple(Subscription(filter=one, qos=1) for one in some)
            id = self._next_id()
            self._awaited[id] = some
            self._send(Subscribe(packet_id=id, subscriptions=asked))
        if old:
            self._send(Unsubscribe(packet_id=self._next_id(), filters=old))
        self._filters = tuple(filters)

    async def _hear(self, reader: asyncio.StreamReader, filters: Sequence[str]) -> None:
        splitter = Splitter(packet_bytes_max=PACKET_BYTES_MAX * 2)
        self._send(self._connect())
        is_asked = False  # a PINGREQ is out
        while True:
            wait_s = KEEP_ALIVE_S / 2 if self.is_connected else CONNECT_S_MAX
            try:
                async with asyncio.timeout(wait_s):
                    data = await reader.read(READ_BYTES)
            except TimeoutError:
                if is_asked or not self.is_connected:
                    raise TimeoutError("the broker does not answer") from None
                self._send(Pingreq())
                is_asked = True
                continue
            if not data:
                raise ConnectionResetError("the broker closed the connection")
            is_asked = False
            packets = [read_packet(*one, self._version) for one in splitter.feed(data)]
            was_connected = self.is_connected
            await self._take(packets)
            if self.is_connected and not was_connected:
                self.listen(filters)

    def _connect(self) -> Connect:
        properties = Properties(
            session_expiry_s=SESSION_S,
            receive_maximum=RECEIVE_MAX,
            packet_bytes_max=PACKET_BYTES_MAX,
        )
        login = self._login
        return Connect(
            version=self._version,
            client_id=login.client_id,
            clean_start=False,
            keep_alive_s=KEEP_ALIVE_S,
            user=login.user or None,
            password=login.password.encode() if login.password else None,
            properties=properties,
        )

    async def _take(self, packets: Sequence[Packet]) -> None:
        """Act on what came together: its events are one write, its acknowledgements follow."""
        events: list[Event] = []
        acks: list[Ack] = []
        for packet in packets:
            if isinstance(packet, Publish):
                self._take_message(packet, events, acks)
            else:
                self._take_other(packet)
        if events:
            await self._log.append(events)
        for ack in acks:
            self._send(ack)

    def _take_message(self, packet: Publish, events: list[Event], acks: list[Ack]) -> None:
        if packet.qos == 2 or not packet.topic:
            raise protocol_error("the broker sends what was not agreed on")
        self.messages += 1
        if packet.qos:
            acks.append(Ack(kind=Kind.PUBACK, packet_id=packet.packet_id))
        if self._hears(self._app, packet.topic):
            message = Message(
                id=self._ids.fresh(),
                topic=packet.topic,
                payload=packet.payload,
                qos=packet.qos,
                retain=packet.retain,
                published_at=self._clock.now(),
            )
            event = event_of(self._app, message, qos=packet.qos, cause=NO_CAUSE)
            events.append(event)

    def _take_other(self, packet: Packet) -> None:
        match packet:
            case Connack():
                if packet.reason >= FAILURE:
                    why = packet.properties.reason_string or packet.reason.name.lower()
                    raise BadPacket(packet.reason, f"the broker refuses us: {why}")
                self.is_connected = True
            case Suback():
                self._take_suback(packet)
            case Disconnect():
                raise BadPacket(packet.reason, f"the broker ends: {packet.reason.name.lower()}")
            case _:
                pass  # Answers that nothing depends on.

    def _take_suback(self, packet: Suback) -> None:
        asked = self._awaited.pop(packet.packet_id, ())
        for filter, reason in zip(asked, packet.reasons, strict=False):
            if reason >= FAILURE:
                self.refused[filter] = reason.name.lower()

    def _send(self, packet: Packet) -> None:
        if self._writer is not None:
            self._writer.write(write_packet(packet, self._version))

    def _next_id(self) -> int:
        self._last_id = self._last_id % 65_535 + 1
        return self._last_id

    def _tls(self) -> ssl.SSLContext | None:
        if not self._settings.tls:
            return None
        return ssl.create_default_context(cadata=self._settings.ca or None)


def version_after(error: BaseException, version: int) -> int:
    """Say which version to try next: many a broker knows only 3.1.1, and says so."""
    refused = isinstance(error, BadPacket) and error.reason == Reason.UNSUPPORTED_VERSION
    return V311 if refused and version == V5 else version
