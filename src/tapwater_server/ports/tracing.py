"""Trace contexts, made by counting; and the steps of a trace, timed and written down.

Nothing here waits or asks chance: a context costs half a microsecond, a step two.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from itertools import count

from tapwater_server.model.invocation import Invocation
from tapwater_server.model.trace import span_of, trace_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.meter import Span

SPANS_PER_CALL_MAX = 1_000  # More are counted, and one span says how many.
NAME_LENGTH_MAX = 200
FACT_LENGTH_MAX = 500
# An odd number: multiplying by it changes the order of the numbers below 2**64 and nothing else.
# (Samplers of other systems look at the low digits of a trace, and want them spread out.)
_SPREAD = 0x9E3779B97F4A7C15
_LOW = 0xFFFF_FFFF_FFFF_FFFF
_ODD = b"13579bdf"

Spans = Callable[[Span], None]


def unseen(span: Span) -> None:
    """Where nobody looks."""


class Traces:
    """Makes traceparents that nobody else makes: chance once, then counting.

    Drawing 24 random bytes for every request would cost more than routing it.
    """

    __slots__ = ("_before", "_numbers")

    def __init__(self, ids: IdSource) -> None:
        drawn = blake2b(ids.secret().encode(), digest_size=16).digest()
        self._before = f"00-{drawn[:8].hex()}".encode()
        # Spans of one trace are made by several processes: each begins somewhere else.
        self._numbers = count(1 + (int.from_bytes(drawn[8:], "big") >> 1))

    def fresh(self) -> bytes:
        """Begin a trace, marked as sampled: every invocation is written down."""
        own = b"%016x" % (next(self._numbers) * _SPREAD & _LOW)
        return b"%b%b-%b-01" % (self._before, own, own)

    def child(self, parent: bytes) -> bytes:
        """Make a span of its own below ``parent``, a valid traceparent; its sampled flag stays."""
        number = next(self._numbers) * _SPREAD & _LOW
        sampled = b"01" if parent[54] in _ODD else b"00"
        return b"00%b-%016x-%b" % (parent[2:35], number, sampled)


class Step:
    """A step that has begun: what follows from it names its ``traceparent``. End it once."""

    __slots__ = ("_began", "_span", "_tracer", "traceparent")

    def __init__(self, tracer: "Tracer", span: Span | None, traceparent: bytes) -> None:
        self._tracer, self._span, self.traceparent = tracer, span, traceparent
        self._began = tracer.clock.monotonic()

    def end(self, *, ok: bool = True, facts: Mapping[str, str] | None = None) -> None:
        """Write it down."""
        span = self._span
        if span is None:
            return
        span.took_ms = (self._tracer.clock.monotonic() - self._began) * 1e3
        span.ok = ok
        if facts:
            span.facts |= {name: fact[:FACT_LENGTH_MAX] for name, fact in facts.items()}
        self._tracer.write(span)


class Tracer:
    """Begins steps and writes them down."""

    def __init__(self, *, spans: Spans, clock: Clock, ids: IdSource) -> None:
        self.write, self.clock = spans, clock
        self._traces = Traces(ids)
        self.fresh, self.child = self._traces.fresh, self._traces.child

    def begin(
        self,
        name: str,
        kind: str,
        *,
        app: str,
        parent: bytes = b"",
        caller: Invocation | None = None,
    ) -> Step:
        """Begin a step below ``parent``, or below the call that makes it."""
        if caller is not None:
            parent = parent or caller.traceparent
        traceparent = self.child(parent) if parent else self.fresh()
        if caller is not None and not take_span(caller):
            return Step(self, None, traceparent)
        span = Span(
            trace=trace_of(traceparent),
            id=span_of(traceparent),
            parent=span_of(parent),
            name=name[:NAME_LENGTH_MAX],
            kind=kind,
            at=self.clock.now(),
            took_ms=0.0,
            app=app,
            function="" if caller is None else caller.function.id.name,
            invocation="" if caller is None else caller.id,
        )
        return Step(self, span, traceparent)


def take_span(caller: Invocation) -> bool:
    """Count a span of a call; say whether it may still be written down."""
    caller.spans += 1
    return caller.spans <= SPANS_PER_CALL_MAX


def rest_of(caller: Invocation, *, at: float) -> Span:
    """Say in one span how many of a call's were left out. It must have had too many."""
    left = caller.spans - SPANS_PER_CALL_MAX
    assert left > 0
    own = span_of(caller.traceparent)
    return Span(
        trace=trace_of(caller.traceparent),
        id=blake2b(f"{own} rest".encode(), digest_size=8).hexdigest(),
        parent=own,
        name=f"… and {left} more steps",
        kind="user",
        at=at,
        took_ms=0.0,
        app=caller.function.id.app,
        function=caller.function.id.name,
        invocation=caller.id,
    )
