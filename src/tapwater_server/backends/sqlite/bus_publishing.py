"""Writing errands down: in bulk, or one by one where one may replace another."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.backends.sqlite.bus_heads import Head
from tapwater_server.backends.sqlite.bus_keys import order_keys, order_keys_of
from tapwater_server.ports.bus import Errand

_LAST = "SELECT coalesce(max(seq), 0) FROM errand"
_ERRAND = """
INSERT INTO errand (id, app, line, key, at_once, priority, state, attempt, lost, unsettled, lease,
                    due, expires_at, published_at, settled_at, replaces, first_at, function,
                    event, root, depth, reason, result, fades)
VALUES (:id, :app, :line, :key, :at_once, :priority, :due > :now, 0, 0, 0, 0,
        :due, :expires_at, :now, 0.0, :replaces, :first_at, :function,
        :event, :root, :depth, '', x'', :fades)
ON CONFLICT (id) DO NOTHING
"""
# The rows are written one after the other, so that every new id finds its errand's number.
_CONTENT = """
INSERT INTO errand_content (seq, revision, trace, attributes, body)
SELECT seq, :revision, :trace, :attributes, :body FROM errand WHERE id = :id AND seq > :before
ON CONFLICT (seq) DO NOTHING
"""
_NEW_KEYS = """
SELECT json_group_array(seq) FROM (
    SELECT min(seq) AS seq FROM errand WHERE seq > :before AND key <> '' GROUP BY line, key)
"""
_SEEN = "SELECT 1 FROM errand WHERE id = :id"
_REPLACED = """
UPDATE errand SET state = 6, settled_at = :now
WHERE line = :line AND replaces = :replaces AND replaces <> '' AND state < 3 AND lease = 0
RETURNING seq, first_at, key
"""
_FORGET = "DELETE FROM errand_content WHERE seq = :seq"


@dataclass(frozen=True, slots=True)
class Published:
    """How many were new, and the lines they lie in."""

    new: int
    heads: Sequence[Head]


def publish(connection: sqlite3.Connection, errands: Sequence[Errand], now: float) -> Published:
    """Write all that are new."""
    before = connection.execute(_LAST).fetchone()[0]
    if any(errand.replaces for errand in errands):
        return _publish_each(connection, errands, before, now)
    rows = [_row(errand, before=before, now=now) for errand in errands]
    new = connection.executemany(_ERRAND, rows).rowcount
    if new:
        connection.executemany(_CONTENT, rows)
    return Published(new, _heads(connection, rows, now) if new else ())


def _publish_each(
    connection: sqlite3.Connection, errands: Sequence[Errand], before: int, now: float
) -> Published:
    rows = []
    changed = set()
    for errand in errands:
        row = _row(errand, before=before, now=now)
        if connection.execute(_SEEN, row).fetchone():
            continue
        for seq, first_at, key in connection.execute(_REPLACED, row).fetchall():
            connection.execute(_FORGET, {"seq": seq})
            changed.add((seq, errand.line, key))
            row["first_at"] = min(row["first_at"], first_at)
        if errand.replaces and errand.replaced_s_max:
            row["due"] = max(now, min(row["due"], row["first_at"] + errand.replaced_s_max))
        connection.execute(_ERRAND, row)
        connection.execute(_CONTENT, row)
        rows.append(row)
    return Published(len(rows), [*_heads(connection, rows, now), *order_keys(connection, changed)])


def _heads(
    connection: sqlite3.Connection, rows: Sequence[dict[str, Any]], now: float
) -> Sequence[Head]:
    if any(row["key"] for row in rows):
        order_keys_of(connection, connection.execute(_NEW_KEYS, rows[0]).fetchone()[0])
    ready = {row["line"] for row in rows if row["due"] <= now}
    later: dict[str, float] = {}
    for row in rows:
        for at in (row["due"], row["expires_at"]):
            if at > now:
                later[row["line"]] = min(at, later.get(row["line"], at))
    return [
        *(Head(line=line, ready=True) for line in ready),
        *(Head(line=line, ready=None, due=due) for line, due in later.items()),
    ]


def _row(errand: Errand, *, before: int, now: float) -> dict[str, Any]:
    return {
        "id": errand.id,
        "app": errand.app,
        "line": errand.line,
        "key": errand.key,
        "at_once": errand.at_once,
        "priority": errand.priority,
        "due": max(now, errand.not_before),
        "expires_at": errand.expires_at,
        "fades": errand.fades,
        "replaces": errand.replaces,
        "first_at": now,
        "function": errand.function,
        "event": errand.event,
        "root": errand.root,
        "depth": errand.depth,
        "revision": errand.revision,
        "trace": errand.trace,
        "attributes": errand.attributes,
        "body": errand.body,
        "before": before,
        "now": now,
    }
