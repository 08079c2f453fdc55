"""Finds records, log lines and spans in their blocks, unpacking as few of them as possible."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import zstandard

from tapwater_server.backends.sqlite.blocks import Kind, trace_key, word
from tapwater_server.ports.meter import FAILED, Asked, LogLine, Record, Span

BLOCK_BYTES_MAX = 64 << 20  # Of one block unpacked: far above what we write.
BLOCKS_LOOKED_MAX = 5_000  # For one answer: five million lines, some seconds.
SPANS_MAX = 10_000  # Of one trace.

Found = TypeVar("Found", Record, LogLine, Span)

_WHERE = """
FROM block LEFT JOIN mark USING (kind, seq_first) WHERE kind = :kind
AND (:since IS NULL OR at_last >= :since) AND (:until IS NULL OR at_first <= :until)
AND (:id IS NULL OR (id_last >= :id AND id_first <= :id))
AND (:before IS NULL OR id_first < :before)
AND (:after IS NULL OR seq_last > :after)
AND (:whose IS NULL OR instr(functions, :whose) > 0)
AND (words IS NULL OR (
    (:took_min IS NULL OR took_max >= :took_min)
    AND (:failed IS NULL OR instr(words, :failed) > 0
         OR instr(words, '|failed:*|') > 0)
    AND (:e IS NULL OR instr(words, :e) > 0 OR instr(words, '|e:*|') > 0)
    AND (:u IS NULL OR instr(words, :u) > 0 OR instr(words, '|u:*|') > 0)
    AND (:f IS NULL OR instr(words, :f) > 0 OR instr(words, '|f:*|') > 0)
    AND (:r IS NULL OR instr(words, :r) > 0 OR instr(words, '|r:*|') > 0)
    AND (:v IS NULL OR instr(words, :v) > 0 OR instr(words, '|v:*|') > 0)
    AND (:l IS NULL OR instr(words, :l) > 0 OR instr(words, '|l:*|') > 0)
    AND (:k IS NULL OR instr(words, :k) > 0 OR instr(words, '|k:*|') > 0)
    AND (:trace IS NULL OR instr(traces, :trace) > 0)
))
"""
_NEWEST = f"SELECT seq_first, data {_WHERE} ORDER BY seq_first DESC LIMIT :blocks_max"
_OLDEST = f"SELECT seq_first, data {_WHERE} ORDER BY seq_first LIMIT :blocks_max"

_records = msgspec.msgpack.Decoder(list[Record])
_lines = msgspec.msgpack.Decoder(list[LogLine])
_spans = msgspec.msgpack.Decoder(list[Span])


def find_records(connection: sqlite3.Connection, asked: Asked) -> list[Record]:
    """Find records, newest first."""
    found: list[Record] = []
    needles = _needles(asked.invocation, asked.trace, asked.user, asked.fault, asked.route)
    for _, data in connection.execute(_NEWEST, _wanted("record", asked)):
        for record in reversed(_decoded(_records, data, needles)):
            if asked.wants_record(record):
                found.append(record)
                if len(found) >= asked.count_max:
                    return found
    return found


def find_lines(connection: sqlite3.Connection, asked: Asked) -> list[LogLine]:
    """Find lines, oldest first: those after a seq, or the newest there are."""
    found: list[LogLine] = []
    forward = asked.after_seq is not None
    needles = _needles(asked.invocation, asked.trace, asked.text, *asked.fields)
    for first, data in connection.execute(_OLDEST if forward else _NEWEST, _wanted("line", asked)):
        for line in _numbered(first, _decoded(_lines, data, needles), forward=forward):
            if asked.wants_line(line):
                found.append(line)
                if len(found) >= asked.count_max:
                    return found if forward else found[::-1]
    return found if forward else found[::-1]


def find_spans(connection: sqlite3.Connection, trace: str) -> list[Span]:
    """Find the spans of a trace, by time."""
    asked, needles = Asked(trace=trace), _needles(trace)
    found: list[Span] = []
    for _, data in connection.execute(_NEWEST, _wanted("span", asked)):
        found += [span for span in _decoded(_spans, data, needles) if span.trace == trace]
        if len(found) >= SPANS_MAX:
            break
    return sorted(found, key=lambda span: span.at)


def _numbered(first: int, lines: Sequence[LogLine], *, forward: bool) -> Iterator[LogLine]:
    for at, line in enumerate(lines):
        line.seq = first + at
    return iter(lines if forward else reversed(lines))


def _decoded(
    decoder: "msgspec.msgpack.Decoder[list[Found]]", data: bytes, needles: Sequence[bytes]
) -> list[Found]:
    """Decode a block, unless a text that was asked for is nowhere in it: looking for bytes is
    much cheaper.
    """
    unpack = zstandard.ZstdDecompressor().decompress
    raw = unpack(data, max_output_size=BLOCK_BYTES_MAX)
    if not all(needle in raw for needle in needles):
        return []
    return decoder.decode(raw)


def _needles(*texts: str | None) -> list[bytes]:
    return [text.encode("utf-8", "replace") for text in texts if text]


def _wanted(kind: Kind, asked: Asked) -> Mapping[str, Any]:
    whose = _whose(asked)
    failed = asked.ending == FAILED
    return {
        "kind": kind,
        "since": asked.since,
        "until": asked.until,
        "id": asked.invocation,
        "before": asked.before if kind == "record" else None,
        "after": asked.after_seq,
        "whose": whose,
        "took_min": asked.took_ms_min,
        "failed": _failed(whose) if failed else None,
        "e": None if failed else _barred("e", asked.ending),
        "u": _barred("u", asked.user),
        "f": _barred("f", asked.fault),
        "r": _barred("r", asked.route),
        "v": _barred("v", asked.revision),
        "l": _barred("l", asked.level),
        "k": _barred("k", next(iter(asked.fields), None)),
        "trace": trace_key(asked.trace) if asked.trace else None,
        "blocks_max": BLOCKS_LOOKED_MAX,
    }


def _whose(asked: Asked) -> str | None:
    """Give what stands in ``functions`` for an app, a function of any app, or one of one."""
    if asked.app is None and asked.function is None:
        return None
    app = f"|{asked.app}:" if asked.app is not None else ":"
    return f"{app}{asked.function}|" if asked.function is not None else app


def _failed(whose: str | None) -> str:
    if whose is None or whose.startswith(":"):
        return "|failed:"
    return f"|failed:{whose[1:]}"


def _barred(sort: str, value: str | None) -> str | None:
    return f"|{word(sort, value)}|" if value else None
