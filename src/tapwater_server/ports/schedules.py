"""The schedules that apps made by the API, and how far each schedule has come.

SCD-1  put(), remove() and mark() are durable before they return.
SCD-2  Reads answer from memory; watchers are told after a change is durable.
SCD-3  A mark is where it was left, also after kill -9. Marks noted in one call are noted together.
SCD-4  remove() takes the mark along; erase() takes all of an app and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule

SCHEDULES_MAX = 100_000  # of one app

MarkKey = tuple[AppId, str]  # the app, and "s:<schedule>" or "f:<function>#<trigger>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a schedule has come. ``said`` is its times and zone: other ones start anew."""

    app: AppId
    key: str
    said: str
    due_at: float  # up to here all times were seen to
    run_at: float = 0.0  # the last one that was run; 0.0: none yet

    @property
    def place(self) -> MarkKey:
        return self.app, self.key


class Schedules(Protocol):
    """See the promises above."""

    def get(self, app: AppId, name: str) -> Schedule | None: ...

    def of_app(self, app: AppId) -> Sequence[Schedule]:
        """By name."""
        ...

    def all(self) -> Sequence[Schedule]: ...

    async def put(self, schedule: Schedule) -> None:
        """Add or replace one.

        Raises:
            Overloaded: the app has ``SCHEDULES_MAX`` already.
        """
        ...

    async def remove(self, app: AppId, name: str) -> bool: ...

    def marks(self) -> Mapping[MarkKey, Mark]: ...

    async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        """Note how far schedules have come; forget the marks of others."""
        ...

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        """Be told the app and name of a schedule that came, went or changed; not of marks."""
        ...

    async def erase(self, app: AppId) -> None: ...


def schedule_key(name: str) -> str:
    """Name the mark of a schedule made by the API.

    >>> schedule_key("nightly")
    's:nightly'
    """
    return f"s:{name}"


def check_room(held: int) -> None:
    """Refuse one schedule too many.

    Raises:
        Overloaded: there are ``SCHEDULES_MAX``.
    """
    if held >= SCHEDULES_MAX:
        raise Overloaded(f"an app has at most {SCHEDULES_MAX} schedules: remove some")
