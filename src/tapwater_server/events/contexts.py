"""Where events and deliveries stand in a trace: cause → event → delivery → its attempts. Pure.

Each has a span that is made of its id, so that what is told again after a crash is the same step.
"""

from tapwater_server.events.audience import Target
from tapwater_server.model.event import Event
from tapwater_server.model.trace import derived, span_of, trace_of
from tapwater_server.ports.bus import Delivery, Errand
from tapwater_server.ports.meter import Span
from tapwater_server.ports.tracing import FACT_LENGTH_MAX, NAME_LENGTH_MAX


def event_context(event: Event) -> tuple[bytes, str]:
    """Give an event's own span, in the trace of what caused it, and that cause's."""
    return derived(event.trace, event.app, event.id)


def delivery_context(errand: Errand) -> tuple[bytes, str]:
    """Give a delivery's span: the parent of all attempts at it."""
    return derived(errand.trace, "delivery", errand.app, errand.id)


def event_span(event: Event, matches: int, *, now: float) -> Span:
    """An event, from when it happened until those who hear of it were found."""
    context, parent = event_context(event)
    return Span(
        trace=trace_of(context),
        id=span_of(context),
        parent=parent,
        name=f"event {event.type}"[:NAME_LENGTH_MAX],
        kind="event",
        at=event.at,
        took_ms=max(0.0, now - event.at) * 1e3,
        app=event.app,
        facts={
            "event": event.id,
            "source": event.source[:FACT_LENGTH_MAX],
            "subject": event.subject[:FACT_LENGTH_MAX],
            "deliveries": str(matches),
        },
    )


def delivery_span(delivery: Delivery, target: Target, *, now: float) -> Span:
    """A delivery's wait, from its publishing until the first attempt."""
    errand = delivery.errand
    context, parent = delivery_context(errand)
    return Span(
        trace=trace_of(context),
        id=span_of(context),
        parent=parent,
        name=f"delivery {_addressee(errand, target)}"[:NAME_LENGTH_MAX],
        kind="delivery",
        at=delivery.published_at,
        took_ms=max(0.0, now - delivery.published_at) * 1e3,
        app=errand.app,
        function=_function(errand),
        facts=_facts(delivery, target),
    )


def end_span(delivery: Delivery, target: Target | None, reason: str, *, now: float) -> Span:
    """The end of a delivery that was given up."""
    errand = delivery.errand
    above = delivery_context(errand)[0]
    context, parent = derived(above.decode("ascii"), "dead", errand.app, errand.id)
    return Span(
        trace=trace_of(context),
        id=span_of(context),
        parent=parent,
        name="dead letter",
        kind="delivery",
        at=now,
        took_ms=0.0,
        app=errand.app,
        function=_function(errand),
        ok=False,
        facts={**_facts(delivery, target), "reason": reason[:FACT_LENGTH_MAX]},
    )


def _facts(delivery: Delivery, target: Target | None) -> dict[str, str]:
    errand = delivery.errand
    said = {
        "delivery": errand.id,
        "event": errand.event,
        "queue": "" if target is None else target.queue,
        "attempt": str(delivery.attempt),
    }
    return {name: fact for name, fact in said.items() if fact}


def _addressee(errand: Errand, target: Target) -> str:
    return f"from queue {target.queue}" if target.queue else f"to {_function(errand)}"


def _function(errand: Errand) -> str:
    return errand.function.partition(":")[2]
