"""What a call leaves behind, and when."""

from dataclasses import replace

import pytest

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.function import Function, FunctionLimits, Kind, Route, Style
from tapwater_server.model.ids import AppId, FunctionId, InstanceId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage, Verb
from tapwater_server.ports.invoker import Call, Exchange
from tapwater_server.ports.meter import Asked, Record
from tapwater_server.services.metering.recorded import Recorded
from tapwater_server.testing.clock import ManualClock

FUNCTION = Function(
    id=FunctionId(AppId("shop"), "users/profile/[id]"),
    kind=Kind.RESTFUL,
    style=Style.VERBS,
    file="users/restful/profile/[id].py",
    group="users",
    route=Route(path="/users-api/profile/{id}"),
    limits=FunctionLimits(memory_bytes=256 << 20),
)
USAGE = Usage(
    cold=True,
    instance=InstanceId("i"),
    queue_s=0.25,
    start_s=0.125,
    wall_s=0.5,
    cpu_s=0.25,
    memory_peak_bytes=7,
    bytes_in=8,
    bytes_out=9,
)
FINE = Outcome(ending=Ending.OK, usage=USAGE)


class Line:
    """An invoker that answers at once, and an exchange that notes the order of what happens."""

    def __init__(
        self, outcome: Outcome, *, whole: bytes | None = b"hello", status: int = 201
    ) -> None:
        self.outcome, self.whole, self.status = outcome, whole, status
        self.seen: list[str] = []
        self.meter = MemoryMeter()
        self.meter.when_noted(lambda record: self.seen.append("noted"))

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if self.outcome.ending is Ending.OK:
            exchange.answered(self.status, [], self.whole)
            if self.whole is None:
                exchange.body(b"piece")
        exchange.ended(self.outcome)
        return None  # type: ignore[return-value]

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self.seen.append(f"answered {status} {whole!r}")

    def body(self, data: bytes) -> bool:
        self.seen.append("body")
        return True

    def message(self, data: str | bytes) -> None:
        raise AssertionError("no socket here")

    def ended(self, outcome: Outcome) -> None:
        self.seen.append(f"ended {outcome.ending}")

    async def record(self, invocation: Invocation) -> Record:
        Recorded(self, meter=self.meter, clock=ManualClock(now=1000.0)).start(invocation, self)
        (record,) = await self.meter.records(Asked())
        return record


def invocation(**changes: object) -> Invocation:
    facts: dict[str, object] = {
        "id": InvocationId("id"),
        "revision": RevisionId("r1"),
        "function": FUNCTION,
        "verb": Verb.HTTP,
        "method": "GET",
        "path": "/users-api/profile/7",
        "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "parent": "00f067aa0ba902b7",
        "user": b'{"id":"u7","name":"Ada"}',
        "used": {"doc_reads": 2.0},
    }
    return Invocation(**(facts | changes))  # type: ignore[arg-type]


async def test_all_that_a_record_says_of_a_request() -> None:
    record = await Line(FINE).record(invocation())
    assert record == Record(
        id="id",
        at=999.25,
        app="shop",
        function="users/profile/[id]",
        revision="r1",
        method="GET",
        path="/users-api/profile/7",
        status=201,
        ending="ok",
        cold=True,
        queue_ms=250.0,
        start_ms=125.0,
        wall_ms=500.0,
        cpu_ms=250.0,
        memory_peak_bytes=7,
        memory_bytes=256 << 20,
        bytes_in=8,
        bytes_out=9,
        instance="i",
        user="u7",
        trace="0af7651916cd43dd8448eb211c80319c",
        span="b7ad6b7169203331",
        parent="00f067aa0ba902b7",
        route="/users-api/profile/{id}",
        used={"doc_reads": 2.0},
    )


async def test_what_led_to_a_call_that_is_no_request() -> None:
    record = await Line(FINE).record(
        invocation(
            verb=Verb.EVENT, event="a.b", delivery="d", attempt=2, depth=3, root="top", user=b""
        )
    )
    assert (record.verb, record.event, record.delivery) == ("event", "a.b", "d")
    assert (record.attempt, record.depth, record.root, record.user) == (2, 3, "top", "")
    assert (await Line(FINE).record(invocation(replay_of="old"))).replay_of == "old"


async def test_a_call_that_failed() -> None:
    outcome = Outcome(
        ending=Ending.START_FAILED, usage=Usage(cold=True), message="no", by_function=True
    )
    record = await Line(outcome).record(invocation())
    assert (record.ending, record.message, record.by_function) == ("start_failed", "no", True)
    assert (record.instance, record.status) == ("", 0)


async def test_an_error_that_the_function_answers_itself_is_one() -> None:
    record = await Line(FINE, status=503).record(invocation())
    assert (record.ending, record.error) == ("error_answer", "503")
    assert (record.message, bool(record.fault)) == ("it answered 503", True)
    other = await Line(FINE, status=500).record(invocation())
    assert other.fault != record.fault
    fine = await Line(FINE, status=404).record(invocation())
    assert (fine.ending, fine.fault) == ("ok", "")


@pytest.mark.parametrize("whole", [b"hello", None])
async def test_it_is_noted_before_the_answer_is_out(whole: bytes | None) -> None:
    line = Line(FINE, whole=whole)
    await line.record(invocation())
    if whole is None:
        assert line.seen == ["answered 201 None", "body", "noted", "ended ok"]
    else:
        assert line.seen == ["noted", "answered 201 b'hello'", "ended ok"]


async def test_a_lambda_function_that_fails_belongs_to_what_it_raised() -> None:
    said = b'{"errorType": "KeyError", "errorMessage": "x", "stackTrace": []}'
    lambda_function = replace(FUNCTION, style=Style.FOREIGN)
    foreign = await Line(FINE, whole=said, status=500).record(invocation(function=lambda_function))
    ours = await Line(FINE, whole=said, status=500).record(invocation())
    assert (foreign.error, foreign.message) == ("KeyError", "KeyError: x")
    assert (ours.error, ours.message) == ("500", "it answered 500")
    assert foreign.fault != ours.fault
