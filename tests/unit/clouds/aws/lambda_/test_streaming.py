"""Answers that pass on piece by piece, and their framing."""

import asyncio

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.clouds.aws.lambda_.eventstream import event
from tapwater_server.clouds.aws.lambda_.streaming import HELD_BYTES_MAX, Streamed
from tapwater_server.clouds.aws.lambda_.tails import TAIL_BYTES_MAX, Tails
from tapwater_server.model.invocation import Ending, Outcome, Usage
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker

DONE = Outcome(ending=Ending.OK, usage=Usage())


@given(st.binary(max_size=2000))
def test_botocore_reads_our_frames(payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(event("PayloadChunk", "application/octet-stream", payload))
    (message,) = list(buffer)
    assert message.payload == payload
    assert message.headers == {
        ":event-type": "PayloadChunk",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }


async def test_pieces_come_as_they_are_written() -> None:
    ends: list[int] = []
    streamed = Streamed("i", ended=lambda: ends.append(1))
    streamed.answered(200, [], None)
    await streamed.wait_head()
    pieces = streamed.pieces()
    waiting = asyncio.ensure_future(anext(pieces))
    streamed.body(b"one")
    assert await waiting == b"one"
    streamed.body(b"two")
    streamed.ended(DONE)
    assert [piece async for piece in pieces] == [b"two"]
    assert ends == [1]


async def test_a_slow_reader_makes_the_function_wait() -> None:
    streamed = Streamed("i", ended=lambda: None)
    resumed: list[ScriptedCall] = []
    invoker = ScriptedInvoker(lambda call: setattr(call, "when_resumed", resumed.append))
    from tests.unit.clouds.aws.lambda_.rig import an_invocation

    streamed.call = invoker.start(an_invocation(), streamed)
    streamed.answered(200, [], None)
    assert streamed.body(b"x" * HELD_BYTES_MAX)
    assert not streamed.body(b"y")
    pieces = streamed.pieces()
    await anext(pieces)
    assert len(resumed) == 1
    await pieces.aclose()  # type: ignore[attr-defined]
    assert invoker.calls[0].cancelled == "the caller has gone"


async def test_an_end_without_an_answer_is_heard() -> None:
    streamed = Streamed("i", ended=lambda: None)
    waiting = asyncio.ensure_future(streamed.wait_head())
    streamed.ended(Outcome(ending=Ending.OVERLOADED, usage=Usage()))
    await waiting
    assert streamed.status == 0


def test_the_end_of_a_log_is_kept() -> None:
    tails = Tails()
    tails.open("a")
    for number in range(5000):
        tails.said("a", f"line {number}")
        tails.said("b", "of another call")
    said = tails.close("a")
    assert len(said) == TAIL_BYTES_MAX
    assert said.endswith(b"line 4999\n")
    tails.said("a", "too late")
    assert tails.close("a") == tails.close("b") == b""
