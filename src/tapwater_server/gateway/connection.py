"""One connection: whose turn it is, who has to wait, and for how long."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntFlag
from typing import TYPE_CHECKING, Protocol, cast

from tapwater_server.gateway.errors import Refusal, problem
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.reading import Reader
from tapwater_server.ports.invoker import Call

if TYPE_CHECKING:
    from tapwater_server.gateway.app import Door


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


Decide = Callable[[Exchange], None]  # Says what a request gets, or raises Refusal.


class Session(Protocol):
    """What a connection becomes when it stops being HTTP."""

    def received(self, data: bytes) -> None: ...

    def sweep(self, now: float) -> None: ...

    def resume(self) -> None: ...

    def lost(self) -> None: ...

    def stop(self) -> None: ...


class Hold(IntFlag):
    """Why we do not read."""

    NOTHING = 0
    QUEUE = 1  # enough has been read ahead
    CALL = 2  # the function takes no more of the body now


class Connection(asyncio.Protocol):
    """See ``asyncio.Protocol``. Requests are answered one after the other, in their order."""

    __slots__ = (
        "_held",
        "_lingering",
        "_pumping",
        "_queue",
        "_reader",
        "_since",
        "_stalled_bytes",
        "_stalled_since",
        "_transport",
        "active",
        "client",
        "decide",
        "door",
        "peer_trusted",
        "scheme",
        "session",
        "writable",
    )

    def __init__(self, door: "Door", *, decide: Decide | None = None) -> None:
        self.door = door
        self.decide = decide or door.decide
        self.active: Exchange | None = None
        self.session: Session | None = None
        self.writable = True
        self.client = ""
        self.scheme = "http"
        self.peer_trusted = False
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(self)
        self._queue: deque[Exchange] = deque()
        self._held = Hold.NOTHING
        self._pumping = False
        self._lingering = False
        self._since = door.coarse_now  # of the last thing that happened
        self._stalled_since = 0.0
        self._stalled_bytes = 0

    # The transport calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's are, without saying so.
        self._transport = transport
        transport.set_write_buffer_limits(high=self.door.limits.write_buffer_bytes_max)
        peer = transport.get_extra_info("peername")
        self.client = peer[0] if isinstance(peer, tuple) else ""
        self.peer_trusted = self.door.proxies.trusts(self.client)
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
        if not self.door.admit(self):
            self._reader.deaf = True
            self._say_full(transport)

    def data_received(self, data: bytes) -> None:
        if self.session is None:
            self._reader.feed(data)
        else:
            self.session.received(data)

    def eof_received(self) -> bool:
        self._gone()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.door.forget(self)
        self._gone()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._stalled_since = 0.0
        if self.session is not None:
            self.session.resume()
        elif self.active is not None and self.active.call is not None:
            self.active.call.resume()

    # The reader calls these.

    def touched(self) -> None:
        """Something of a request has come."""
        self._since = self.door.coarse_now

    def enqueue(self, exchange: Exchange) -> None:
        """A request that can start when its turn comes."""
        if exchange.queued:
            return
        exchange.queued = True
        if self.active is None and not self._queue:
            self.active = exchange
            exchange.start()
            return
        self._queue.append(exchange)
        if len(self._queue) >= self.door.limits.pipeline_max or not exchange.complete:
            self._hold(Hold.QUEUE)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """A request that went wrong while it was read; nothing after it is read."""
        self.door.counts.refused += 1
        exchange.keep_alive = False
        if exchange.started:
            exchange.interrupt(refusal)
        else:
            exchange.refusal = refusal
            self.enqueue(exchange)

    def promise(self, exchange: Exchange) -> None:
        """Tell a client that asks first to go on; if it is not its turn, then later."""
        if self.active is None and not self._queue:
            self.write(CONTINUE)
        else:
            exchange.waits = True
            self.enqueue(exchange)

    def feed(self, exchange: Exchange, data: bytes) -> None:
        """More of the body of a call that has started."""
        call = exchange.call
        if call is not None and not call.feed(data, last=False):
            self.hold_for(call)

    def feed_last(self, exchange: Exchange) -> None:
        """The body is complete."""
        if exchange.call is not None:
            exchange.call.feed(b"", last=True)

    # The exchange calls these.

    def write(self, data: bytes) -> bool:
        """Send; False: the client is slow, wait for ``Call.resume()``."""
        if self._transport is None:
            return True
        self._transport.write(data)
        return self.writable

    def finished(self, exchange: Exchange) -> None:
        """The answer is written, or never will be."""
        if self.active is not exchange:
            return
        self.active = None
        self._since = self.door.coarse_now
        if not exchange.keep_alive or self.door.stopping:
            self._end(linger=not exchange.complete)
        elif self._queue or self._held:
            self._next()

    def become(self, session: Session | None) -> None:
        """Stop being HTTP: what comes from now on is the session's. None: be HTTP again."""
        self.session = session

    def hold_for(self, call: Call) -> None:
        """Read no more until the call takes more."""
        self._hold(Hold.CALL)
        call.when_writable(self._call_takes_more)

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    # The door calls these.

    def sweep(self, now: float) -> None:
        """Close what has taken too long."""
        transport = self._transport
        if transport is None:
            return
        if self.session is not None:
            self.session.sweep(now)
        if not self.writable or transport.is_closing():
            self._sweep_stalled(now, transport)
        elif self.session is None:
            self._sweep_reading(now - self._since, transport)

    def drain(self) -> None:
        """The door is closing: go when nothing is under way."""
        if self.session is not None:
            self.session.stop()
        elif self.idle:
            self._end(linger=False)

    def abort(self) -> None:
        """Go now, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def idle(self) -> bool:
        reader = self._reader
        return self.active is None and not self._queue and not reader.in_head and not reader.in_body

    # Our own.

    def _next(self) -> None:
        """Start what waits. A loop, as answers may come at once: not a call within a call."""
        if self._pumping:
            return
        self._pumping = True
        while self.active is None and self._queue:
            self.active = self._queue.popleft()
            self.active.start()
        self._pumping = False
        self._release(Hold.QUEUE | Hold.CALL)

    def _call_takes_more(self) -> None:
        self._release(Hold.CALL)

    def _hold(self, why: Hold) -> None:
        if not self._held and self._transport is not None:
            self._reader.held = True
            self._transport.pause_reading()
        self._held |= why

    def _release(self, why: Hold) -> None:
        if not self._held:
            return
        self._held &= ~why
        if not self._held:
            self._reader.held = False
            self._reader.go_on()
        if not self._held and self._transport is not None:
            self._transport.resume_reading()

    def _end(self, *, linger: bool) -> None:
        """Close. Lingering: who still sends would lose the answer to a reset otherwise."""
        self._reader.deaf = True
        self._queue.clear()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not linger:
            transport.close()
            return
        self._lingering = True
        self._release(Hold.QUEUE | Hold.CALL)
        if transport.can_write_eof():
            transport.write_eof()

    def _gone(self) -> None:
        self._reader.deaf = True
        self._queue.clear()
        if self.session is not None:
            self.session.lost()
        elif self.active is not None:
            self.door.counts.aborted += 1
            self.active.interrupt(None)

    def _sweep_stalled(self, now: float, transport: asyncio.Transport) -> None:
        """A client that takes nothing of what we wrote."""
        waiting = transport.get_write_buffer_size()
        if self._stalled_since == 0.0 or waiting < self._stalled_bytes:
            self._stalled_since, self._stalled_bytes = now, waiting
        elif now - self._stalled_since > self.door.limits.send_wait_s_max:
            transport.abort()

    def _sweep_reading(self, waited_s: float, transport: asyncio.Transport) -> None:
        """A client that sends nothing, or too slowly."""
        limits = self.door.limits
        if self._lingering:
            if waited_s > limits.linger_s_max:
                transport.abort()
        elif self._reader.in_head:
            if waited_s > limits.header_wait_s_max:
                self._reader.too_slow()
        elif self._reader.in_body:
            if waited_s > limits.body_wait_s_max and not self._held:
                self._reader.too_slow()
        elif self.idle and waited_s > limits.keep_alive_s_max:
            transport.close()

    def _say_full(self, transport: asyncio.Transport) -> None:
        body = problem("overloaded", "Too many connections are open.")
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\n%bcontent-type: application/problem+json\r\n"
            b"retry-after: 1\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (self.door.dated, len(body), body)
        )
        transport.close()
