"""Steps of a trace: where they hang, and that a call has no more of them than it may."""

from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.model.trace import span_of, trace_of
from tapwater_server.ports.meter import Span
from tapwater_server.ports.tracing import (
    FACT_LENGTH_MAX,
    NAME_LENGTH_MAX,
    SPANS_PER_CALL_MAX,
    Tracer,
    rest_of,
)
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")


class Opened:
    def __init__(self) -> None:
        self.clock, self.spans = ManualClock(), list[Span]()
        self.tracer = Tracer(spans=self.spans.append, clock=self.clock, ids=CountingIds())
        self.caller = Invocation(
            id=InvocationId("i1"),
            revision=RevisionId("r"),
            function=Function(
                id=FunctionId(SHOP, "a/f"),
                kind=Kind.RESTFUL,
                style=Style.VERBS,
                file="f.py",
                group="a",
            ),
            verb=Verb.HTTP,
            traceparent=self.tracer.fresh(),
        )


async def test_a_step_hangs_below_its_call() -> None:
    opened = Opened()
    step = opened.tracer.begin("x" * 999, "ask", app=SHOP, caller=opened.caller)
    await opened.clock.advance(0.25)
    step.end(ok=False, facts={"why": "y" * 9999})
    [span] = opened.spans
    assert span.parent == span_of(opened.caller.traceparent)
    assert span.trace == trace_of(opened.caller.traceparent) == trace_of(step.traceparent)
    assert span.id == span_of(step.traceparent)
    assert (span.took_ms, span.ok, span.invocation) == (250.0, False, "i1")
    assert len(span.name) == NAME_LENGTH_MAX
    assert len(span.facts["why"]) == FACT_LENGTH_MAX


def test_a_step_of_nobodys_begins_a_trace() -> None:
    opened = Opened()
    opened.tracer.begin("docs.post", "ask", app=SHOP).end()
    [span] = opened.spans
    assert (span.parent, span.invocation, span.app) == ("", "", "shop")


def test_steps_beyond_the_ceiling_are_counted() -> None:
    opened = Opened()
    for _ in range(SPANS_PER_CALL_MAX + 7):
        step = opened.tracer.begin("x", "ask", app=SHOP, caller=opened.caller)
        assert trace_of(step.traceparent) == trace_of(opened.caller.traceparent)
        step.end()
    assert len(opened.spans) == SPANS_PER_CALL_MAX
    assert rest_of(opened.caller, at=1.0).name == "… and 7 more steps"
