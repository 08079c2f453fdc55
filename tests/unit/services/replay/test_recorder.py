"""What is taken for recording, and what is let go."""

import pytest

from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.invocation import Ending, Invocation, Verb
from tapwater_server.model.recording import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Recording, Why
from tapwater_server.model.tape import Tape
from tapwater_server.ports.invoker import Gathered
from tapwater_server.services.replay.packing import pack
from tapwater_server.services.replay.recorder import Recorder
from tapwater_server.services.replay.settings import ReplaySettings
from tapwater_server.testing.clock import ManualClock
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker
from tests.unit.services.replay.calls import call, function

BYTES_MAX = 1 << 30


class Bench:
    """A recorder in front of a door whose calls do as the test says."""

    def __init__(self, **settings: float) -> None:
        self.calls: list[ScriptedCall] = []
        self.clock = ManualClock()
        self.recorder = Recorder(
            ScriptedInvoker(self.calls.append),
            clock=self.clock,
            ids=SystemIds(),
            settings=ReplaySettings(**{"share": 0.0, **settings}),  # type: ignore[arg-type]
        )

    def begin(self, invocation: Invocation) -> tuple[ScriptedCall, Gathered]:
        exchange = Gathered(body_bytes_max=BYTES_MAX)
        exchange.call = self.recorder.start(invocation, exchange)
        return self.calls[-1], exchange

    def taken(self) -> list[Recording]:
        return [pack(one, ()) for one in self.recorder.waiting]


async def test_a_call_that_fails_is_taken_with_all_of_it() -> None:
    bench = Bench()
    given = call(headers=[(b"x-a", b"b")], body=b'{"n":0}', query=b"a=1", params={"id": "7"})
    running, _ = bench.begin(given)
    running.end(Ending.USER_ERROR, message="ValueError: no")
    (found,) = bench.taken()
    assert (found.id, found.why, found.ending) == ("01", Why.ERROR, "user_error")
    assert (found.message, found.body, found.query) == ("ValueError: no", b'{"n":0}', b"a=1")
    assert (found.headers, found.params) == ([(b"x-a", b"b")], {"id": "7"})


async def test_a_call_that_ends_well_is_let_go() -> None:
    bench = Bench()
    running, exchange = bench.begin(call())
    running.answer(200, body=b"fine")
    assert (await exchange.outcome).body == b"fine"
    assert bench.taken() == []


@pytest.mark.parametrize(
    ("ending", "status", "expected"),
    [
        (Ending.OK, 500, True),
        (Ending.OK, 404, False),
        (Ending.TIMED_OUT, 0, True),
        (Ending.CRASHED, 0, True),
        (Ending.START_FAILED, 0, True),
        (Ending.OVERLOADED, 0, False),
        (Ending.CANCELLED, 0, False),
    ],
)
async def test_which_ends_count_as_failures(ending: Ending, status: int, expected: bool) -> None:
    bench = Bench()
    running, _ = bench.begin(call())
    if status:
        running.begin(status, whole=b"")
    running.end(ending)
    assert bool(bench.taken()) is expected


async def test_a_share_of_the_others_is_taken() -> None:
    bench = Bench(share=0.1, samples_burst=1e9)
    for _ in range(2000):
        bench.begin(call())[0].answer(200)
    taken = bench.taken()
    assert 120 < len(taken) < 290
    assert {one.why for one in taken} == {Why.SAMPLE}


async def test_a_loud_function_is_sampled_so_many_times_a_second() -> None:
    bench = Bench(share=0.5, samples_burst=5, samples_per_s=2)
    for expected in (5, 7):
        for _ in range(200):
            bench.begin(call())[0].answer(200)
        assert len(bench.recorder.waiting) == expected
        await bench.clock.advance(1.0)
    bench.begin(call(function(record_share=1.0)))[0].answer(200)
    assert len(bench.recorder.waiting) == 8  # What a function asks for itself, it gets.


async def test_a_function_says_for_itself() -> None:
    bench = Bench(share=1.0, failures_burst=1e9)
    bench.begin(call(function(record=False)))[0].end(Ending.USER_ERROR)
    bench.begin(call(function(record_share=0.0)))[0].answer(200)
    assert bench.taken() == []
    bench.begin(call(function(record_share=1.0)))[0].answer(200, body=b"yes")
    assert [one.answer for one in bench.taken()] == [b"yes"]


async def test_websockets_pass() -> None:
    bench = Bench()
    bench.begin(call(verb=Verb.WEBSOCKET))[0].end(Ending.USER_ERROR)
    assert bench.taken() == []


async def test_the_first_part_of_a_streamed_request_is_held() -> None:
    bench = Bench()
    running, exchange = bench.begin(call(body=b"first ", body_follows=True))
    assert exchange.call is not None
    exchange.call.feed(b"second", last=True)
    assert bytes(running.received) == b"first second"
    running.end(Ending.USER_ERROR)
    (found,) = bench.taken()
    assert (found.body, found.body_cut) == (b"first second", False)
    assert bench.recorder.held_bytes == 0


async def test_a_large_request_is_cut_and_said_to_be() -> None:
    bench = Bench()
    running, exchange = bench.begin(call(body=b"", body_follows=True))
    assert exchange.call is not None
    for _ in range(10):
        exchange.call.feed(b"x" * (REQUEST_BYTES_MAX // 4), last=False)
    running.end(Ending.CRASHED)
    (found,) = bench.taken()
    assert (len(found.body), found.body_cut) == (REQUEST_BYTES_MAX, True)
    assert sum(map(len, bench.recorder.waiting[0].rest)) <= REQUEST_BYTES_MAX


async def test_a_request_that_never_came_to_its_end_is_cut() -> None:
    bench = Bench()
    running, exchange = bench.begin(call(body=b"first", body_follows=True))
    assert exchange.call is not None
    exchange.call.feed(b"second", last=False)
    running.end(Ending.TIMED_OUT)
    assert bench.taken()[0].body_cut


async def test_a_streamed_answer_passes_and_its_beginning_is_held() -> None:
    bench = Bench()
    running, exchange = bench.begin(call())
    running.begin(500)
    for _ in range(8):
        running.piece(b"y" * (ANSWER_BYTES_MAX // 4))
    assert bench.recorder.held_bytes == ANSWER_BYTES_MAX
    running.end(Ending.OK)
    (found,) = bench.taken()
    assert (len(found.answer), found.answer_cut) == (ANSWER_BYTES_MAX, True)
    assert len((await exchange.outcome).body) == 2 * ANSWER_BYTES_MAX
    assert bench.recorder.held_bytes == 0


async def test_without_memory_bodies_are_cut() -> None:
    bench = Bench(held_bytes_max=10)
    running, exchange = bench.begin(call(body=b"", body_follows=True))
    assert exchange.call is not None
    exchange.call.feed(b"x" * 8, last=False)
    exchange.call.feed(b"y" * 8, last=False)
    exchange.call.feed(b"z", last=True)
    running.end(Ending.USER_ERROR)
    (found,) = bench.taken()
    assert (found.body, found.body_cut) == (b"x" * 8, True)


async def test_a_flood_of_failures_is_counted_and_not_kept() -> None:
    bench = Bench(failures_burst=5, failures_per_s=2)
    for _ in range(20):
        bench.begin(call())[0].end(Ending.USER_ERROR)
    assert (len(bench.recorder.waiting), bench.recorder.dropped) == (5, 15)
    await bench.clock.advance(1.0)
    for _ in range(20):
        bench.begin(call())[0].end(Ending.USER_ERROR)
    assert len(bench.recorder.waiting) == 7


async def test_a_full_queue_takes_nothing_more() -> None:
    bench = Bench(waiting_max=3)
    for _ in range(5):
        bench.begin(call())[0].end(Ending.USER_ERROR)
    assert (len(bench.recorder.waiting), bench.recorder.dropped) == (3, 2)


async def test_what_questions_held_is_given_back_when_the_call_ends() -> None:
    bench = Bench()
    given = call()
    running, _ = bench.begin(given)
    given.tape = Tape()
    bench.recorder.hold(given.tape, 1000)
    assert bench.recorder.held_bytes == 1000
    running.answer(200)
    assert bench.recorder.held_bytes == 0
    assert given.tape.over
