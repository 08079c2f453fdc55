"""Host and guest agree who has a call that was sent ahead, in whatever order they act."""

import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hypothesis import given
from hypothesis import strategies as some

from tapwater.runtime.claims import Claims
from tapwater.runtime.wire import SECOND
from tapwater_server.instances.ahead import Ahead
from tapwater_server.instances.call import CallInProgress
from tapwater_server.model.ids import InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.ports.invoker import Exchange
from tests.functional.gateway.world import function


class Story:
    """One instance: what the host has sent, what the guest has run, what was taken back."""

    def __init__(self, ahead: Ahead, claims: Claims, exchange: Exchange) -> None:
        self._ahead, self._claims, self._exchange = ahead, claims, exchange
        self._sent: deque[tuple[int, int | None]] = deque()  # number, and with which claim
        self._number = 0
        self._seated: int | None = None
        self.ran: list[int] = []
        self.returned: list[int] = []

    def call(self) -> None:
        """One more comes: it is begun, or sent ahead if there is room."""
        if self._seated is not None and self._ahead.call is not None:
            return
        self._number += 1
        if self._seated is None:
            self._seated = self._number
            self._sent.append((self._number, None))
            return
        invocation = Invocation(
            id=InvocationId(f"{self._number}"),
            revision=RevisionId("r"),
            function=function("/", "GET"),
            verb=Verb.HTTP,
        )
        call = CallInProgress(invocation, self._exchange)
        call.number = self._number
        self._sent.append((self._number, 1 if self._ahead.offer(call) & SECOND else 0))

    def give_back(self) -> None:
        """What runs takes long: who waits behind it goes elsewhere."""
        call = self._ahead.take_back()
        if call is not None:
            self.returned.append(call.number)

    def claim(self) -> None:
        """The guest looks at what it was sent next, and runs it if it may."""
        if not self._sent:
            return
        number, pipe = self._sent.popleft()
        if pipe is None or self._claims.take(number, pipe):
            self.ran.append(number)
            assert self._seated == number, "an answer to a call that is not here"
            following = self._ahead.take()
            self._seated = None if following is None else following.number

    def end(self) -> list[int]:
        """Let the guest come to the end; give all calls there were."""
        while self._sent:
            self.claim()
        return list(range(1, self._number + 1))


@contextmanager
def story() -> Iterator[Story]:
    ahead, claims = Ahead(), Claims()
    with ExitStack() as stack:
        host, guest = socket.socketpair()
        stack.enter_context(host)
        stack.enter_context(guest)
        ahead.greet(host)
        stack.callback(ahead.close)
        _, fds, _, _ = socket.recv_fds(guest, 64, 2)
        claims.fds = tuple(fds)
        for fd in fds:
            stack.callback(socket.close, fd)
        yield Story(ahead, claims, Silent())


class Silent:
    """A caller that hears nothing."""

    def answered(
        self, status: int, headers: list[tuple[bytes, bytes]], whole: bytes | None
    ) -> None: ...

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None: ...

    def ended(self, outcome: object) -> None: ...


def test_a_call_taken_back_does_not_give_away_the_one_before_it() -> None:
    with story() as told:
        told.call()  # 1 is begun,
        told.call()  # 2 sent ahead;
        told.claim()  # the guest has ended 1 and not looked at 2 yet:
        told.call()  # 3 is sent ahead,
        told.give_back()  # taken back, for 2 seems to take long,
        told.call()  # and so is 4.
        told.give_back()
        assert told.end() == [1, 2, 3, 4]
        assert told.ran == [1, 2]
        assert told.returned == [3, 4]


@given(some.lists(some.sampled_from(("call", "give_back", "claim")), max_size=40))
def test_each_call_is_run_once_or_given_back(steps: Sequence[str]) -> None:
    with story() as told:
        for step in steps:
            getattr(told, step)()
        calls = told.end()
        assert sorted(told.ran + told.returned) == calls
