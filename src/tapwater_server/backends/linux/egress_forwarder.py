"""The way out of one function: accepts what its network lands here, and forwards what may go."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tapwater_server.backends.linux.egress_answering import Answering
from tapwater_server.backends.linux.egress_dialler import DialFailed, Dialler, Refusal
from tapwater_server.backends.linux.egress_door import (
    Door,
    Role,
    Wanted,
    destination,
    role,
    sockets,
)
from tapwater_server.backends.linux.egress_names import Names
from tapwater_server.backends.linux.egress_pace import Pace
from tapwater_server.backends.linux.egress_pipe import Pipe, reset
from tapwater_server.backends.linux.egress_plan import EgressPlan, Kind
from tapwater_server.backends.linux.egress_visit import Visit
from tapwater_server.model.errors import NotAllowed
from tapwater_server.ports.clock import Clock

CONNECTIONS_MAX = 512  # Per function, over all its instances.
TAKES_MAX = 32  # At a time, before somebody else's turn.
TAKES_PER_S_MAX = 500.0  # New connections and questions; each costs the loop some 0.1 ms.
ACCEPT_FAILED_REST_S = 0.5  # Out of descriptors: looking again at once would only burn CPU.
IDLE_S_MAX = 3600.0  # A pool of database connections may rest for long.
HALF_CLOSED_S_MAX = 300.0
LOOK_S = 30.0


Entrance = Callable[[], asyncio.Protocol]  # Makes what serves one connection to a door.
Take = Callable[[socket.socket], bool]  # Take one of what has come; False: nothing was there.


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwarderStats:
    """What passed so far. ``bytes_out``: from the function to the world."""

    open: int
    connections: int
    refused: int
    failed: int
    bytes_out: int
    bytes_in: int
    names_asked: int


class Seats:
    """How many connections all functions of this node may have open together."""

    def __init__(self, count_max: int) -> None:
        self._free = count_max

    def take(self) -> bool:
        """Take one, if there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def give(self) -> None:
        self._free += 1


class Forwarder:
    """Made by ``Egress.serve()``; ends with ``close()``, by whoever asked for it.

    ``note`` hears a sentence for each connection that did not come about: a function only sees a
    reset, and its author should find the reason in the log. ``sent`` hears how many bytes have
    gone out to the world since it last did, at each ``tell()`` and at the end.
    """

    def __init__(
        self,
        plan: EgressPlan,
        listener_fds: Sequence[int],
        *,
        clock: Clock,
        names: Names,
        refusal: Refusal,
        seats: Seats,
        doors: Mapping[str, Entrance],
        note: Callable[[str], None],
        sent: Callable[[int], None],
    ) -> None:
        self._plan, self._doors = plan, doors
        self._sent = sent
        self._told_bytes = 0
        self._clock = clock
        self._dialler = Dialler(names=names, refusal=refusal)
        self._seats = seats
        self._note = note
        self._door = Door(plan)
        self._loop = asyncio.get_running_loop()
        self._pipes: set[Pipe | Visit] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        self._closed = False
        self._pace = Pace(TAKES_PER_S_MAX)
        self._connections = self._refused = self._failed = 0
        self._bytes_out = self._bytes_in = 0
        self._answering = Answering(
            names=names, door=self._door, refusal=refusal, note=note, own=self._own
        )
        self._open(listener_fds)
        self._own(self._look_for_idle())

    def _open(self, listener_fds: Sequence[int]) -> None:
        taken = sockets(listener_fds)
        try:
            roles = [role(sock, self._plan) for sock in taken]
        except ValueError:
            for sock in taken:
                sock.close()
            raise
        self._listeners = taken
        for sock, listening in zip(taken, roles, strict=True):
            if listening is Role.DNS:
                self._listen(sock, self._receive)
            else:
                self._listen(sock, partial(self._accept, listening))

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _listen(self, sock: socket.socket, take: Take) -> None:
        if not self._closed:
            self._loop.add_reader(sock, self._readable, sock, take)

    def _readable(self, sock: socket.socket, take: Take) -> None:
        """Take some of what has come. A function that is too fast has to wait in its own queue."""
        for _ in range(TAKES_MAX):
            try:
                if not take(sock):
                    return
            except OSError as error:
                self._note(f"egress: a connection could not be accepted ({error.strerror})")
                rest_s = ACCEPT_FAILED_REST_S
            else:
                rest_s = self._pace.rest_s(self._clock.monotonic())
            if rest_s:
                self._loop.remove_reader(sock)
                self._loop.call_later(rest_s, self._listen, sock, take)
                return

    def _receive(self, sock: socket.socket) -> bool:
        return self._answering.receive(sock)

    def _accept(self, listening: Role, listener: socket.socket) -> bool:
        try:
            conn, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        conn.setblocking(False)
        self._connections += 1
        self._arrived(conn, listening)
        return True

    def _arrived(self, conn: socket.socket, listening: Role) -> None:
        if listening is Role.DNS_STREAM:
            self._own(self._answering.stream(conn))
            return
        try:
            address, port = destination(conn, listening)
        except OSError:
            reset(conn)
            return
        wanted = self._door.wanted(address, port)
        if wanted is None:
            self._refuse(conn, f"{address}:{port}", "it is not declared")
        elif len(self._pipes) >= CONNECTIONS_MAX or not self._seats.take():
            self._refuse(conn, str(wanted), "too many connections are open")
        elif wanted.target.kind is Kind.DOOR:
            self._own(self._let_in(conn, wanted))
        else:
            pipe = Pipe(now=self._clock.monotonic, closed=self._ended)
            self._pipes.add(pipe)
            self._own(self._join(pipe, conn, wanted))

    async def _let_in(self, conn: socket.socket, wanted: Wanted) -> None:
        """Serve it here."""
        entrance = self._doors.get(wanted.host)
        if entrance is None:
            self._seats.give()
            self._refuse(conn, str(wanted), "that door is not open")
            return
        visit = Visit(entrance(), now=self._clock.monotonic, closed=self._ended)
        self._pipes.add(visit)
        try:
            await self._loop.connect_accepted_socket(lambda: visit, conn)
        except BaseException:
            conn.close()
            self._ended(visit)
            raise

    def _refuse(self, conn: socket.socket, where: str, why: str) -> None:
        self._refused += 1
        self._note(f"egress to {where} refused: {why}")
        reset(conn)

    async def _join(self, pipe: Pipe, inner: socket.socket, wanted: Wanted) -> None:
        """Connect to where it wants to go, and let the bytes pass."""
        try:
            outer = await self._dialler.dial(wanted)
        except NotAllowed as error:
            self._refuse(inner, str(wanted), error.message)
            self._ended(pipe)
        except DialFailed as error:
            self._failed += 1
            self._note(f"egress to {wanted} failed: {error}")
            reset(inner)
            self._ended(pipe)
        except asyncio.CancelledError:
            reset(inner)
            self._ended(pipe)
            raise
        else:
            await self._connect(pipe, inner, outer)

    async def _connect(self, pipe: Pipe, inner: socket.socket, outer: socket.socket) -> None:
        try:
            await self._loop.create_connection(lambda: pipe.outer, sock=outer)
            await self._loop.connect_accepted_socket(lambda: pipe.inner, inner)
        except BaseException:
            pipe.abort()
            inner.close()
            outer.close()
            self._ended(pipe)
            raise

    def _ended(self, pipe: Pipe | Visit) -> None:
        if pipe in self._pipes:
            self._pipes.discard(pipe)
            self._seats.give()
            self._bytes_out += pipe.bytes_out
            self._bytes_in += pipe.bytes_in

    async def _look_for_idle(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            self.step()

    def step(self) -> int:
        """End the connections nothing has passed through for long; say how many."""
        now = self._clock.monotonic()
        idle = [
            pipe
            for pipe in self._pipes
            if now - pipe.active_at > (HALF_CLOSED_S_MAX if pipe.half_closed else IDLE_S_MAX)
        ]
        for pipe in idle:
            pipe.abort()
        return len(idle)

    def stats(self) -> ForwarderStats:
        """Say what passed, for metering."""
        return ForwarderStats(
            open=len(self._pipes),
            connections=self._connections,
            refused=self._refused,
            failed=self._failed,
            bytes_out=self._bytes_out + sum(pipe.bytes_out for pipe in self._pipes),
            bytes_in=self._bytes_in + sum(pipe.bytes_in for pipe in self._pipes),
            names_asked=self._answering.asked,
        )

    def tell(self) -> None:
        """Say what has gone out since the last time; nothing if nothing has."""
        out = self._bytes_out + sum(pipe.bytes_out for pipe in self._pipes)
        if out > self._told_bytes:
            new, self._told_bytes = out - self._told_bytes, out
            self._sent(new)

    def close(self) -> None:
        """Cut everything at once; ``wait_closed()`` waits until all of it is gone."""
        if self._closed:
            return
        self._closed = True
        self.tell()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for pipe in list(self._pipes):
            pipe.abort()
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the tasks are gone too."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
