"""A socket of a client: bytes in and out, how long it may be silent, how much it may hold up."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from tapwater_server.ports.clock import Clock
from tapwater_server.services.mqtt.codec.packets import V5, V311, Disconnect, Packet
from tapwater_server.services.mqtt.codec.reading import Splitter, read_packet
from tapwater_server.services.mqtt.codec.reasons import BadPacket, Reason
from tapwater_server.services.mqtt.codec.writing import write_packet
from tapwater_server.services.mqtt.limits import BrokerLimits

_log = logging.getLogger(__name__)
CLOSE_S_MAX = 2.0  # For the peer to take our last word.


class Hearer(Protocol):
    """Who makes sense of the packets of one connection."""

    def hear(self, packet: Packet) -> None:
        """Act on a packet. Raises BadPacket if it may not be sent, or not now."""
        ...

    def refuse(self, error: BadPacket) -> None:
        """Say why this ends, where one can say it."""
        ...

    def lost(self) -> None:
        """The connection is gone."""
        ...

    def pump(self) -> None: ...


class Connection(asyncio.Protocol):
    """Reads and writes packets of one client. ``version`` is known from its CONNECT on."""

    def __init__(
        self,
        *,
        hearer: Callable[["Connection"], Hearer],
        clock: Clock,
        limits: BrokerLimits,
        gone: Callable[["Connection"], None],
    ) -> None:
        self.version = V311
        self.keep_alive_s = 0
        self.connected = False  # its CONNECT was accepted
        self.slow = False  # the peer does not take what we write
        self.closing = False
        self.unwelcome = False  # there are too many already
        self.peer = ""
        self.packet_bytes_max = 0  # of what the peer takes; 0: anything
        self.began_at = self.heard_at = clock.monotonic()
        self._clock, self._limits, self._gone = clock, limits, gone
        self._splitter = Splitter(packet_bytes_max=limits.packet_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._held_up = False
        self._abort: asyncio.TimerHandle | None = None
        self._hearer = hearer(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's are none of its children.
        self._transport = transport
        transport.set_write_buffer_limits(high=self._limits.out_bytes_max)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else ""
        if self.unwelcome:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        self.heard_at = self._clock.monotonic()
        try:
            for first, body in self._splitter.feed(data):
                self._hearer.hear(read_packet(first, body, self.version))
                if self.closing:
                    return
        except BadPacket as error:
            self._hearer.refuse(error)
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closing = True
        self._transport = None
        if self._abort is not None:
            self._abort.cancel()
        self._gone(self)
        self._hearer.lost()

    def pause_writing(self) -> None:
        self.slow = True

    def resume_writing(self) -> None:
        self.slow = False
        self._hearer.pump()

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self.closing:
            self._transport.write(data)

    def send(self, packet: Packet) -> None:
        """Send a packet that is not a PUBLISH; one the peer would not take goes without its
        explanations."""
        data = write_packet(packet, self.version)
        if 0 < self.packet_bytes_max < len(data):
            return
        self.write(data)

    def hold_up(self, held_up: bool) -> None:
        """Stop reading, or go on: what came is not safe yet."""
        if held_up == self._held_up or self._transport is None or self.closing:
            return
        self._held_up = held_up
        if held_up:
            self._transport.pause_reading()
        else:
            self.heard_at = self._clock.monotonic()
            self._transport.resume_reading()

    def end(self, reason: Reason) -> None:
        """Close, and tell a client of MQTT 5 why."""
        if self.connected and self.version >= V5:
            self.send(Disconnect(reason=reason))
        self.close()

    def close(self) -> None:
        """Close our side, and read no more. The peer's side ends when it has read our last word,
        or after a while: closing at once would throw away what it has not read yet.
        """
        if self.closing:
            return
        self.closing = True
        transport = self._transport
        if transport is None:
            return
        if not transport.can_write_eof():  # TLS has no half-closed state.
            transport.close()
        else:
            transport.write_eof()
            if self._held_up:
                transport.resume_reading()
        self._abort = asyncio.get_running_loop().call_later(CLOSE_S_MAX, transport.abort)

    def check(self) -> None:
        """End a connection that has been silent for too long; a held-up one cannot speak."""
        now = self._clock.monotonic()
        if self.closing or self._held_up:
            return
        if not self.connected:
            if now - self.began_at > self._limits.connect_s_max:
                self.close()
        elif self.keep_alive_s and now - self.heard_at > 1.5 * self.keep_alive_s:
            self.end(Reason.KEEP_ALIVE_TIMEOUT)
