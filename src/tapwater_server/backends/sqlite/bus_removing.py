"""What people and the house do with errands: revive, drop, sweep, erase."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from tapwater_server.backends.sqlite.bus_heads import Head
from tapwater_server.backends.sqlite.bus_keys import order_keys
from tapwater_server.backends.sqlite.bus_leasing import wake
from tapwater_server.backends.sqlite.bus_listing import json_of, pick, pick_dead
from tapwater_server.ports.bus import Filter

CHUNK_MAX = 500  # Rows removed in one write: others wait for no more than that.

# Its time to live is over, or it would not have been asked for: it lives without one now.
_REVIVE = """
UPDATE errand SET state = 0, attempt = 0, lost = 0, unsettled = 0, due = :now, settled_at = 0.0,
                  expires_at = 0.0
WHERE seq IN (SELECT value FROM json_each(:seqs)) RETURNING id, seq, line, key
"""
_DROP = """
UPDATE errand SET state = 6, settled_at = :now, lease = lease + 1, result = x'', reason = ''
WHERE seq IN (SELECT value FROM json_each(:seqs))
RETURNING id, seq, line, key
"""
_FORGET = "DELETE FROM errand_content WHERE seq IN (SELECT value FROM json_each(:seqs))"
_DELETE = "DELETE FROM errand WHERE seq IN (SELECT value FROM json_each(:seqs))"
_OVER = "SELECT seq FROM errand WHERE state IN (4, 6) AND settled_at < :until LIMIT :count_max"
# From line to line through the index of what has a time to live.
_EXPIRING = """
WITH RECURSIVE expiring (line) AS (
    SELECT min(line) FROM errand WHERE expires_at > 0 AND state < 3
    UNION ALL
    SELECT (SELECT min(line) FROM errand
            WHERE expires_at > 0 AND state < 3 AND line > expiring.line)
    FROM expiring WHERE expiring.line IS NOT NULL)
SELECT line FROM expiring WHERE line IS NOT NULL
"""
_OF_APP = "SELECT seq FROM errand WHERE app = :app LIMIT :count_max"


@dataclass(frozen=True, slots=True)
class Touched:
    """Which errands it was, and what became of their lines."""

    ids: Sequence[str]
    heads: Sequence[Head]


def revive(
    connection: sqlite3.Connection, filter: Filter, *, count_max: int, now: float
) -> Touched:
    """Let dead letters wait again, the oldest first."""
    seqs = pick_dead(connection, filter, count_max=count_max, now=now)
    rows = connection.execute(_REVIVE, {"seqs": json_of(seqs), "now": now}).fetchall()
    order_keys(connection, [(seq, line, key) for _, seq, line, key in rows])
    return Touched(
        ids=[id for id, *_ in rows],
        heads=[Head(line=line, ready=True) for line in {line for _, _, line, _ in rows}],
    )


def drop(
    connection: sqlite3.Connection,
    filter: Filter,
    *,
    count_max: int,
    now: float,
    leased: bool = False,
) -> Touched:
    """Let what is not leased be gone, or all of it."""
    seqs = pick(connection, filter, count_max=count_max, now=now, leased=leased)
    rows = connection.execute(_DROP, {"seqs": json_of(seqs), "now": now}).fetchall()
    connection.execute(_FORGET, {"seqs": json_of([seq for _, seq, *_ in rows])})
    heads = order_keys(connection, [(seq, line, key) for _, seq, line, key in rows])
    return Touched(ids=[id for id, *_ in rows], heads=heads)


def expiring(connection: sqlite3.Connection) -> Sequence[str]:
    """Name the lines that have something with a time to live."""
    return [line for (line,) in connection.execute(_EXPIRING)]


def expire(connection: sqlite3.Connection, *, lines: Sequence[str], now: float) -> Sequence[Head]:
    """Let what is too old die also in lines that nobody leases from."""
    for line in lines:
        wake(connection, line, now)
    return [Head(line=line, ready=True) for line in lines]


def sweep(connection: sqlite3.Connection, *, until: float) -> int:
    """Delete some that were settled before; say how many."""
    return _delete(connection, connection.execute(_OVER, {"until": until, "count_max": CHUNK_MAX}))


def erase(connection: sqlite3.Connection, app: str) -> int:
    """Delete some of an app; say how many."""
    return _delete(connection, connection.execute(_OF_APP, {"app": app, "count_max": CHUNK_MAX}))


def _delete(connection: sqlite3.Connection, found: sqlite3.Cursor) -> int:
    seqs = [seq for (seq,) in found]
    connection.execute(_FORGET, {"seqs": json_of(seqs)})
    return connection.execute(_DELETE, {"seqs": json_of(seqs)}).rowcount
