"""Which step of its trace the running code is in, and what is told of the trace. Loads nothing."""

from contextvars import ContextVar

from tapwater.runtime.wire import Headers

# The traceparent of the innermost ``tapwater.span`` that is open; empty: the call's own span.
STEP: ContextVar[str] = ContextVar("tapwater_step", default="")
current_step = STEP.get

_NAME = b"traceparent"


def with_trace(headers: Headers, traceparent: bytes) -> Headers:
    """Add the call's own span to what an app reads, unless the request named one: the platform has
    put the call's own in its place then.

    >>> with_trace([(b"host", b"a")], b"00-1")
    [(b'host', b'a'), (b'traceparent', b'00-1')]
    """
    if not traceparent or any(name == _NAME for name, _ in headers):
        return headers
    return [*headers, (_NAME, traceparent)]
