"""Sums of what was used: by hour or day, project, app, function, revision, route and user.

LDG-1  What the meter took (MTR-4) is in the sums exactly once, whatever was killed when.
LDG-2  Sums are kept for good; they do not go with old records and logs.
LDG-3  An answer costs no reading of records: a year of a million calls a day is answered at once.
LDG-4  Beyond KEYS_A_DAY_MAX different users or routes of an app a day, the rest count as "(other)".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

DIMENSIONS = ("hour", "day", "month", "project", "app", "function", "revision", "route", "user")
OTHER = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sums: of which time, grouped by what. Times are seconds since the epoch, UTC days."""

    since: float
    until: float
    by: tuple[str, ...] = ()  # of DIMENSIONS; (): one sum of all
    project: str | None = None
    app: str | None = None
    function: str | None = None
    revision: str | None = None
    quantities: frozenset[str] | None = None  # None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """One line of an answer. ``key`` has a text for each of ``Wanted.by``."""

    key: tuple[str, ...] = ()
    amounts: Mapping[str, float] = field(default_factory=dict)  # model/usage.py: name -> sum


class Ledger(Protocol):
    """Reads what the meter added up."""

    async def sums(self, wanted: Wanted) -> Sequence[Sums]: ...
