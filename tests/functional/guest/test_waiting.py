"""Who waits for answers on a guest's line: several threads, and a loop that stands."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tapwater.runtime import wire
from tapwater.runtime.call import Call
from tapwater.runtime.claims import Claims
from tapwater.runtime.link import BlockingLink
from tapwater.runtime.looped import LoopLink, open_link
from tapwater.services.socket_transport import ASKS_MAX, SocketTransport
from tapwater.services.transport import Request, ServiceError

ASK = Request(method="GET", path="/x")


def invoke_frame(number: int) -> bytes:
    """A call that asks for nothing in particular."""
    return wire.pack_invoke(
        number,
        wire.Invoke(
            verb=wire.Verb.HTTP,
            more=False,
            timeout_s=30.0,
            depth=0,
            id=b"test",
            method=b"GET",
            path=b"/",
            root_path=b"",
            query=b"",
            scheme=b"http",
            client=b"",
            params=b"",
            user=b"",
            trace=b"",
            headers=[],
            body=b"",
        ),
    )


class Host:
    """The other end of the line: answers questions in an order of its own."""

    def __init__(self) -> None:
        self.socket, self.guest = socket.socketpair()
        self._decoder = wire.Decoder()
        self._frames: list[wire.Frame] = []

    def say(self, frame: bytes) -> None:
        self.socket.sendall(frame)

    def hear(self) -> tuple[int, int, bytes]:
        """The next question: its call, its number, what is asked."""
        while not self._frames:
            self._frames = list(self._decoder.feed(self.socket.recv(1 << 16)))
        kind, call, payload = self._frames.pop(0)
        assert kind == wire.Kind.ASK
        ask, name, body = wire.read_ask(payload)
        assert name == "service"
        return call, ask, body

    def answer(self, call: int, ask: int, said: bytes) -> None:
        head = b'{"status": 200, "headers": {}}'
        body = len(head).to_bytes(4, "big") + head + said
        self.say(wire.pack_answer(call, ask, body, fine=True))

    def close(self) -> None:
        self.socket.close()
        self.guest.close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_threads_get_their_own_answers_in_any_order(host: Host) -> None:
    link = BlockingLink(host.guest)
    host.say(invoke_frame(1))
    call = link.current = link.next_call()
    assert call is not None
    transport, got = SocketTransport(call), dict[int, bytes]()

    def ask(n: int) -> None:
        request = Request(method="PUT", path="/x", body=b"%d" % n)
        got[n] = transport.send(request).body

    def answer() -> None:
        asked = [host.hear() for _ in range(ASKS_MAX)]
        for number, ask_number, body in reversed(asked):
            host.answer(number, ask_number, body[-2:])

    answering = started(answer)
    threads = [started(lambda n=n: ask(n)) for n in range(10, 10 + ASKS_MAX)]  # type: ignore[misc]
    for thread in [*threads, answering]:
        thread.join(20)
    assert got == {n: b"%d" % n for n in range(10, 10 + ASKS_MAX)}


def test_a_thread_that_outlives_its_call_leaves_the_next_one_alone(host: Host) -> None:
    link = BlockingLink(host.guest)
    host.say(invoke_frame(1))
    call = link.current = link.next_call()
    assert call is not None
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            SocketTransport(call).send(ASK)
        except ServiceError as error:
            failed.append(error)

    thread = started(ask)
    host.hear()
    link.current = None  # The call is answered; its thread waits on.
    host.say(invoke_frame(2))
    following = link.next_call()
    assert following is not None
    assert following.number == 2
    thread.join(20)
    assert len(failed) == 1


async def _on_a_loop(host: Host, work: Callable[[LoopLink, Call], None]) -> None:
    link = open_link(host.guest, wire.Decoder(), Claims())
    host.guest.setblocking(False)
    begun: asyncio.Future[Call] = asyncio.get_running_loop().create_future()
    link.begin(begun.set_result, [])
    await asyncio.to_thread(host.say, invoke_frame(1))
    work(link, await begun)
    link.close()


def test_a_standing_loop_reads_for_itself(host: Host) -> None:
    def work(link: LoopLink, call: Call) -> None:
        answering = started(lambda: host.answer(*host.hear()[:2], b"fine"))
        assert SocketTransport(call).send(ASK).body == b"fine"
        answering.join(20)

    asyncio.run(_on_a_loop(host, work))


def test_a_standing_loop_also_sends_what_the_host_is_slow_to_take(host: Host) -> None:
    size = 900_000  # More than the socket holds.
    host.guest.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def work(link: LoopLink, call: Call) -> None:
        def answer() -> None:
            number, ask, body = host.hear()
            host.answer(number, ask, b"%d" % len(body))

        answering = started(answer)
        request = Request(method="PUT", path="/x", body=bytes(size))
        assert int(SocketTransport(call).send(request).body) > size
        answering.join(20)

    asyncio.run(_on_a_loop(host, work))


def test_a_standing_loop_hears_that_the_host_is_gone(host: Host) -> None:
    def work(link: LoopLink, call: Call) -> None:
        def leave() -> None:
            host.hear()
            host.socket.close()

        closing = started(leave)
        with pytest.raises(ServiceError, match="the call is over"):
            SocketTransport(call).send(ASK)
        closing.join(20)

    asyncio.run(_on_a_loop(host, work))
