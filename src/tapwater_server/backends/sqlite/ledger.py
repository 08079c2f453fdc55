"""Reads the sums that the meter's batches left in its file."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from math import ceil

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.sums import stored_amounts
from tapwater_server.ports.ledger import DAY_S, HOUR_S, Line, Sums, Wanted, gathered

_SUMS = """
SELECT amounts, at, project, app, function, revision, route FROM sum
WHERE step = :step AND at >= :since AND at < :until
AND (:project IS NULL OR project = :project) AND (:app IS NULL OR app = :app)
AND (:function IS NULL OR function = :function) AND (:revision IS NULL OR revision = :revision)
"""
_USERS = """
SELECT amounts, at, project, app, '', '', '', user FROM sum_user
WHERE at >= :since AND at < :until
AND (:project IS NULL OR project = :project) AND (:app IS NULL OR app = :app)
"""
_FIRST_HOUR = "SELECT min(at) FROM sum WHERE step = 3600"


class SqliteLedger:
    """See the promises of ``ports/ledger.py``."""

    def __init__(self, *, database: Database, flush: Callable[[], Awaitable[None]]) -> None:
        self._database, self._flush = database, flush

    async def sums(self, wanted: Wanted) -> Sequence[Sums]:
        wanted.check()
        await self._flush()
        return await self._database.read(partial(_read, wanted=wanted))


def _read(connection: sqlite3.Connection, wanted: Wanted) -> list[Sums]:
    return gathered(_lines(connection, wanted), wanted)


def _lines(
    connection: sqlite3.Connection, wanted: Wanted
) -> Iterator[tuple[Line, dict[str, float]]]:
    whose = {
        "project": wanted.project,
        "app": wanted.app,
        "function": wanted.function,
        "revision": wanted.revision,
    }
    if wanted.of_users:
        asked = {"since": wanted.since, "until": wanted.until, **whose}
        for amounts, *place in connection.execute(_USERS, asked):
            yield Line(*place), stored_amounts(amounts)
        return
    (first_hour,) = connection.execute(_FIRST_HOUR).fetchone()
    kept_since = first_hour if first_hour is not None else wanted.until
    for step, since, until in pieces(wanted, kept_since=kept_since):
        asked = {"step": step, "since": since, "until": until, **whose}
        for amounts, *place in connection.execute(_SUMS, asked):
            yield Line(*place), stored_amounts(amounts)


def pieces(wanted: Wanted, *, kept_since: float) -> list[tuple[int, float, float]]:
    """Cut a time into hours, whole days, and hours again; hours only where they are wanted.

    Before ``kept_since`` there are no hours any more: there a day belongs to where it begins.

    >>> pieces(Wanted(since=82_800, until=180_000), kept_since=0)
    [(3600, 82800, 86400), (86400, 86400, 172800), (3600, 172800, 180000)]
    """
    since, until = wanted.since, wanted.until
    if "hour" in wanted.by:
        return [(HOUR_S, since, until)]
    first, last = ceil(since / DAY_S) * DAY_S, int(until // DAY_S) * DAY_S
    if first > last:
        return [(HOUR_S, since, until)]
    if last < kept_since:
        last, until = ceil(until / DAY_S) * DAY_S, 0
    found = [(HOUR_S, since, first), (DAY_S, first, last), (HOUR_S, last, until)]
    return [(step, start, end) for step, start, end in found if start < end]
