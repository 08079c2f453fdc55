"""One picture of a trace: what is in it, and in which order."""

from tapwater_server.ports.meter import LogLine, Span
from tapwater_server.services.seeing.tracing import name_of, roots_of, steps_of, trace_of
from tests.unit.services.seeing.given import call


def test_a_call_that_waited_has_a_step_for_each_wait() -> None:
    record = call(queue_ms=30.0, start_ms=20.0, wall_ms=50.0, cold=True)
    steps = list(steps_of(record))
    assert [(step.kind, round(step.at, 3), step.took_ms) for step in steps] == [
        ("invocation", 100.0, 80.0),
        ("queue", 100.0, 10.0),
        ("start", 100.01, 20.0),
        ("handler", 100.03, 50.0),
    ]
    assert {step.parent for step in steps[1:]} == {"s-i1"}
    assert steps[0].facts["cold"] == "true"


def test_what_was_written_down_twice_is_shown_once() -> None:
    step = Span(
        trace="t", id="a", parent="s-i1", name="one", kind="user", at=1.0, took_ms=1.0, app="shop"
    )
    own = Span(
        trace="t", id="s-i1", parent="", name="me", kind="user", at=1.0, took_ms=1.0, app="shop"
    )
    found = trace_of("t", records=[call(), call()], spans=[step, step, own], lines=[])
    assert sorted(each.id for each in found.spans) == sorted(
        ["a", "s-i1", "s-i1.queue", "s-i1.handler"]
    )
    assert next(each for each in found.spans if each.id == "s-i1").kind == "invocation"


def test_a_call_that_did_not_wait_has_a_handler_alone() -> None:
    steps = list(steps_of(call(queue_ms=0.01)))
    assert [step.kind for step in steps] == ["invocation", "handler"]


def test_one_that_failed_says_so_and_why() -> None:
    failed = call(ending="user_error", message="ValueError: no", fault="f", attempt=2)
    first, *_, handler = steps_of(failed)
    assert (first.ok, handler.ok) == (False, False)
    assert first.facts["message"] == "ValueError: no"
    assert first.facts["attempt"] == "2"
    assert "user" not in first.facts


def test_a_call_is_named_as_a_person_would() -> None:
    assert name_of(call(route="/users-api/{id}")) == "GET /users-api/{id}"
    assert name_of(call()) == "GET /users-api/hi"
    told = call(verb="event", event="tapwater.document.created", function="users/welcome")
    assert name_of(told) == "tapwater.document.created → users/welcome"
    assert name_of(call(verb="event", function="users/welcome")) == "users/welcome"


def test_a_trace_is_from_the_first_step_to_the_end_of_the_last() -> None:
    mail = Span(
        trace="t" * 32,
        id="m",
        parent="s-b",
        name="mail",
        kind="mail",
        at=102.0,
        took_ms=500.0,
        app="shop",
    )
    line = LogLine(
        at=101.0, app="shop", function="f", invocation="b", instance="x", level="info", text="a"
    )
    trace = trace_of("t" * 32, records=[call("b", at=101.0), call("a")], spans=[mail], lines=[line])
    assert (trace.at, trace.took_ms) == (100.0, 2500.0)
    assert [step.invocation for step in trace.spans if step.kind == "invocation"] == ["a", "b"]
    assert trace.spans[-1].kind == "mail"
    assert trace.lines == [line]


def test_nothing_is_an_empty_trace() -> None:
    trace = trace_of("t", records=[], spans=[], lines=[])
    assert (trace.at, trace.took_ms, trace.spans) == (0.0, 0.0, [])


def test_roots_are_the_first_calls_of_their_traces_the_newest_first() -> None:
    records = [
        call("e", at=103.0, depth=1, ending="timed_out"),
        call("d", at=102.0, trace="u" * 32),
        call("a", at=100.0),
        call("x", at=99.0, trace=""),
    ]
    newer, older = roots_of(records)
    assert (newer.invocation, newer.calls, newer.errors) == ("d", 1, 0)
    assert (older.invocation, older.calls, older.errors) == ("a", 2, 1)
    assert round(older.took_ms) == 3010
