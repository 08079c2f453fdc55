"""Steps of a call in its trace, and what to hand on to other systems.

    with tapwater.span("resize", size=3) as step:
        step.note(width=resize(image))

    requests.get(url, headers=tapwater.trace.headers())

Outside the platform a span does nothing, and there is nothing to hand on.
"""

import json
import os
import time
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tapwater.runtime.logs import SINK
from tapwater.runtime.steps import STEP
from tapwater.runtime.wire import Kind, pack

if TYPE_CHECKING:
    from tapwater.runtime.call import Call

SPANS_MAX = 1_000  # of one call; of more only the number is told, a thousand at a time
FACTS_MAX = 16
NAME_LENGTH_MAX = 200
FACT_LENGTH_MAX = 300


def headers() -> dict[str, str]:
    """What to send along, so that what another system does belongs to the same trace."""
    call = SINK.call()
    if call is None:
        return {}
    traceparent = STEP.get() or call.invoke.text(9).decode("latin-1")
    if not traceparent:
        return {}
    states = [value.decode("latin-1") for name, value in call.invoke.headers if name == _STATE]
    return {"traceparent": traceparent} | ({"tracestate": ",".join(states)} if states else {})


def id() -> str:
    """The id of the trace; ``tapwater trace ID`` shows it. Empty outside a call."""
    return headers().get("traceparent", "")[3:35]


class span:
    """A step with a name, timed. Spans inside it are its parts; so is what it asks of services."""

    __slots__ = ("_began", "_call", "_facts", "_id", "_name", "_parent", "_token")

    def __init__(self, name: str, **facts: Any) -> None:
        self._name, self._facts = name, facts
        self._call: Call | None = None
        self._token: Token[str] | None = None

    def note(self, **facts: Any) -> None:
        """Say more of it, before it ends."""
        self._facts |= facts

    def __enter__(self) -> "span":
        call = SINK.call()
        own = "" if call is None else call.invoke.text(9).decode("latin-1")
        if call is not None and len(own) == 55:
            self._call, self._id = call, os.urandom(8).hex()
            self._parent = STEP.get()[36:52]
            self._token = STEP.set(f"{own[:36]}{self._id}{own[52:]}")
        self._began = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        call, token = self._call, self._token
        if call is None or token is None:
            return
        self._call = self._token = None
        try:
            STEP.reset(token)
        except ValueError:
            STEP.set("")  # It was opened in another context: a generator's, say.
        if not call.ended:
            took_ms = (time.monotonic() - self._began) * 1e3
            _send(call, self._told(took_ms, kind))

    def _told(self, took_ms: float, kind: type[BaseException] | None) -> dict[str, Any]:
        facts = dict(list(self._facts.items())[:FACTS_MAX])
        if kind is not None:
            facts["error"] = kind.__name__
        told = {_text(name, 64): _text(fact, FACT_LENGTH_MAX) for name, fact in facts.items()}
        return {
            "id": self._id,
            "parent": self._parent,
            "name": _text(self._name, NAME_LENGTH_MAX),
            "ms": took_ms,
            "ok": kind is None,
            "facts": told,
        }


def _send(call: "Call", told: dict[str, Any]) -> None:
    call.spans = count = getattr(call, "spans", 0) + 1
    if count > SPANS_MAX:
        if (count - SPANS_MAX) % SPANS_MAX:
            return
        told = {"more": SPANS_MAX}
    call.link.send(pack(Kind.SPAN, call.number, json.dumps(told).encode()))


def _text(value: Any, length: int) -> str:
    return str(value)[:length].encode("utf-8", "backslashreplace").decode()


_STATE = b"tracestate"
