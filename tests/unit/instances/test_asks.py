"""Questions of a guest: as many at a time as allowed, and no more."""

import asyncio

import pytest

from tapwater.runtime import wire
from tapwater_server.instances.asks import ASKS_MAX, Asks
from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb

CALLER = Invocation(
    id=InvocationId("1"),
    revision=RevisionId("r"),
    function=Function(
        id=FunctionId(AppId("shop"), "a"),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file="a.py",
        group="",
    ),
    verb=Verb.HTTP,
)


class Patient:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        await self.go.wait()
        return b"{}"


def question(number: int) -> bytes:
    return wire.pack_ask(1, number, "service", b"")[wire.HEAD_SIZE :]


class Broken:
    """Has a bug."""

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        raise RuntimeError("a bug of ours")


async def test_a_bug_behind_a_question_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody who asked waits for ever; the log says what it was, the guest is not told."""
    said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    Asks(bindings=Broken(), write=said.set_result).take(1, question(7), CALLER)
    async with asyncio.timeout(10):
        ask, fine, told = wire.read_answer((await said)[wire.HEAD_SIZE :])
    assert (ask, fine) == (7, False)
    assert b"internal" in told
    assert b"a bug of ours" not in told
    assert "a bug of ours" in caplog.text


async def test_one_more_than_allowed_is_a_flood() -> None:
    asks = Asks(bindings=Patient(), write=lambda _: None)
    for number in range(ASKS_MAX):
        asks.take(1, question(number), CALLER)
    with pytest.raises(wire.WireError, match="at a time"):
        asks.take(1, question(ASKS_MAX), CALLER)
    asks.stop()


async def test_who_has_its_answer_may_ask_again_at_once() -> None:
    """A quick guest asks before the task that answered has been put away."""
    bindings, over, count = Patient(), asyncio.Event(), 0

    def write(frame: bytes) -> None:
        nonlocal count
        count += 1
        if count < 10 * ASKS_MAX:
            asks.take(1, question(count), CALLER)
        else:
            over.set()

    asks = Asks(bindings=bindings, write=write)
    for number in range(ASKS_MAX):
        asks.take(1, question(number), CALLER)
    bindings.go.set()
    async with asyncio.timeout(10):
        await over.wait()
    asks.stop()
