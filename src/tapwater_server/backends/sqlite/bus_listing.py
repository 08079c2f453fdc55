"""Looking at errands: one, a page of them, how the lines stand."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from tapwater_server.ports.bus import ErrandState, Filter, LineStats

_COLUMNS = """
errand.id, app, line, function,
CASE WHEN state = 4 THEN 'done' WHEN state = 5 THEN 'dead'
     WHEN state = 3 AND due > :now THEN 'leased' ELSE 'waiting' END AS standing,
attempt, lost, published_at, settled_at,
CASE WHEN state < 3 OR (state = 3 AND due <= :now) THEN due ELSE 0.0 END,
key, event, root, depth, result, reason, seq, lease
"""
_STATE = f"""
SELECT {_COLUMNS}, body, attributes FROM errand JOIN errand_content USING (seq)
WHERE errand.id = :id AND state < 6
"""
_SEQ = "SELECT seq FROM errand WHERE id = :id AND app = :app"
# What a filter leaves of the rows that an index has found.
_LEFT = """
(:line = '' OR +line = :line)
AND (:reason = '' OR instr(reason, :reason) > 0)
AND (:leased OR NOT (state = 3 AND due > :now))
AND published_at >= :since AND (:until = 0.0 OR published_at < :until)
AND (:state = '' OR :state = CASE WHEN state = 4 THEN 'done' WHEN state = 5 THEN 'dead'
                            WHEN state = 3 AND due > :now THEN 'leased' ELSE 'waiting' END)
"""
_NEWEST = f"""
SELECT seq FROM errand WHERE app = :app AND state < 6 AND seq < :before AND {_LEFT}
ORDER BY seq DESC LIMIT :count_max
"""
_NEWEST_DEAD = f"""
SELECT seq FROM errand WHERE app = :app AND state = 5 AND seq < :before AND {_LEFT}
ORDER BY seq DESC LIMIT :count_max
"""
_NEWEST_OPEN = f"""
SELECT seq FROM errand WHERE app = :app AND state < 4 AND seq < :before AND {_LEFT}
ORDER BY seq DESC LIMIT :count_max
"""
_NEWEST_OF_LINE = f"""
SELECT seq FROM errand
WHERE app = :app AND line = :line AND state < 4 AND seq < :before AND {_LEFT}
ORDER BY seq DESC LIMIT :count_max
"""
_NEWEST_OF_IDS = f"""
SELECT seq FROM errand WHERE seq IN (SELECT value FROM json_each(:seqs))
AND state < 6 AND seq < :before AND {_LEFT}
ORDER BY seq DESC LIMIT :count_max
"""
_OLDEST_DEAD = f"""
SELECT seq FROM errand WHERE app = :app AND state = 5 AND {_LEFT} ORDER BY seq LIMIT :count_max
"""
_OLDEST_DEAD_OF_IDS = f"""
SELECT seq FROM errand WHERE seq IN (SELECT value FROM json_each(:seqs))
AND state = 5 AND {_LEFT} ORDER BY seq LIMIT :count_max
"""
_SHOW = f"""
SELECT {_COLUMNS} FROM errand WHERE seq IN (SELECT value FROM json_each(:seqs)) ORDER BY seq DESC
"""
_LINES = """
SELECT line, app, sum(due <= :now), sum(state < 3 AND due > :now), sum(state = 3 AND due > :now),
       min(published_at)
FROM errand WHERE app = :app AND state < 4 GROUP BY line
"""
_LINE = """
SELECT line, app, sum(due <= :now), sum(state < 3 AND due > :now), sum(state = 3 AND due > :now),
       min(published_at)
FROM errand WHERE app = :app AND line = :line AND state < 4 GROUP BY line
"""
_DEAD_OF_LINE = """
SELECT line, count(*) FROM errand WHERE app = :app AND state = 5 AND +line = :line GROUP BY line
"""
_DEAD_OF_LINES = "SELECT line, count(*) FROM errand WHERE app = :app AND state = 5 GROUP BY line"
_ENDLESS = 1 << 62


def state_of(connection: sqlite3.Connection, id: str, now: float) -> ErrandState | None:
    row = connection.execute(_STATE, {"id": id, "now": now}).fetchone()
    return None if row is None else _errand_state(row)


def newest(
    connection: sqlite3.Connection, filter: Filter, *, after: str, count_max: int, now: float
) -> Sequence[ErrandState]:
    """Show a page, newest first. A page after one that is gone is empty."""
    before = _ENDLESS
    if after:
        found = connection.execute(_SEQ, {"id": after, "app": filter.app}).fetchone()
        before = found[0] if found else 0
    seqs = pick(connection, filter, before=before, count_max=count_max, now=now)
    rows = connection.execute(_SHOW, {"seqs": json_of(seqs), "now": now})
    return [_errand_state(row) for row in rows]


def pick(
    connection: sqlite3.Connection,
    filter: Filter,
    *,
    count_max: int,
    now: float,
    before: int = _ENDLESS,
    leased: bool = True,
) -> Sequence[int]:
    """Find the newest that a filter means; without those that are leased, if asked."""
    values = _values(connection, filter, count_max, now) | {"before": before, "leased": leased}
    if filter.ids:
        sql = _NEWEST_OF_IDS
    elif filter.state == "dead":
        sql = _NEWEST_DEAD
    elif filter.state in {"waiting", "leased"}:
        sql = _NEWEST_OF_LINE if filter.line else _NEWEST_OPEN
    else:
        sql = _NEWEST
    return [seq for (seq,) in connection.execute(sql, values)]


def pick_dead(
    connection: sqlite3.Connection, filter: Filter, *, count_max: int, now: float
) -> Sequence[int]:
    """Find the oldest dead letters that a filter means."""
    values = _values(connection, filter, count_max, now) | {"leased": True}
    sql = _OLDEST_DEAD_OF_IDS if filter.ids else _OLDEST_DEAD
    return [seq for (seq,) in connection.execute(sql, values)]


def lines_of(
    connection: sqlite3.Connection, app: str, now: float, *, line: str = ""
) -> Sequence[LineStats]:
    """Count the errands of each line that has any not done, or of one."""
    of = {"app": app, "now": now, "line": line}
    dead = dict(connection.execute(_DEAD_OF_LINE if line else _DEAD_OF_LINES, of).fetchall())
    found = []
    rows = connection.execute(_LINE if line else _LINES, of)
    for name, owner, waiting, delayed, leased, oldest_at in rows:
        found.append(
            LineStats(
                line=name,
                app=owner,
                waiting=waiting,
                delayed=delayed,
                leased=leased,
                dead=dead.pop(name, 0),
                oldest_at=oldest_at,
            )
        )
    found += [
        LineStats(line=name, app=app, waiting=0, delayed=0, leased=0, dead=count, oldest_at=0.0)
        for name, count in dead.items()
    ]
    return sorted(found, key=lambda line: line.line)


def json_of(seqs: Sequence[int]) -> str:
    """Write numbers as a list that SQLite reads.

    >>> json_of([1, 2])
    '[1,2]'
    """
    return "[" + ",".join(map(str, seqs)) + "]"


def _values(
    connection: sqlite3.Connection, filter: Filter, count_max: int, now: float
) -> dict[str, Any]:
    found = [
        connection.execute(_SEQ, {"id": id, "app": filter.app}).fetchone() for id in filter.ids
    ]
    return {
        "app": filter.app,
        "state": filter.state,
        "line": filter.line,
        "reason": filter.reason_contains,
        "since": filter.published_since,
        "until": filter.published_until,
        "seqs": json_of([row[0] for row in found if row]),
        "count_max": count_max,
        "now": now,
    }


def _errand_state(row: tuple[Any, ...]) -> ErrandState:
    id, app, line, function, state, attempt, lost, published_at, settled_at, not_before = row[:10]
    key, event, root, depth, result, reason, seq, lease, *content = row[10:]
    body, attributes = content or (b"", b"")
    return ErrandState(
        id=id,
        app=app,
        line=line,
        function=function,
        state=state,
        attempt=attempt,
        lost=lost,
        published_at=published_at,
        settled_at=settled_at,
        not_before=not_before,
        key=key,
        event=event,
        root=root,
        depth=depth,
        result=result,
        reason=reason,
        body=body,
        attributes=attributes,
        seq=seq,
        lease=lease,
    )
