"""Extensions: processes beside the runtime, told of each call and of the end."""

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import Any

from tapwater.clouds.aws.api.calls import CurrentCall
from tapwater.clouds.aws.api.connection import Connection
from tapwater.clouds.aws.api.http1 import Head
from tapwater.clouds.aws.api.takers import refusal
from tapwater.clouds.aws.faults import Fault
from tapwater.clouds.aws.times import epoch_ms

EVENTS = frozenset({"INVOKE", "SHUTDOWN"})
READY_S_MAX = 10.0  # As on Lambda, for all that comes before the first call.
_WAITING_MAX = 16  # events that one extension has not taken
_SAID_MAX = 1000
_ERROR_TYPE = "lambda-extension-function-error-type"
NAME = "lambda-extension-name"
IDENTIFIER = "lambda-extension-identifier"


@dataclass(slots=True, kw_only=True)
class Extension:
    """One that has registered."""

    id: str
    name: str
    events: frozenset[str]
    asking: Connection | None = None  # it waits for an event
    waiting: list[dict[str, Any]] = field(default_factory=list)


class Extensions:
    """All of an instance."""

    def __init__(self, about: dict[str, str]) -> None:
        self._about = about
        self._known: dict[str, Extension] = {}
        self._expected: set[str] = set()  # were started, and do not wait for events yet
        self._ending = False
        self._ready = asyncio.Event()
        self._ready.set()
        self.fault: Fault | None = None  # of one that gave up

    @property
    def expected(self) -> bool:
        """Whether there are some that are not ready yet."""
        return bool(self._expected)

    @property
    def any(self) -> bool:
        """Whether one has registered."""
        return bool(self._known)

    def expect(self, name: str) -> None:
        """One has been started: calls wait until it is ready for them."""
        self._expected.add(name)
        self._ready.clear()

    async def wait_ready(self) -> None:
        """Wait until all that were started wait for events, or one has given up."""
        try:
            async with asyncio.timeout(READY_S_MAX):
                await self._ready.wait()
        except TimeoutError:
            late = ", ".join(sorted(self._expected))
            self.fault = Fault("", f"{late}: not ready within {READY_S_MAX:g} s")
            self.fault.kind = "Extension.InitTimeout"

    def ended(self, name: str, fault: Fault) -> None:
        """The process of one has ended: all is well if it was told to."""
        if not self._ending:
            self.fault = Fault("", f"{name}: {fault.message}")
            self.fault.kind = "Extension.Crash"
        self._settle(name)

    def _settle(self, name: str) -> None:
        self._expected.discard(name)
        if not self._expected or self.fault is not None:
            self._ready.set()

    def register(self, head: Head, body: bytes, connection: Connection) -> None:
        """Take an extension in."""
        name = head.headers.get(NAME, "")
        try:
            events = frozenset(json.loads(body or b"{}").get("events", ()))
        except (ValueError, AttributeError, TypeError):
            connection.answer(400, {}, refusal("InvalidRequestFormat", "Could not parse the body"))
            return
        if not name:
            connection.answer(403, {}, refusal("Extension.InvalidExtensionName", "No name"))
        elif not events <= EVENTS:
            wrong = ", ".join(sorted(map(str, events - EVENTS)))
            text = f"{wrong}: no event an extension is told of"
            connection.answer(400, {}, refusal("Extension.InvalidEventType", text))
        else:
            id = _fresh_id()
            self._known[id] = Extension(id=id, name=name, events=events)
            connection.answer(200, {IDENTIFIER: id, **_JSON}, json.dumps(self._about).encode())

    def next(self, head: Head, _: bytes, connection: Connection) -> None:
        """An extension waits for the next event."""
        extension = self._find(head, connection)
        if extension is not None:
            extension.asking = connection
            self._settle(extension.name)
            self._offer(extension)

    def give_up(self, head: Head, body: bytes, connection: Connection) -> None:
        """An extension says that it cannot go on."""
        extension = self._find(head, connection)
        if extension is None:
            return
        said = body.decode("utf-8", "replace")[:_SAID_MAX]
        self.fault = Fault("", f"{extension.name}: {said}")
        self.fault.kind = head.headers.get(_ERROR_TYPE, "Extension.Error")
        self._settle(extension.name)
        connection.answer(202, {}, b'{"status":"OK"}')

    def told_of(self, current: CurrentCall) -> None:
        """A call begins."""
        asked = current.asked
        self._tell(
            {
                "eventType": "INVOKE",
                "deadlineMs": asked.deadline_ms,
                "requestId": asked.request,
                "invokedFunctionArn": asked.arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": asked.trace},
            }
        )

    def shut_down(self, *, left_ms: int) -> None:
        """The instance ends."""
        self._ending = True
        self._tell(
            {
                "eventType": "SHUTDOWN",
                "shutdownReason": "spindown",
                "deadlineMs": epoch_ms() + left_ms,
            }
        )

    def left(self, connection: Connection) -> None:
        """A connection is gone: nobody waits there any more."""
        for extension in self._known.values():
            if extension.asking is connection:
                extension.asking = None

    def _tell(self, event: dict[str, Any]) -> None:
        for extension in self._known.values():
            if event["eventType"] in extension.events:
                extension.waiting = [*extension.waiting, event][-_WAITING_MAX:]
                self._offer(extension)

    def _offer(self, extension: Extension) -> None:
        if extension.asking is not None and extension.waiting:
            asking, extension.asking = extension.asking, None
            headers = {"Lambda-Extension-Event-Identifier": _fresh_id(), **_JSON}
            asking.answer(200, headers, json.dumps(extension.waiting.pop(0)).encode())

    def _find(self, head: Head, connection: Connection) -> Extension | None:
        found = self._known.get(head.headers.get(IDENTIFIER, ""))
        if found is None:
            text = "Unknown extension"
            connection.answer(403, {}, refusal("Extension.UnknownExtensionIdentifier", text))
        return found


_JSON = {"Content-Type": "application/json"}


def _fresh_id() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
