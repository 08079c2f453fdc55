"""Who of a key may be leased: the first alone, or the best few. Kept true after each change.

Of the errands of one line and key, the smallest ``at_once`` of those not settled counts. If it is
1, only the earliest may be ready, and only while none is leased. If it is more, as many of the
best are ready as may still be leased. All others that are due are held.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tapwater_server.backends.sqlite.bus_heads import Head

Key = tuple[str, str]  # line and key

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


def order_keys(connection: sqlite3.Connection, keys: Iterable[Key]) -> Sequence[Head]:
    """Hold and release errands of these keys; say which lines have something more to lease."""
    return [
        Head(line=line, ready=True)
        for line, key in dict.fromkeys(keys)
        if key and _order(connection, {"line": line, "key": key})
    ]


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
