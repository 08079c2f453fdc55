"""Leasing from a line, and settling: what wakes, what is too old, who is next."""

import json
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
    Moved,
    Returned,
    Settlement,
)

# A lease that has ended wakes as a delay does. Its number stays: until it is leased again, whoever
# held it may still settle it.
_WAKE = """
UPDATE errand SET state = 0
WHERE line = :line AND state IN (1, 3) AND due <= :now RETURNING seq, line, key
"""
_EXPIRE = """
UPDATE errand
SET state = iif(fades, 6, 5), settled_at = :now, reason = :reason, lease = lease + 1
WHERE line = :line AND expires_at > 0 AND expires_at <= :now AND state < 3 RETURNING seq, line, key
"""
_COLUMNS = """
seq, id, app, line, key, at_once, priority, attempt + 1 - unsettled, lost + unsettled,
lease + 1, expires_at, fades, published_at, replaces, function, event, root, depth, revision,
iif(first_leased_at > 0, first_leased_at, :now), trace, attributes, body
"""
_READY = f"""
SELECT {_COLUMNS} FROM errand JOIN errand_content USING (seq)
WHERE line = :line AND state = 0 ORDER BY priority DESC, seq LIMIT :count_max
"""
# Of a key: what waits only for the one that is leased now, up to one whose time has not come.
_FOLLOWING = f"""
SELECT {_COLUMNS} FROM errand JOIN errand_content USING (seq)
WHERE line = :line AND key = :key AND key <> '' AND state < 4 AND +state = 2 AND seq > :seq
      AND seq < coalesce((SELECT min(seq) FROM errand AS later
                          WHERE later.line = :line AND later.key = :key AND later.key <> ''
                            AND later.state < 4 AND +later.state = 1 AND later.seq > :seq),
                         9223372036854775807)
ORDER BY seq LIMIT :count_max
"""
# Nobody settled the lease before: this one takes its attempt over.
_LEASE = """
UPDATE errand
SET state = 3, attempt = attempt + 1 - unsettled, lost = lost + unsettled, unsettled = 1,
    lease = lease + 1, due = :until, outlives = :outlives,
    first_leased_at = iif(first_leased_at > 0, first_leased_at, :now)
WHERE seq IN (SELECT value FROM json_each(:seqs))
"""
_NEXT_DUE = "SELECT min(due) FROM errand WHERE line = :line AND state IN (1, 3)"
# What has expired by now is leased in its turn, where it is taken at all.
_NEXT_EXPIRY = """
SELECT min(expires_at) FROM errand WHERE line = :line AND expires_at > :now AND state < 3
"""
# A batch is settled by two statements, however many it has: each step of SQLite lets go of the
# interpreter, and on a busy node that costs more than the step. Texts come packed into one blob.
_CURRENT = """
SELECT json_group_array(wanted.key)
FROM json_each(:wanted) AS wanted CROSS JOIN errand ON errand.seq = wanted.value ->> 0
WHERE errand.lease = wanted.value ->> 1 AND errand.attempt = wanted.value ->> 2
      AND errand.line = wanted.value ->> 3 AND errand.state < 4
"""
_SETTLE = """
UPDATE errand
SET lease = lease + 1,
    unsettled = 0,
    state = said.value ->> 1,
    due = :now + (said.value ->> 2),
    settled_at = CASE WHEN said.value ->> 1 < 4 THEN 0.0 ELSE :now END,
    attempt = attempt - (said.value ->> 3),
    reason = CAST(substr(:texts, said.value ->> 4, said.value ->> 5) AS TEXT),
    result = substr(:texts, said.value ->> 6, said.value ->> 7)
FROM json_each(:said) AS said WHERE errand.seq = said.value ->> 0
"""
_MOVE = """
UPDATE errand
SET line = :line, state = 0, due = :now, attempt = 0, lost = 0, unsettled = 0, lease = lease + 1,
    reason = '', first_leased_at = 0.0,
    expires_at = iif(:expires_at IS NULL, expires_at, :expires_at)
WHERE seq = :seq
"""
_RELABEL = "UPDATE errand_content SET attributes = :attributes WHERE seq = :seq"
_LEFT_BEHIND = """
SELECT seq, line, key FROM errand
WHERE line = :line AND key = :key AND key <> '' AND state < 4 ORDER BY seq LIMIT 1
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
    connection: sqlite3.Connection,
    line: str,
    *,
    count_max: int,
    now: float,
    until: float,
    take_expired: bool,
    together: bool = False,
    outlives: bool = False,
) -> Leased:
    """Lease the best of one line."""
    of: dict[str, Any] = {"line": line, "now": now}
    wake(connection, line, now, bury=not take_expired)
    rows = connection.execute(_READY, of | {"count_max": count_max}).fetchall()
    if together:
        rows = _with_followers(connection, rows, of, count_max)
    if rows:
        seqs = "[" + ",".join(str(row[0]) for row in rows) + "]"
        connection.execute(_LEASE, of | {"seqs": seqs, "until": until, "outlives": outlives})
    deliveries = [_delivery(row, until) for row in rows]
    if len(rows) == count_max:
        return Leased(deliveries, [Head(line=line, ready=True)])
    times = [connection.execute(sql, of).fetchone()[0] for sql in (_NEXT_DUE, _NEXT_EXPIRY)]
    due = min((at for at in times if at), default=0.0)
    return Leased(deliveries, [Head(line=line, ready=False, due=due)])


def _with_followers(
    connection: sqlite3.Connection, rows: list[Any], of: dict[str, Any], count_max: int
) -> list[Any]:
    """Put behind the first of each key those that may go with it."""
    chosen: list[Any] = []
    for row in rows:
        left = count_max - len(chosen)
        if left <= 0:
            break
        chosen.append(row)
        seq, key, at_once = row[0], row[4], row[5]
        if key and at_once == 1 and left > 1:
            values = of | {"key": key, "seq": seq, "count_max": left - 1}
            chosen += connection.execute(_FOLLOWING, values).fetchall()
    return chosen


def wake(connection: sqlite3.Connection, line: str, now: float, *, bury: bool = True) -> None:
    """Let what is due become ready, and what is too old die."""
    of = {"line": line, "now": now, "reason": EXPIRED}
    touched = connection.execute(_WAKE, of).fetchall()
    if bury:
        touched += connection.execute(_EXPIRE, of).fetchall()
    order_keys(connection, touched)


def settle(
    connection: sqlite3.Connection, settled: Sequence[tuple[Delivery, Settlement]], now: float
) -> Settled:
    """Settle each that is still current; of the same one twice, the first counts."""
    current = _current(connection, [delivery for delivery, _ in settled])
    texts = bytearray(b"\0")  # Never empty: SQLite takes that for nothing.
    said, heads = [], []
    touched: list[tuple[int, str, str]] = []
    for place in current:
        delivery, settlement = settled[place]
        line = delivery.errand.line
        if isinstance(settlement, Moved):
            touched += _move(connection, delivery, settlement, now)
            heads.append(Head(line=settlement.line, ready=True))
            continue
        values = _settlement(settlement, texts)
        said.append([delivery.seq, *values])
        touched.append((delivery.seq, line, delivery.errand.key))
        state, delay_s = values[:2]
        if state == 0:
            heads.append(Head(line=line, ready=True))
        elif state == 1:
            heads.append(Head(line=line, ready=None, due=now + delay_s))
    connection.execute(_SETTLE, {"said": json.dumps(said), "texts": bytes(texts), "now": now})
    held = [place in current for place in range(len(settled))]
    return Settled(held, [*heads, *order_keys(connection, touched)])


def _move(
    connection: sqlite3.Connection, delivery: Delivery, moved: Moved, now: float
) -> Sequence[tuple[int, str, str]]:
    """Let an errand wait in another line; say whose keys have to be ordered anew."""
    seq, key = delivery.seq, delivery.errand.key
    values = {"seq": seq, "line": moved.line, "now": now, "expires_at": moved.expires_at}
    connection.execute(_MOVE, values)
    if moved.attributes is not None:
        connection.execute(_RELABEL, {"seq": seq, "attributes": moved.attributes})
    of = {"line": delivery.errand.line, "key": key}
    behind = connection.execute(_LEFT_BEHIND, of).fetchall()
    return [(seq, moved.line, key), *behind]


def _current(connection: sqlite3.Connection, deliveries: Sequence[Delivery]) -> set[int]:
    """Find the places of those that may be settled."""
    first: dict[tuple[int, int, int, str], int] = {}
    for place, one in enumerate(deliveries):
        first.setdefault((one.seq, one.lease, one.attempt, one.errand.line), place)
    wanted = json.dumps(list(first))
    found = connection.execute(_CURRENT, {"wanted": wanted}).fetchone()[0]
    places = list(first.values())
    return {places[int(place)] for place in json.loads(found)}


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


def _settlement(
    settlement: Done | Dead | Later | Returned, texts: bytearray
) -> tuple[int, float, int, *tuple[int, ...]]:
    """Give state, delay, attempts given back, and where in ``texts`` reason and result lie."""
    match settlement:
        case Done(result):
            return 4, 0.0, 0, *_pack(texts, b""), *_pack(texts, result)
        case Dead(reason):
            return 5, 0.0, 0, *_pack(texts, reason.encode("utf-8", "replace")), *_pack(texts, b"")
        case Later(delay_s, reason):
            wait = int(delay_s > 0)
            return (
                wait,
                delay_s,
                0,
                *_pack(texts, reason.encode("utf-8", "replace")),
                *_pack(texts, b""),
            )
        case Returned(delay_s):
            return int(delay_s > 0), delay_s, 1, *_pack(texts, b""), *_pack(texts, b"")


def _pack(texts: bytearray, text: bytes) -> tuple[int, int]:
    """Add a text; say where it begins, from 1, and how long it is."""
    begins = len(texts) + 1
    texts += text
    return begins, len(text)


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
        lost,
        lease,
        expires_at,
        fades,
        published_at,
        replaces,
        function,
        event,
        root,
        depth,
        revision,
        first_leased_at,
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
        fades=bool(fades),
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
        lost=lost,
        first_leased_at=first_leased_at,
    )
