"""Records and log lines packed into blocks of some hundred, and found again in them.

One row for each of 20,000 calls a second would cost more than serving them; packing costs less
than a microsecond each. What is searched for is in the row of the block: times, ids, functions.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Literal

import msgspec
import zstandard

from tapwater_server.ports.meter import Asked, LogLine, Record

BLOCK_ITEMS_MAX = 1_000
BLOCK_BYTES_MAX = 64 << 20  # Of one block unpacked: far above what we write.

Kind = Literal["record", "line"]
Item = Record | LogLine

_ADD = """
INSERT INTO block (kind, seq_first, seq_last, at_first, at_last, id_first, id_last, functions,
                   bytes, data)
VALUES (:kind, :seq_first, :seq_last, :at_first, :at_last, :id_first, :id_last, :functions,
        :bytes, :data)
"""
_COUNT = """
INSERT INTO counter (kind, seq_last) VALUES (:kind, :count)
ON CONFLICT (kind) DO UPDATE SET seq_last = seq_last + :count
RETURNING seq_last
"""
_WHERE = """
FROM block WHERE kind = :kind
AND (:since IS NULL OR at_last >= :since) AND (:until IS NULL OR at_first <= :until)
AND (:id IS NULL OR (id_last >= :id AND id_first <= :id))
AND (:after IS NULL OR seq_last > :after)
AND (:whose IS NULL OR instr(functions, :whose) > 0)
"""
_NEWEST = f"SELECT seq_first, data {_WHERE} ORDER BY seq_first DESC"
_OLDEST = f"SELECT seq_first, data {_WHERE} ORDER BY seq_first"
_DROP_OLD = "DELETE FROM block WHERE at_last < :until"
_SIZE = "SELECT coalesce(sum(bytes), 0) FROM block"
_AGES = "SELECT kind, seq_first, bytes FROM block ORDER BY at_last"
_DROP = "DELETE FROM block WHERE kind = :kind AND seq_first = :seq_first"

_packer = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(list[Record])
_lines = msgspec.msgpack.Decoder(list[LogLine])


def add(connection: sqlite3.Connection, kind: Kind, items: Sequence[Item]) -> None:
    """Write items down in their order; they get the next numbers."""
    press = zstandard.ZstdCompressor(level=1)
    for at in range(0, len(items), BLOCK_ITEMS_MAX):
        part, packed = _pack(items[at : at + BLOCK_ITEMS_MAX])
        (last,) = connection.execute(_COUNT, {"kind": kind, "count": len(part)}).fetchone()
        connection.execute(_ADD, _row(kind, part, last=int(last), data=press.compress(packed)))


def _row(kind: Kind, part: Sequence[Item], *, last: int, data: bytes) -> Mapping[str, Any]:
    ids = [item.id if isinstance(item, Record) else item.invocation for item in part]
    times = [item.at for item in part]
    whose = {(item.app, item.function): None for item in part}
    return {
        "kind": kind,
        "seq_first": last - len(part) + 1,
        "seq_last": last,
        "at_first": min(times),
        "at_last": max(times),
        "id_first": min(ids),
        "id_last": max(ids),
        "functions": "|" + "|".join(f"{app}:{name}" for app, name in whose) + "|",
        "bytes": len(data),
        "data": data,
    }


def _pack(part: Sequence[Item]) -> tuple[Sequence[Item], bytes]:
    try:
        return part, _packer.encode(part)
    except UnicodeEncodeError:  # Half a surrogate pair: text that never was text.
        mended = [_mended(item) for item in part]
        return mended, _packer.encode(mended)


def _mended(item: Item) -> Item:
    item = copy(item)
    for name in item.__slots__:
        value = getattr(item, name)
        if isinstance(value, str):
            setattr(item, name, value.encode("utf-8", "replace").decode())
    return item


def find_records(connection: sqlite3.Connection, asked: Asked) -> list[Record]:
    """Find records, newest first."""
    found: list[Record] = []
    for _, data in connection.execute(_NEWEST, _wanted("record", asked)):
        for record in reversed(_records.decode(_unpack(data))):
            if asked.wants_record(record):
                found.append(record)
                if len(found) >= asked.count_max:
                    return found
    return found


def find_lines(connection: sqlite3.Connection, asked: Asked) -> list[LogLine]:
    """Find lines, oldest first: those after a seq, or the newest there are."""
    found: list[LogLine] = []
    forward = asked.after_seq is not None
    for first, data in connection.execute(_OLDEST if forward else _NEWEST, _wanted("line", asked)):
        for line in _numbered(first, data, forward=forward):
            if asked.wants_line(line):
                found.append(line)
                if len(found) >= asked.count_max:
                    return found if forward else found[::-1]
    return found if forward else found[::-1]


def _numbered(first: int, data: bytes, *, forward: bool) -> Iterator[LogLine]:
    lines = _lines.decode(_unpack(data))
    for at, line in enumerate(lines):
        line.seq = first + at
    return iter(lines if forward else reversed(lines))


def _unpack(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=BLOCK_BYTES_MAX)


def _wanted(kind: Kind, asked: Asked) -> Mapping[str, Any]:
    whose = None
    if asked.app is not None or asked.function is not None:
        app = f"|{asked.app}:" if asked.app is not None else ":"
        whose = f"{app}{asked.function}|" if asked.function is not None else app
    return {
        "kind": kind,
        "since": asked.since,
        "until": asked.until,
        "id": asked.invocation,
        "after": asked.after_seq,
        "whose": whose,
    }


def prune(connection: sqlite3.Connection, *, until: float, bytes_max: int) -> int:
    """Drop blocks that are too old, then the oldest until the rest fits. Says how many."""
    count = connection.execute(_DROP_OLD, {"until": until}).rowcount
    (size,) = connection.execute(_SIZE).fetchone()
    over = size - bytes_max
    if over <= 0:
        return count
    for kind, seq_first, size in connection.execute(_AGES).fetchall():
        if over <= 0:
            break
        connection.execute(_DROP, {"kind": kind, "seq_first": seq_first})
        over -= size
        count += 1
    return count
