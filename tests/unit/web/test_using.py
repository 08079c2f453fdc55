"""What requests used reaches the meter once: of clients at once, of functions with their calls."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.model.principal import Principal
from tapwater_server.ports.meter import Use
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked, in_one
from tapwater_server.web.dispatch import Said
from tapwater_server.web.using import Using

SHOP = AppId("shop")
FUNCTION = Function(
    id=FunctionId(SHOP, "orders/take"),
    kind=Kind.RESTFUL,
    style=Style.VERBS,
    file="a.py",
    group="orders",
)


class World:
    def __init__(self) -> None:
        self.meter, self.clock = MemoryMeter(), ManualClock()
        self.using = Using(meter=self.meter, clock=self.clock)
        self.uses: list[Use] = []
        self.meter.when_used(self.uses.append)

    def noted(self) -> list[tuple[str, str, str, float]]:
        found = [(one.function, one.user, one.quantity, one.amount) for one in self.uses]
        self.uses.clear()
        return found


def asked(method: str = "GET", caller: Invocation | None = None) -> Asked:
    return Asked(
        app=SHOP,
        who=Principal(name="ada", user="u1", user_app=SHOP),
        method=method,
        path="/docs/a/b",
        chunks=lambda: in_one(b""),
        caller=caller,
    )


def call(user: str = "") -> Invocation:
    return Invocation(
        id=InvocationId("1"),
        revision=RevisionId("r"),
        function=FUNCTION,
        verb=Verb.HTTP,
        user=msgspec.json.encode({"id": user}) if user else b"",
    )


def test_a_client_s_use_is_its_user_s_and_counted_at_once() -> None:
    world, one = World(), asked()
    one.count("doc_reads")
    one.count("doc_reads", 2)
    world.using.counted(one, Said(200, {}, b"12345"))
    assert world.noted() == [("", "u1", "doc_reads", 3), ("", "u1", "api_bytes_out", 5)]
    world.using.take(one)
    assert world.noted() == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_stream_is_counted_while_it_goes(method: str) -> None:
    world, one = World(), asked(method)
    one.bytes_out = "blob_bytes_out"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            await world.clock.advance(0.6)
            yield b"1234"

    said = world.using.counted(one, Said(200, {}, chunks()))
    assert world.noted() == []
    assert not isinstance(said.body, bytes)
    async for _ in said.body:
        pass
    counted = [] if method == "HEAD" else [("", "u1", "blob_bytes_out", 8.0)]
    last = [] if method == "HEAD" else [("", "u1", "blob_bytes_out", 4.0)]
    assert world.noted() == counted + last


async def test_a_stream_that_is_cut_off_counts_what_went() -> None:
    world, one = World(), asked()

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"1234"

    said = world.using.counted(one, Said(200, {}, chunks()))
    assert not isinstance(said.body, bytes)
    stream = said.body
    assert await anext(stream) == b"1234"
    await stream.aclose()  # type: ignore[attr-defined]
    assert world.noted() == [("", "u1", "api_bytes_out", 4.0)]


def test_a_function_s_use_goes_with_its_call() -> None:
    world, caller = World(), call()
    for _ in range(2):
        one = asked(caller=caller)
        one.count("doc_writes", 2)
        world.using.take(one)
    assert world.noted() == []
    assert caller.used == {"doc_writes": 4}


def test_what_a_function_uses_after_its_end_is_a_use_by_itself() -> None:
    world, caller = World(), call("u7")
    caller.used = {"doc_writes": 1}
    caller.noted = True
    one = asked(caller=caller)
    one.count("doc_writes")
    world.using.take(one)
    assert world.noted() == [("orders/take", "u7", "doc_writes", 1)]
    assert caller.used == {"doc_writes": 1}, "its record is written already"
