"""Leasing from a line, and settling: what wakes, what is too old, who is next."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.backends.sqlite.bus_heads import Head
from tapwater_server.backends.sqlite.bus_keys import order_keys
from tapwater_server.ports.bus import (
    EXPIRED,
    Dead,
    Delivery,
    Done,
    Errand,
    Later,
    Returned,
    Settlement,
)

# A lease that has ended wakes as a delay does. Its number stays: until it is leased again, whoever
# held it may still settle it.
_WAKE = """
UPDATE errand SET state = 0
WHERE line = :line AND state IN (1, 3) AND due <= :now RETURNING line, key
"""
_EXPIRE = """
UPDATE errand SET state = 5, settled_at = :now, reason = :reason, lease = lease + 1
WHERE line = :line AND expires_at > 0 AND expires_at <= :now AND state < 3 RETURNING line, key
"""
_READY = """
SELECT seq, id, app, line, key, at_once, priority, attempt + 1, lease + 1, expires_at,
       published_at, replaces, function, event, root, depth, revision, trace, attributes, body
FROM errand JOIN errand_content USING (seq)
WHERE line = :line AND state = 0 ORDER BY priority DESC, seq LIMIT :count_max
"""
_LEASE = """
UPDATE errand SET state = 3, attempt = attempt + 1, lease = lease + 1, due = :until
WHERE seq IN (SELECT value FROM json_each(:seqs))
"""
_NEXT_DUE = "SELECT min(due) FROM errand WHERE line = :line AND state IN (1, 3)"
_NEXT_EXPIRY = """
SELECT min(expires_at) FROM errand WHERE line = :line AND expires_at > 0 AND state < 3
"""
_SETTLE = """
UPDATE errand SET state = :state, due = :due, settled_at = :settled_at, lease = lease + 1,
                  attempt = attempt - :given_back, reason = :reason, result = :result
WHERE seq = :seq AND id = :id AND lease = :lease AND attempt = :attempt AND state < 4
"""
_EXTEND = """
UPDATE errand SET due = :until
WHERE seq = :seq AND id = :id AND lease = :lease AND attempt = :attempt AND state = 3
      AND due > :now
"""


@dataclass(frozen=True, slots=True)
class Leased:
    """What was leased, and how the line stands now."""

    deliveries: Sequence[Delivery]
    heads: Sequence[Head]


@dataclass(frozen=True, slots=True)
class Settled:
    """Which settlements held, and the lines that have more to lease."""

    held: Sequence[bool]
    heads: Sequence[Head]


def lease(
    connection: sqlite3.Connection, line: str, *, count_max: int, now: float, until: float
) -> Leased:
    """Lease the best of one line."""
    of = {"line": line, "now": now}
    wake(connection, line, now)
    rows = connection.execute(_READY, of | {"count_max": count_max}).fetchall()
    if rows:
        seqs = "[" + ",".join(str(row[0]) for row in rows) + "]"
        connection.execute(_LEASE, {"seqs": seqs, "until": until})
    deliveries = [_delivery(row, until) for row in rows]
    if len(rows) == count_max:
        return Leased(deliveries, [Head(line=line, ready=True)])
    times = [connection.execute(sql, of).fetchone()[0] for sql in (_NEXT_DUE, _NEXT_EXPIRY)]
    due = min((at for at in times if at), default=0.0)
    return Leased(deliveries, [Head(line=line, ready=False, due=due)])


def wake(connection: sqlite3.Connection, line: str, now: float) -> None:
    """Let what is due become ready, and what is too old die."""
    of = {"line": line, "now": now, "reason": EXPIRED}
    keys = connection.execute(_WAKE, of).fetchall()
    keys += connection.execute(_EXPIRE, of).fetchall()
    order_keys(connection, keys)


def settle(
    connection: sqlite3.Connection, settled: Sequence[tuple[Delivery, Settlement]], now: float
) -> Settled:
    """Settle each that is still current."""
    held = []
    keys = []
    heads = []
    for delivery, settlement in settled:
        values = _settlement(delivery, settlement, now)
        errand = delivery.errand
        held.append(connection.execute(_SETTLE, values).rowcount == 1)
        if held[-1]:
            keys.append((errand.line, errand.key))
            if values["state"] == 0:
                heads.append(Head(line=errand.line, ready=True))
            elif values["state"] == 1:
                heads.append(Head(line=errand.line, ready=None, due=values["due"]))
    return Settled(held, [*heads, *order_keys(connection, keys)])


def extend(connection: sqlite3.Connection, delivery: Delivery, *, now: float, until: float) -> bool:
    """Move the end of a lease that is held."""
    values = _identity(delivery) | {"now": now, "until": until}
    return connection.execute(_EXTEND, values).rowcount == 1


def _identity(delivery: Delivery) -> dict[str, Any]:
    return {
        "seq": delivery.seq,
        "id": delivery.errand.id,
        "lease": delivery.lease,
        "attempt": delivery.attempt,
    }


def _settlement(delivery: Delivery, settlement: Settlement, now: float) -> dict[str, Any]:
    values = _identity(delivery) | {
        "due": now,
        "settled_at": 0.0,
        "given_back": 0,
        "reason": "",
        "result": b"",
    }
    match settlement:
        case Done(result):
            return values | {"state": 4, "settled_at": now, "result": result}
        case Dead(reason):
            return values | {"state": 5, "settled_at": now, "reason": reason}
        case Later(delay_s, reason):
            return values | {"state": int(delay_s > 0), "due": now + delay_s, "reason": reason}
        case Returned(delay_s):
            return values | {"state": int(delay_s > 0), "due": now + delay_s, "given_back": 1}


def _delivery(row: tuple[Any, ...], until: float) -> Delivery:
    (
        seq,
        id,
        app,
        line,
        key,
        at_once,
        priority,
        attempt,
        lease,
        expires_at,
        published_at,
        replaces,
        function,
        event,
        root,
        depth,
        revision,
        trace,
        attributes,
        body,
    ) = row
    errand = Errand(
        id=id,
        app=app,
        line=line,
        key=key,
        at_once=at_once,
        priority=priority,
        expires_at=expires_at,
        replaces=replaces,
        function=function,
        event=event,
        root=root,
        depth=depth,
        revision=revision,
        trace=trace,
        attributes=attributes,
        body=body,
    )
    return Delivery(
        errand=errand,
        attempt=attempt,
        leased_until=until,
        published_at=published_at,
        seq=seq,
        lease=lease,
    )
