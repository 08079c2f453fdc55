"""What a handler may know about its call and ask of the platform: its ``ctx``.

A plain handler is given a ``Context``, an async one an ``AsyncContext``: what has to wait for an
answer blocks in the one and is awaited in the other.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from urllib.parse import urlencode

from tapwater.runtime import wire
from tapwater.runtime.answers import dump
from tapwater.runtime.asking import next_ask
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.steps import current_step

if TYPE_CHECKING:
    from tapwater.services.once import Once

_TOLD = frozenset({b"tapwater-delivery", b"tapwater-attempt"})


class How(TypedDict, total=False):
    """How another function is called, where its name and data do not say enough."""

    method: str
    path: str  # below a mounted app
    params: Mapping[str, object]  # the parts of its path
    query: Mapping[str, object]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which function this process runs."""

    app: str = ""
    function: str = ""  # "group/name"
    revision: str = ""


class HostRefused(Exception):
    """The platform did not do what the function asked for; the message says why."""


class CallFailed(Exception):
    """A function called through ``ctx.call`` did not end well."""

    def __init__(
        self, function: str, *, ending: str, status: int, body: Any, message: str = ""
    ) -> None:
        told = f"{function} ended with {ending}, status {status}"
        super().__init__(f"{told}: {message}" if message else told)
        self.function = function
        self.ending = ending
        self.status = status
        self.body = body


def read_delivery(call: Call) -> tuple[str, int]:
    """The errand a call is part of, and which attempt at it: as the platform's headers say.

    A client may send the same headers; only a call that no client made is believed.
    """
    if call.invoke.text(6) != b"background":
        return "", 1
    told = {name: value for name, value in call.invoke.headers if name in _TOLD}
    attempt = told.get(b"tapwater-attempt", b"1")
    return told.get(b"tapwater-delivery", b"").decode(), int(attempt) if attempt.isdigit() else 1


class CallFacts:
    """What is known of a call without asking anybody."""

    __slots__ = ("_call", "_identity")

    def __init__(self, call: Call, identity: Identity) -> None:
        self._call = call
        self._identity = identity

    @property
    def id(self) -> str:
        """The invocation's id, as in the logs."""
        return self._call.invoke.text(0).decode()

    @property
    def app(self) -> str:
        return self._identity.app

    @property
    def function(self) -> str:
        return self._identity.function

    @property
    def revision(self) -> str:
        return self._identity.revision

    @property
    def traceparent(self) -> str:
        """The W3C trace context of this call, to hand on."""
        return self._call.invoke.text(9).decode("latin-1")

    @property
    def trace_id(self) -> str:
        """The trace this call is part of: ``tapwater trace ID`` shows it."""
        return self.traceparent[3:35]

    @property
    def depth(self) -> int:
        """How many functions called each other to get here."""
        return self._call.invoke.depth

    @property
    def delivery(self) -> str:
        """The errand this call is part of, the same in each attempt; empty: a call that waits."""
        return read_delivery(self._call)[0]

    @property
    def attempt(self) -> int:
        """How often this errand has been begun, this time included."""
        return read_delivery(self._call)[1]

    def once(self, key: str, *, keep: float = 86_400.0) -> "Once":
        """Do something once, whatever comes twice: events do, and clients who try again.

            with ctx.once(ctx.delivery) as first:  # in an async handler: async with
                if first:
                    charge(card)

        When the block ends well, nobody is first with this key in this function for ``keep``
        seconds. When it raises, the key is free again; when the process dies inside, it is free
        after the function's time limit, or 15 minutes without one.

        Raises:
            OnceBusy: another call is inside the block now.
        """
        from tapwater.services.ambient import Ambient
        from tapwater.services.once import Once

        left = self.remaining()
        lease = 900.0 if left == float("inf") else left + 5.0
        return Once(Ambient(), key, lease=lease, keep=keep, scope=self.function)

    @property
    def deadline(self) -> float | None:
        """When the call is ended, on the clock of ``time.monotonic``; None: never."""
        return self._call.deadline

    def remaining(self) -> float:
        """Seconds left until the deadline; ``inf`` without one."""
        deadline = self._call.deadline
        return float("inf") if deadline is None else max(0.0, deadline - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more. Cheap enough to ask in a loop."""
        if self._call.cancelled is None:
            self._call.link.look()
        return self._call.cancelled is not None


class Context(CallFacts):
    """A plain handler's ``ctx``."""

    __slots__ = ()

    def call(self, function: str, data: Any = None, **how: Unpack[How]) -> Any:
        """Call another function of the app, ``group/name``, and wait for what it returns.

        ``data`` is the JSON body. Without ``method`` it is the one verb the function has, or POST
        with data and GET without.

        Raises:
            CallFailed: it raised, ran out of time, or answered with a status of 400 or more.
            HostRefused: there is no such function, or the calls have become a loop.
        """
        return read_called(function, self._ask("call", called(function, data, how)))

    def secret(self, name: str) -> str:
        """A secret of the app.

        Raises:
            HostRefused: there is none of that name, or this function may not read it.
        """
        return str(self._ask("secret", {"name": name})["value"])

    def _ask(self, name: str, body: Any) -> Any:
        call, number = self._call, send_ask(self._call, name, body)
        call.link.wait(call, lambda: number in call.answers or call.cancelled is not None)
        return read_answer(call, number)


class AsyncContext(CallFacts):
    """An async handler's ``ctx``."""

    __slots__ = ()

    async def call(self, function: str, data: Any = None, **how: Unpack[How]) -> Any:
        """As ``Context.call``, awaited."""
        return read_called(function, await self._ask("call", called(function, data, how)))

    async def secret(self, name: str) -> str:
        """As ``Context.secret``, awaited."""
        return str((await self._ask("secret", {"name": name}))["value"])

    async def _ask(self, name: str, body: Any) -> Any:
        call, number = self._call, send_ask(self._call, name, body)
        await call.link.wait_async(
            call, lambda: number in call.answers or call.cancelled is not None
        )
        return read_answer(call, number)


def called(function: str, data: Any, how: How) -> dict[str, Any]:
    """What is asked of the host to call a function.

    >>> called("a/b", 1, {"method": "put", "query": {"n": [1, 2]}})
    {'function': 'a/b', 'data': 1, 'method': 'PUT', 'query': 'n=1&n=2'}
    """
    asked: dict[str, Any] = {"function": function, "data": data, **how}
    if "method" in how:
        asked["method"] = how["method"].upper()
    if "query" in how:
        asked["query"] = urlencode(how["query"], doseq=True)
    step = current_step()
    if step:
        asked["span"] = step
    if "params" in how:
        asked["params"] = {name: str(value) for name, value in how["params"].items()}
    return asked


def read_called(function: str, answer: Any) -> Any:
    """What a called function returned, as the host tells it.

    Raises:
        CallFailed: it did not end well.
    """
    ending, status, body = answer.get("ending", "ok"), answer.get("status", 0), answer.get("body")
    if ending != "ok" or status >= 400:
        raise CallFailed(
            function,
            ending=str(ending),
            status=int(status),
            body=body,
            message=str(answer.get("message", "")),
        )
    return None if status == 204 else body


def send_ask(call: Call, name: str, body: Any) -> int:
    """Send a question; its number finds the answer."""
    number = next_ask(call)
    call.link.send(wire.pack_ask(call.number, number, name, dump(body)))
    return number


def read_answer(call: Call, number: int) -> Any:
    """The answer that has come.

    Raises:
        HostRefused: the host said no.
        CallerGone: the call was cancelled meanwhile.
    """
    if number not in call.answers:
        raise CallerGone(call.cancelled)
    fine, raw = call.answers.pop(number)
    value = json.loads(raw) if raw else None
    if fine:
        return value
    raise HostRefused(value.get("message", "refused") if isinstance(value, dict) else str(value))
