"""Who of a key may be leased: the first alone, or the best few. Kept true after each change.

Of the errands of one line and key, the smallest ``at_once`` of those not settled counts. If it is
1, only the earliest may be ready, and only while none is leased. If it is more, as many of the
best are ready as may still be leased. All others that are due are held.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tapwater_server.backends.sqlite.bus_heads import Head

# Nearly all keys are told one after the other. For these, three statements do for any number of
# keys; each step of SQLite lets go of the interpreter, which is dear on a busy node.
_HOLD_ALL_BUT_FIRST = """
UPDATE errand SET state = 2 WHERE state = 0 AND seq IN (
    SELECT mate.seq
    FROM json_each(:seqs) AS touched
    CROSS JOIN errand AS one ON one.seq = touched.value AND one.key <> '' AND one.at_once = 1
    CROSS JOIN errand AS mate ON mate.line = one.line AND mate.key = one.key
        AND mate.key <> '' AND mate.state = 0
    WHERE EXISTS (SELECT 1 FROM errand AS leased
                  WHERE leased.line = one.line AND leased.key = one.key AND leased.state = 3)
       OR EXISTS (SELECT 1 FROM errand AS earlier
                  WHERE earlier.line = one.line AND earlier.key = one.key
                    AND earlier.key <> '' AND earlier.state < 4 AND earlier.seq < mate.seq))
"""
_RELEASE_FIRST = """
UPDATE errand SET state = 0 WHERE state = 2 AND seq IN (
    SELECT (SELECT open.seq FROM errand AS open
            WHERE open.line = one.line AND open.key = one.key
              AND open.key <> '' AND open.state < 4 ORDER BY open.seq LIMIT 1)
    FROM json_each(:seqs) AS touched
    CROSS JOIN errand AS one ON one.seq = touched.value AND one.key <> '' AND one.at_once = 1
    WHERE NOT EXISTS (SELECT 1 FROM errand AS leased
                      WHERE leased.line = one.line AND leased.key = one.key AND leased.state = 3))
RETURNING line
"""
_OTHERS = """
SELECT one.line, one.key
FROM json_each(:seqs) AS touched
CROSS JOIN errand AS one ON one.seq = touched.value AND one.key <> ''
WHERE one.at_once > 1 OR EXISTS (
    SELECT 1 FROM errand AS mate
    WHERE mate.line = one.line AND mate.key = one.key
      AND mate.key <> '' AND mate.state < 4 AND mate.at_once > 1)
"""
_LIMIT = """
SELECT min(at_once), (SELECT count(*) FROM errand
                      WHERE line = :line AND key = :key AND state = 3)
FROM errand WHERE line = :line AND key = :key AND key <> '' AND state < 4
"""
_FIRST = """
SELECT seq FROM errand
WHERE line = :line AND key = :key AND key <> '' AND state < 4 ORDER BY seq LIMIT 1
"""
_BEST = """
SELECT seq FROM errand
WHERE line = :line AND key = :key AND key <> '' AND at_once > 1 AND state IN (0, 2)
ORDER BY priority DESC, seq LIMIT :count_max
"""
_READY = "SELECT seq FROM errand WHERE line = :line AND key = :key AND key <> '' AND state = 0"
_HOLD = "UPDATE errand SET state = 2 WHERE seq = :seq"
_RELEASE = "UPDATE errand SET state = 0 WHERE seq = :seq AND state = 2"


def order_keys(
    connection: sqlite3.Connection, touched: Iterable[tuple[int, str, str]]
) -> Sequence[Head]:
    """Hold and release errands of the keys of these errands (seq, line, key); say which lines
    have something more to lease.
    """
    seqs = list({(line, key): seq for seq, line, key in touched if key}.values())
    return order_keys_of(connection, "[" + ",".join(map(str, seqs)) + "]") if seqs else ()


def order_keys_of(connection: sqlite3.Connection, seqs: str) -> Sequence[Head]:
    """The same for errands by number, a JSON list with one of each key."""
    some = {"seqs": seqs}
    connection.execute(_HOLD_ALL_BUT_FIRST, some)
    lines = {line for (line,) in connection.execute(_RELEASE_FIRST, some).fetchall()}
    for line, key in connection.execute(_OTHERS, some).fetchall():
        if _order(connection, {"line": line, "key": key}):
            lines.add(line)
    return [Head(line=line, ready=True) for line in lines]


def _order(connection: sqlite3.Connection, of: dict[str, Any]) -> bool:
    at_once, leased = connection.execute(_LIMIT, of).fetchone()
    if at_once is None:
        return False
    if at_once > 1:
        best = connection.execute(_BEST, of | {"count_max": max(at_once - leased, 0)})
        chosen = {seq for (seq,) in best}
    else:
        chosen = set() if leased else {connection.execute(_FIRST, of).fetchone()[0]}
    ready = {seq for (seq,) in connection.execute(_READY, of)}
    connection.executemany(_HOLD, [{"seq": seq} for seq in ready - chosen])
    released = connection.executemany(_RELEASE, [{"seq": seq} for seq in chosen - ready])
    return released.rowcount > 0
