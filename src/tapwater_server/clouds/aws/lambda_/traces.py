"""W3C trace contexts and X-Amzn-Trace-Id, the one as the other. Pure but for fresh ids."""

from tapwater_server.model.trace import span_of
from tapwater_server.ports.tracing import Traces


def amazon_trace(traceparent: bytes) -> bytes:
    """Write a W3C trace context as AWS does.

    >>> amazon_trace(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    b'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1'
    """
    if len(traceparent) < 55:
        return b""
    root, span = traceparent[3:35], traceparent[36:52]
    sampled = b"1" if traceparent[-1:] == b"1" else b"0"
    return b"Root=1-%b-%b;Parent=%b;Sampled=%b" % (root[:8], root[8:], span, sampled)


def step_of(traces: Traces, trace: str) -> tuple[bytes, str]:
    """Give a call its own span in a trace, and its parent's; without one, a trace of its own."""
    if not trace:
        return traces.fresh(), ""
    said = trace.encode("latin-1")
    return traces.child(said), span_of(said)
