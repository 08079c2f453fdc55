"""Sums of what was used: by hour or day, project, app, function, revision, route and user.

LDG-1  What the meter took (MTR-4) is in the sums exactly once, whatever was killed when.
LDG-2  Sums are kept for good; they do not go with old records and logs.
LDG-3  An answer costs no reading of records: a year of a million calls a day is answered at once.
LDG-4  Beyond KEYS_A_DAY_MAX different users or routes of an app a day, the rest count as "(other)".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from tapwater_server.model.errors import Invalid

DIMENSIONS = ("hour", "day", "month", "project", "app", "function", "revision", "route", "user")
OTHER = "(other)"
KEYS_A_DAY_MAX = 5_000  # Different users of an app, and different routes.
HOUR_S, DAY_S = 3600, 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which sums: of which time, grouped by what. Times are seconds since the epoch, UTC days.

    Those of the hours (of users: days) that begin at ``since`` or later and before ``until``.
    """

    since: float
    until: float
    by: tuple[str, ...] = ()  # of DIMENSIONS; (): one sum of all
    project: str | None = None
    app: str | None = None
    function: str | None = None
    revision: str | None = None
    quantities: frozenset[str] | None = None  # None: all

    @property
    def of_users(self) -> bool:
        """Whether the sums of users are asked for."""
        return "user" in self.by

    def check(self) -> None:
        """See that there are such sums.

        Raises:
            Invalid: there are none.
        """
        unknown = [name for name in self.by if name not in DIMENSIONS]
        if unknown:
            raise Invalid(f"{unknown[0]} is nothing to sum by: use {', '.join(DIMENSIONS)}")
        finer = {"hour", "function", "revision", "route"} & set(self.by)
        if self.of_users and (finer or self.function is not None or self.revision is not None):
            raise Invalid("sums of users are kept by day, project and app only")


class Line(NamedTuple):
    """What one sum is of. ``at`` is the start of its hour or day."""

    at: int
    project: str
    app: str
    function: str = ""
    revision: str = ""
    route: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """One line of an answer. ``key`` has a text for each of ``Wanted.by``: 2026-11-21T09:00Z,
    2026-11-21, 2026-11, or a name.
    """

    key: tuple[str, ...] = ()
    amounts: Mapping[str, float] = field(default_factory=dict)  # model/usage.py: name -> sum


def kept_key(seen: set[str], text: str) -> str:
    """Give a user or route that is one of the first KEYS_A_DAY_MAX; OTHER for those after."""
    if text in seen or not text:
        return text
    if len(seen) >= KEYS_A_DAY_MAX:
        return OTHER
    seen.add(text)
    return text


def gathered(lines: Iterable[tuple[Line, Mapping[str, float]]], wanted: Wanted) -> list[Sums]:
    """Add up the lines that are wanted, grouped as wanted, in the order of their keys."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for line, amounts in lines:
        if _wants(wanted, line):
            into = found.setdefault(_key(line, wanted.by), {})
            for name, amount in amounts.items():
                if wanted.quantities is None or name in wanted.quantities:
                    into[name] = into.get(name, 0) + amount
    return [Sums(key=key, amounts=found[key]) for key in sorted(found)]


def _wants(wanted: Wanted, line: Line) -> bool:
    return (
        wanted.since <= line.at < wanted.until
        and (wanted.project is None or line.project == wanted.project)
        and (wanted.app is None or line.app == wanted.app)
        and (wanted.function is None or line.function == wanted.function)
        and (wanted.revision is None or line.revision == wanted.revision)
    )


def _key(line: Line, by: Sequence[str]) -> tuple[str, ...]:
    return tuple(_time(line.at, name) if name in _TIMES else getattr(line, name) for name in by)


_TIMES: Mapping[str, str] = {"hour": "%Y-%m-%dT%H:00Z", "day": "%Y-%m-%d", "month": "%Y-%m"}


def _time(at: int, name: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(_TIMES[name])


class Ledger(Protocol):
    """Reads what the meter added up."""

    async def sums(self, wanted: Wanted) -> Sequence[Sums]: ...
