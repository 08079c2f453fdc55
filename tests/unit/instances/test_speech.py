"""What the platform says in the log of a call that did not end well: once."""

from dataclasses import replace

import pytest

from tapwater.runtime.wire import Kind, Level
from tapwater_server.instances.call import CallInProgress
from tapwater_server.instances.speech import Speech
from tapwater_server.model.ids import InstanceId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.ports.meter import LogLine
from tapwater_server.testing.clock import ManualClock
from tests.functional.gateway.world import function

TRACE = "Traceback (most recent call last):\n  here\nValueError: no\n"
FUNCTION = function("/", "GET")
LINE = b'{"level": "WARN", "msg": "slow", "ms": 12}'


class Nobody:
    """Who asked, and does not listen."""

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None: ...
    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None: ...
    def ended(self, outcome: Outcome) -> None: ...


def call(id: str) -> CallInProgress:
    invocation = Invocation(
        id=InvocationId(id), revision=RevisionId("r"), function=FUNCTION, verb=Verb.HTTP
    )
    return CallInProgress(invocation, Nobody())


@pytest.fixture
def said() -> list[LogLine]:
    return []


@pytest.fixture
def speech(said: list[LogLine]) -> Speech:
    return Speech(
        function=FUNCTION.id, instance=InstanceId("i"), clock=ManualClock(), logs=said.append
    )


def test_a_traceback_says_what_it_was(speech: Speech, said: list[LogLine]) -> None:
    one = call("a")
    speech.explain(one, TRACE)
    speech.mourn(one, Ending.USER_ERROR, "ValueError: no")
    assert [(line.text, line.level) for line in said] == [(TRACE.rstrip(), "error")]


def test_without_a_traceback_of_it_a_sentence_is_said(speech: Speech, said: list[LogLine]) -> None:
    speech.explain(call("a"), TRACE)
    speech.mourn(call("b"), Ending.USER_ERROR, "ValueError: no")
    speech.mourn(call("c"), Ending.TIMED_OUT, "took more than 1 s")
    speech.mourn(call("d"), Ending.CANCELLED, "gone")
    assert [line.text for line in said[1:]] == ["ValueError: no", "took more than 1 s"]
    assert [line.level for line in said[1:]] == ["error", "platform"]


def test_a_traceback_that_ends_otherwise_is_not_taken_for_the_sentence(
    speech: Speech, said: list[LogLine]
) -> None:
    speech.explain(call("a"), TRACE)
    speech.mourn(call("a"), Ending.USER_ERROR, "KeyError: 'id'")
    assert len(said) == 2


@pytest.mark.parametrize(("verbatim", "text"), [(False, "slow"), (True, LINE.decode())])
def test_a_line_that_is_an_object_may_stay_as_it_was_said(
    speech: Speech, said: list[LogLine], verbatim: bool, text: str
) -> None:
    """... what it says of itself is known either way."""
    speech.verbatim = verbatim
    speech.hear(Kind.LOG, bytes([Level.INFO]) + LINE, call("a"))
    assert (said[0].text, said[0].level, said[0].fields) == (text, "warning", {"ms": 12})


OPENING = "START {lambda-request-id} of {lambda-version}"


def opened(id: str, *, clock: ManualClock, said: list[LogLine]) -> tuple[Speech, CallInProgress]:
    speech = Speech(
        function=FUNCTION.id,
        instance=InstanceId("i"),
        clock=clock,
        logs=said.append,
        opens=True,
    )
    one = call(id)
    one.invocation.function = replace(FUNCTION, foreign={"opening": OPENING})
    one.invocation.headers = [(b"lambda-request-id", b"7-7"), (b"lambda-version", b"$LATEST")]
    one.seated_at = clock.monotonic()
    return speech, one


async def test_the_first_line_is_of_the_beginning(said: list[LogLine]) -> None:
    clock = ManualClock()
    speech, one = opened("a", clock=clock, said=said)
    began = clock.now()
    await clock.advance(2.0)
    for line in (b"START", b"END"):
        speech.hear(Kind.LOG, bytes([Level.INFO]) + line, one)
    assert [(line.text, line.at - began) for line in said] == [("START", 0.0), ("END", 2.0)]
    speech.mourn(one, Ending.TIMED_OUT, "took too long")
    assert [line.text for line in said[2:]] == ["took too long"]


async def test_of_a_silent_death_the_platform_says_the_first_line(said: list[LogLine]) -> None:
    clock = ManualClock()
    speech, one = opened("a", clock=clock, said=said)
    began = clock.now()
    await clock.advance(3.0)
    speech.mourn(one, Ending.CRASHED, "it has ended")
    assert [(line.text, line.at - began) for line in said] == [
        ("START 7-7 of $LATEST", 0.0),
        ("it has ended", 3.0),
    ]
