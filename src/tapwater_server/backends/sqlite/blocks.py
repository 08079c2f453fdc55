"""Records, log lines and spans packed into blocks of some hundred.

One row for each of 20,000 calls a second would cost more than serving them; packing costs less
than a microsecond each. What is searched for stands beside the block: times, ids, functions, and
the words and traces of its mark. ``blocks_finding.py`` reads them.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Literal, TypeVar

import msgspec
import zstandard
from msgspec.structs import replace

from tapwater_server.model.usage import is_error
from tapwater_server.ports.meter import LogLine, Record, Span, Use

BLOCK_ITEMS_MAX = 1_000
DEPTH_MAX = 20  # Of the fields of a line that cannot be stored as they are.
# Half a surrogate pair, a number of more than 64 bits, lists in lists in lists...
NOT_ENCODABLE = (UnicodeEncodeError, OverflowError, RecursionError, TypeError)
WORDS_MAX = 100  # Of one sort in one mark: beyond that the block is looked into.
BLOCK_BYTES_MAX = 64 << 20  # Of one block unpacked: far above what we write.
_ARRAY = 0xDC  # msgpack: an array whose length is the next two bytes
_ARRAY_SHORT = 0x90  # and one of up to 15, its length in the same byte
_TRACE_DIGITS = 16

Kind = Literal["record", "line", "span"]
Item = Record | LogLine | Span
AnyItem = TypeVar("AnyItem", Record, LogLine, Span, Use)

_ADD = """
INSERT INTO block (kind, seq_first, seq_last, at_first, at_last, id_first, id_last, functions,
                   bytes, data)
VALUES (:kind, :seq_first, :seq_last, :at_first, :at_last, :id_first, :id_last, :functions,
        :bytes, :data)
"""
_MARK = """
INSERT INTO mark (kind, seq_first, words, took_max, traces)
VALUES (:kind, :seq_first, :words, :took_max, :traces)
"""
_COUNT = """
INSERT INTO counter (kind, seq_last) VALUES (:kind, :count)
ON CONFLICT (kind) DO UPDATE SET seq_last = seq_last + :count
RETURNING seq_last
"""
_DROP_OLD = "DELETE FROM block WHERE at_last < :until"
_SIZE = "SELECT coalesce(sum(bytes), 0) FROM block"
_AGES = "SELECT kind, seq_first, bytes FROM block ORDER BY at_last"
_DROP = "DELETE FROM block WHERE kind = :kind AND seq_first = :seq_first"

encode = msgspec.msgpack.Encoder().encode


def encoded(items: Sequence[AnyItem]) -> tuple[Sequence[AnyItem], list[bytes]]:
    """Encode items, whatever is in them; what cannot be stored as it is is stored as text."""
    try:
        return items, [encode(item) for item in items]
    except NOT_ENCODABLE:
        pairs = [_mended_one(item) for item in items]
        return [item for item, _ in pairs], [raw for _, raw in pairs]


def _mended_one(item: AnyItem) -> tuple[AnyItem, bytes]:
    try:
        return item, encode(item)
    except NOT_ENCODABLE:
        fields = msgspec.structs.asdict(item)
        item = replace(item, **{name: _mended(value, 0) for name, value in fields.items()})
        return item, encode(item)


def _mended(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else f"{value:#x}"
    if depth < DEPTH_MAX and isinstance(value, Mapping):
        return {
            _mended(str(name), depth): _mended(inner, depth + 1) for name, inner in value.items()
        }
    if depth < DEPTH_MAX and isinstance(value, list | tuple):
        return [_mended(inner, depth + 1) for inner in value]
    return f"({type(value).__name__})"


def add(
    connection: sqlite3.Connection, kind: Kind, items: Sequence[Item], raws: Sequence[bytes]
) -> None:
    """Write one block of items down, given as they are and encoded; they get the next numbers."""
    assert len(items) <= BLOCK_ITEMS_MAX
    if not items:
        return
    (last,) = connection.execute(_COUNT, {"kind": kind, "count": len(items)}).fetchone()
    data = packed(len(items), b"".join(raws))
    insert(connection, row_of(kind, items, last=int(last), data=data))


def insert(connection: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    """Write one block and its mark, if it has one."""
    connection.execute(_ADD, row)
    if row["words"] is not None:
        connection.execute(_MARK, row)


def packed(count: int, items: bytes) -> bytes:
    """Press so many encoded items."""
    head = bytes((_ARRAY, *count.to_bytes(2, "big")))
    # With a checksum: bytes that a disk has changed are found out, and not shown as what was said.
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(head + items)


def unpacked(data: bytes) -> bytes:
    """Give the encoded items of a block, without what stands before them."""
    items = whole(data)
    if items[0] == _ARRAY:
        return items[3:]
    assert items[0] & 0xF0 == _ARRAY_SHORT  # Of an earlier release.
    return items[1:]


def whole(data: bytes) -> bytes:
    """Give a block as the array that it is."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=BLOCK_BYTES_MAX)


def row_of(kind: Kind, part: Sequence[Item], *, last: int, data: bytes) -> Mapping[str, Any]:
    """Write a block's row and its mark's; the number of its last item is ``last``."""
    return {**_row(kind, part, last=last, data=data), **_mark(kind, part)}


def _row(kind: Kind, part: Sequence[Item], *, last: int, data: bytes) -> Mapping[str, Any]:
    ids = _ids(part)
    times = [item.at for item in part]
    whose = {(item.app, item.function) for item in part}
    return {
        "kind": kind,
        "seq_first": last - len(part) + 1,
        "seq_last": last,
        "at_first": min(times),
        "at_last": max(times),
        "id_first": min(ids, default=""),
        "id_last": max(ids, default=""),
        "functions": "|" + "|".join(f"{app}:{name}" for app, name in whose) + "|",
        "bytes": len(data),
        "data": data,
    }


def _ids(part: Sequence[Any]) -> Sequence[str]:
    """Give the ids of calls; a line or span outside of one has none."""
    if isinstance(part[0], Record):
        return [item.id for item in part]
    return [item.invocation for item in part if item.invocation]


def _mark(kind: Kind, part: Sequence[Any]) -> Mapping[str, Any]:
    sorts, took_max = _SORTS[kind](part)
    words = [word for sort, values in sorts.items() for word in _words(sort, values)]
    return {
        "words": "|" + "|".join(words) + "|",
        "took_max": took_max,
        "traces": trace_keys({item.trace for item in part}),
    }


def word(sort: str, value: str) -> str:
    """Write a word as it stands in a mark, without the bars around it."""
    return f"{sort}:{value.replace('|', '/')}"


def _words(sort: str, values: Iterable[str]) -> list[str]:
    distinct = set(values)
    if len(distinct) > WORDS_MAX:
        return [word(sort, "*")]
    return [word(sort, value) for value in distinct if value]


def _of_records(part: Sequence[Record]) -> tuple[Mapping[str, Iterable[str]], float]:
    endings = {one.ending for one in part}
    bad = {ending for ending in endings if is_error(ending)}
    failed = [one for one in part if one.ending in bad] if bad else []
    return {
        "e": endings,
        "u": {one.user for one in part},
        "f": {one.fault for one in failed},
        "r": {one.route for one in part},
        "v": {one.revision for one in part},
        "failed": {f"{one.app}:{one.function}" for one in failed},
    }, max([one.queue_ms + one.wall_ms for one in part])


def _of_lines(part: Sequence[LogLine]) -> tuple[Mapping[str, Iterable[str]], float]:
    return {
        "l": [one.level for one in part],
        "k": [name for one in part if one.fields for name in one.fields],
    }, 0.0


def _of_spans(part: Sequence[Span]) -> tuple[Mapping[str, Iterable[str]], float]:
    return {}, max([one.took_ms for one in part])


_SORTS: Mapping[Kind, Callable[[Any], tuple[Mapping[str, Iterable[str]], float]]] = {
    "record": _of_records,
    "line": _of_lines,
    "span": _of_spans,
}


def trace_keys(traces: Iterable[str]) -> bytes:
    """Give eight bytes for each trace, one after the other."""
    known = [trace[:_TRACE_DIGITS] for trace in traces if trace]
    try:
        keys = bytes.fromhex("".join(known))
    except ValueError:
        keys = b""
    if len(keys) * 2 == len(known) * _TRACE_DIGITS:
        return keys
    return b"".join(map(trace_key, known))


def trace_key(trace: str) -> bytes:
    """Give the eight bytes of a trace; of any text, for we did not make them all.

    >>> trace_key("0af7651916cd43dd8448eb211c80319c").hex()
    '0af7651916cd43dd'
    """
    digits = trace[:_TRACE_DIGITS]
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) * 2 == _TRACE_DIGITS:
        return key
    return blake2b(digits.encode("utf-8", "replace"), digest_size=8).digest()


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
