"""W3C trace context (https://www.w3.org/TR/trace-context/): read, and derived from ids. Pure.

A ``traceparent`` is ``00-``, 32 digits of the trace, ``-``, 16 of a span, ``-``, 2 of flags. Steps
that are told again after a crash (an event, a delivery) derive their span from their id: told
again, it is the same span, and nothing about it has to be kept.
"""

import re
from hashlib import blake2b

SAMPLED = "01"
_VALID = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def is_traceparent(value: bytes) -> bool:
    """Say whether a header's value is one.

    >>> is_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    True
    """
    return _VALID.fullmatch(value) is not None and (value[:2] != b"00" or len(value) == 55)


def read_traceparent(text: str | None) -> bytes:
    """Give a header's value if it is a traceparent, else nothing."""
    value = (text or "").encode("latin-1", "replace")
    return value if is_traceparent(value) else b""


def trace_of(traceparent: bytes) -> str:
    """Give the trace's 32 digits; of nothing, nothing.

    >>> trace_of(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    return traceparent[3:35].decode("ascii", "replace")


def span_of(traceparent: bytes) -> str:
    """Give the span's 16 digits; of nothing, nothing."""
    return traceparent[36:52].decode("ascii", "replace")


def derived(cause: str, *ids: str) -> tuple[bytes, str]:
    """Give the context of a step that is known by its ids, and the span that caused it.

    ``cause`` is the traceparent of what caused it; without one the step begins a trace.

    >>> cause = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    >>> context, parent = derived(cause, "shop", "e1")
    >>> trace_of(context) == trace_of(cause.encode()), parent
    (True, '00f067aa0ba902b7')
    >>> derived("", "shop", "e1")[1]
    ''
    """
    named = "\0".join(ids).encode("utf-8", "surrogatepass")
    span = blake2b(named, digest_size=8, person=b"tapwater span").hexdigest()
    caused = read_traceparent(cause)
    if caused:
        return b"00-%b-%b-%b" % (caused[3:35], span.encode(), caused[53:55]), span_of(caused)
    trace = blake2b(named, digest_size=16, person=b"tapwater trace").hexdigest()
    return f"00-{trace}-{span}-{SAMPLED}".encode(), ""
