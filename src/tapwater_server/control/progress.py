"""Tells a client how a deploy goes: each step when it begins, when it is done, how long it took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tapwater_server.ports.clock import Clock

Said = Callable[[dict[str, Any]], None]


@dataclass(slots=True, kw_only=True)
class Step:
    """One step in progress; ``detail`` is said at its end, ``note()`` while it lasts."""

    name: str
    said: Said
    detail: str = ""

    def note(self, detail: str) -> None:
        self.said({"step": self.name, "state": "note", "detail": detail})


class Progress:
    """The steps of one deploy."""

    def __init__(self, *, clock: Clock, said: Said) -> None:
        self._clock = clock
        self._said = said

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Say that a step begins and, unless it raises, that it is done."""
        began = self._clock.monotonic()
        self._said({"step": name, "state": "begin", "detail": ""})
        step = Step(name=name, said=self._said)
        yield step
        took_ms = round((self._clock.monotonic() - began) * 1000, 1)
        self._said({"step": name, "state": "done", "detail": step.detail, "ms": took_ms})
