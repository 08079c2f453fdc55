"""Reads the series that the meter's batches left in its file."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.sums import TALLIES_KEPT_S, stored_tally
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.stats import STEPS_S, Line, Point, SeriesWanted, Tally, points

_ROWS_A_KEY_MAX = 500  # Read for one key: beyond that the next wider tallies do.

_TALLIES = """
SELECT calls, at, app, function, revision, route FROM tally
WHERE step = :step AND at > :since - :step AND at < :until
AND (:app IS NULL OR app = :app) AND (:function IS NULL OR function = :function)
AND (:revision IS NULL OR revision = :revision) AND (:route IS NULL OR route = :route)
"""


class SqliteStats:
    """See the promises of ``ports/stats.py``."""

    def __init__(
        self, *, database: Database, flush: Callable[[], Awaitable[None]], clock: Clock
    ) -> None:
        self._database, self._flush, self._clock = database, flush, clock

    async def series(self, wanted: SeriesWanted) -> Sequence[Point]:
        wanted.check()
        await self._flush()
        step = step_of(wanted, now=self._clock.now())
        work = partial(_read, wanted=wanted.fitted(step), step=step)
        return await self._database.read(work)


def step_of(wanted: SeriesWanted, *, now: float) -> int:
    """Choose what to read: tallies that are still there, and no narrower than is of use.

    >>> step_of(SeriesWanted(since=0, until=3600, step_s=60), now=3600)
    60
    >>> step_of(SeriesWanted(since=0, until=86400, step_s=900), now=86400)
    600
    """
    for step in STEPS_S[:-1]:
        wider = STEPS_S[STEPS_S.index(step) + 1]
        there = now - wanted.since <= TALLIES_KEPT_S[step]
        useful = wanted.step_s < wider and wanted.step_s > 0
        few = (wanted.until - wanted.since) / step <= _ROWS_A_KEY_MAX
        if there and (useful or few):
            return step
    return STEPS_S[-1]


def _read(connection: sqlite3.Connection, wanted: SeriesWanted, step: int) -> list[Point]:
    return points(_lines(connection, wanted, step), wanted)


def _lines(
    connection: sqlite3.Connection, wanted: SeriesWanted, step: int
) -> Iterator[tuple[Line, Tally]]:
    asked = {
        "step": step,
        "since": wanted.since,
        "until": wanted.until,
        "app": wanted.app,
        "function": wanted.function,
        "revision": wanted.revision,
        "route": wanted.route,
    }
    for calls, *place in connection.execute(_TALLIES, asked):
        yield Line(*place), stored_tally(calls)
