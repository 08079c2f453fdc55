"""Listeners of another kind than our functions: they take the errands of whole lines, in their own
shapes, and hear what happens. Other clouds' rooms give them.

LSN-1  serving() and heard() answer from memory, and change nothing.
LSN-2  heard() gives the same errands, with the same ids, for the same event, as long as nothing
       was changed: after a crash an event is read again.
LSN-3  deliver() says of each delivery it was given what becomes of it. Whatever else it does (it
       tells of an end, say) is durable before it returns.
LSN-4  Whoever watches is told after serving() may have changed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tapwater_server.model.event import Event
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Headers, Outcome
from tapwater_server.ports.bus import Delivery, Errand, Settlement

ANSWER_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a function is told by a listener."""

    revision: Revision
    function: Function
    body: bytes
    headers: Headers = field(default_factory=list)
    event: str = ""  # what kind of event that is, for the call's record
    answer_bytes_max: int = ANSWER_BYTES_MAX


Door = Callable[[Told], Awaitable[Outcome]]  # Calls a function. That it fails is an outcome, too.


class Listener(Protocol):
    """Takes deliveries."""

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        """See to deliveries of one line; say what becomes of each."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Who takes the errands of a line, and how many at once."""

    listener: Listener
    app: AppId
    function: Function | None = None  # whose budget may keep its errands waiting
    seats: int = 1  # batches (or deliveries) under way
    size: int = 0  # errands in one batch; 0: each by itself
    window_s: float = 0.0  # how long to wait for a batch to become full
    together: bool = False  # errands of one key may come in one batch, in order: see BUS-8


class Listeners(Protocol):
    """See the promises above."""

    def serving(self, line: str) -> Serving | None:
        """Say who serves a line; None: none of these."""
        ...

    def heard(self, event: Event) -> Sequence[Errand]:
        """Say what is to be done because something has happened."""
        ...

    def watch(self, told: Callable[[], None]) -> None: ...


class Listening:
    """All listeners there are: each room adds its own."""

    def __init__(self) -> None:
        self._all: list[Listeners] = []
        self._watching: list[Callable[[], None]] = []

    def add(self, listeners: Listeners) -> None:
        self._all.append(listeners)
        listeners.watch(self._told)

    def serving(self, line: str) -> Serving | None:
        for listeners in self._all:
            found = listeners.serving(line)
            if found is not None:
                return found
        return None

    def heard(self, event: Event) -> Sequence[Errand]:
        return [errand for listeners in self._all for errand in listeners.heard(event)]

    def watch(self, told: Callable[[], None]) -> None:
        self._watching.append(told)

    def _told(self) -> None:
        for told in self._watching:
            told()
