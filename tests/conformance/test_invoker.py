"""The promises of ``ports/invoker.py``, kept by every door that a test can make."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from tapwater_server.backends.memory.once import MemoryOnce
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.function import Function, FunctionLimits, Kind, Route, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.model.tariff import FREE
from tapwater_server.ports.invoker import Call, Exchange, Invoker, run
from tapwater_server.services.billing.costing import Costed
from tapwater_server.services.idempotency.budget import Budget
from tapwater_server.services.idempotency.repeats import Repeats
from tapwater_server.testing.clock import CountingIds, ManualClock
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker

Behaviour = Literal["hello", "stream", "raise", "forever", "silent"]


@dataclass(kw_only=True)
class Doors:
    """A door whose functions behave as a test asks; ``room`` calls at a time."""

    make: Callable[[Behaviour, int], AbstractAsyncContextManager[Invoker]]


def _hello(call: ScriptedCall) -> None:
    call.answer(200, [(b"content-type", b"text/plain")], b"hello")


def _stream(call: ScriptedCall) -> None:
    call.begin(200)
    call.piece(b"one")
    call.piece(b"two")
    call.end(Ending.OK)


def _raise(call: ScriptedCall) -> None:
    raise ZeroDivisionError("division by zero")


def _forever(call: ScriptedCall) -> None:
    """Nothing happens until somebody cancels."""


def _silent(call: ScriptedCall) -> None:
    call.end(Ending.BROKEN)


_SCRIPTS = {
    "hello": _hello,
    "stream": _stream,
    "raise": _raise,
    "forever": _forever,
    "silent": _silent,
}


@asynccontextmanager
async def _scripted(behaviour: Behaviour, room: int) -> AsyncIterator[Invoker]:
    yield ScriptedInvoker(_SCRIPTS[behaviour], room=room)


class _AllKeyed:
    """Gives each call a key of its own, and all of them to what keeps answers by key."""

    def __init__(self, inner: Invoker) -> None:
        clock = ManualClock()
        once = MemoryOnce(clock=clock, ids=CountingIds())
        self._repeats = Repeats(inner, once=once, budget=Budget(clock=clock))
        self._count = 0

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        self._count += 1
        invocation.function = replace(invocation.function, idempotent=True)
        invocation.headers.append((b"idempotency-key", b"%d" % self._count))
        return self._repeats.start(invocation, exchange)


@asynccontextmanager
async def _keyed(behaviour: Behaviour, room: int) -> AsyncIterator[Invoker]:
    yield _AllKeyed(ScriptedInvoker(_SCRIPTS[behaviour], room=room))


class _AllCosted:
    """Lets every answer say what it cost."""

    def __init__(self, inner: Invoker) -> None:
        self._costed = Costed(inner, tariff=lambda: FREE)

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        invocation.function = replace(invocation.function, cost_header=True)
        return self._costed.start(invocation, exchange)


@asynccontextmanager
async def _costed(behaviour: Behaviour, room: int) -> AsyncIterator[Invoker]:
    yield _AllCosted(ScriptedInvoker(_SCRIPTS[behaviour], room=room))


DOORS: dict[str, Doors] = {
    "scripted": Doors(make=_scripted),
    "keyed": Doors(make=_keyed),
    "costed": Doors(make=_costed),
}


@pytest.fixture(params=DOORS)
def doors(request: pytest.FixtureRequest) -> Doors:
    return DOORS[request.param]


class Seen:
    """An exchange that writes down what it is told, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.outcome: Outcome | None = None
        self.over = asyncio.Event()

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self.said.append(f"answered {status} {'pieces' if whole is None else whole.decode()}")

    def body(self, data: bytes) -> bool:
        self.said.append(f"body {data.decode()}")
        return True

    def message(self, data: str | bytes) -> None:
        self.said.append(f"message {data!r}")

    def ended(self, outcome: Outcome) -> None:
        self.said.append(f"ended {outcome.ending}")
        self.outcome = outcome
        self.over.set()

    async def wait(self) -> Outcome:
        async with asyncio.timeout(10):
            await self.over.wait()
        assert self.outcome is not None
        return self.outcome


def invocation(number: int = 1) -> Invocation:
    """One call."""
    function = Function(
        id=FunctionId(AppId("shop"), "hello"),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file="restful/hello.py",
        group="",
        route=Route(path="/hello"),
        limits=FunctionLimits(),
    )
    return Invocation(
        id=InvocationId(str(number)),
        revision=RevisionId("shop-1"),
        function=function,
        verb=Verb.HTTP,
    )


def _start(door: Invoker) -> tuple[Seen, Call]:
    seen = Seen()
    return seen, door.start(invocation(), seen)


@pytest.mark.parametrize("behaviour", ["hello", "stream", "raise", "silent"])
async def test_inv_1_start_raises_for_nothing_a_function_does(
    doors: Doors, behaviour: Behaviour
) -> None:
    async with doors.make(behaviour, 10) as door:
        seen, call = _start(door)
        outcome = await seen.wait()
        assert (outcome.ending is Ending.OK) == (behaviour in ("hello", "stream"))
        call.feed(b"late", last=True)
        call.send("late")
        call.resume()
        call.cancel("late")


@pytest.mark.parametrize("behaviour", ["hello", "stream", "raise", "silent", "forever"])
async def test_inv_2_exactly_one_end_and_nothing_after_it(
    doors: Doors, behaviour: Behaviour
) -> None:
    async with doors.make(behaviour, 10) as door:
        seen, call = _start(door)
        if behaviour == "forever":
            call.cancel("enough")
        await seen.wait()
        call.cancel("again")
        assert sum(said.startswith("ended") for said in seen.said) == 1
        assert seen.said[-1].startswith("ended")


async def test_inv_3_the_answer_comes_once_and_before_its_pieces(doors: Doors) -> None:
    async with doors.make("hello", 10) as door:
        seen, _ = _start(door)
        await seen.wait()
        assert seen.said == ["answered 200 hello", "ended ok"]
    async with doors.make("stream", 10) as door:
        seen, _ = _start(door)
        await seen.wait()
        assert seen.said[0] == "answered 200 pieces"
        pieces = "".join(said.removeprefix("body ") for said in seen.said[1:-1])
        assert pieces == "onetwo"
        assert seen.said[-1] == "ended ok"


async def test_inv_4_cancel_ends_the_call(doors: Doors) -> None:
    async with doors.make("forever", 10) as door:
        seen, call = _start(door)
        call.cancel("the client has gone")
        assert (await seen.wait()).ending is Ending.CANCELLED


async def test_inv_5_no_room_is_said_at_once(doors: Doors) -> None:
    async with doors.make("forever", 2) as door:
        held = [_start(door) for _ in range(2)]
        seen, _ = _start(door)
        outcome = await seen.wait()
        assert outcome.ending is Ending.OVERLOADED
        assert outcome.retry_after_s > 0
        for _, call in held:
            call.cancel("enough")
        for held_seen, _ in held:
            await held_seen.wait()


async def test_inv_6_callbacks_come_on_the_loops_thread(doors: Doors) -> None:
    loop = asyncio.get_running_loop()
    loops: list[asyncio.AbstractEventLoop] = []

    class Watching(Seen):
        def ended(self, outcome: Outcome) -> None:
            loops.append(asyncio.get_running_loop())
            super().ended(outcome)

    async with doors.make("stream", 10) as door:
        seen = Watching()
        door.start(invocation(), seen)
        await seen.wait()
        assert loops == [loop]


async def test_run_gathers_a_whole_answer_and_refuses_too_much(doors: Doors) -> None:
    async with doors.make("stream", 10) as door:
        outcome = await run(door, invocation(), body_bytes_max=100)
        assert (outcome.status, outcome.body) == (200, b"onetwo")
        assert outcome.ending is Ending.OK
    async with doors.make("silent", 10) as door:
        assert (await run(door, invocation(), body_bytes_max=1)).ending is Ending.BROKEN


async def test_run_says_when_an_answer_is_too_large() -> None:
    def endless(call: ScriptedCall) -> None:
        asyncio.get_running_loop().call_soon(more, call)

    def more(call: ScriptedCall) -> None:
        call.begin(200)
        while not call.over:
            call.piece(b"x" * 100)

    with pytest.raises(TooLarge):
        await run(ScriptedInvoker(endless), invocation(), body_bytes_max=1000)
