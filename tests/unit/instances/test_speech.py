"""What the platform says in the log of a call that did not end well: once."""

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
