"""Finds records, log lines and spans in their blocks, unpacking as few of them as possible."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import zstandard

from tapwater_server.backends.sqlite.blocks import BLOCK_BYTES_MAX, Kind, encode, trace_key, word
from tapwater_server.model.usage import FINE
from tapwater_server.ports.meter import FAILED, Asked, LogLine, Record, Span

BLOCKS_LOOKED_MAX = 5_000  # For one answer: five million lines, some seconds.
SPANS_MAX = 10_000  # Of one trace.
_log = logging.getLogger(__name__)

_WHERE = """
FROM block LEFT JOIN mark USING (kind, seq_first) WHERE kind = :kind
AND (:since IS NULL OR at_last >= :since) AND (:until IS NULL OR at_first <= :until)
AND (:id IS NULL OR (id_last >= :id AND id_first <= :id))
AND (:before IS NULL OR id_first < :before)
AND (:after IS NULL OR seq_last > :after)
AND (:until_seq IS NULL OR seq_first < :until_seq)
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

_items = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_record = msgspec.msgpack.Decoder(Record).decode
_line = msgspec.msgpack.Decoder(LogLine).decode
_span = msgspec.msgpack.Decoder(Span).decode


class _Brief(msgspec.Struct, gc=False):
    """How long a call took: a fraction of a record is a fraction of the work."""

    queue_ms: float
    wall_ms: float

    @property
    def took_ms(self) -> float:
        return self.queue_ms + self.wall_ms


_briefs = msgspec.msgpack.Decoder(list[_Brief]).decode


def find_records(connection: sqlite3.Connection, asked: Asked) -> list[Record]:
    """Find records, newest first."""
    found: list[Record] = []
    sieve = _sieve_of_records(asked)
    for _, data in connection.execute(_NEWEST, _wanted("record", asked)):
        for _, raw in reversed(sieve.through(data)):
            record = _record(raw)
            if asked.wants_record(record):
                found.append(record)
                if len(found) >= asked.count_max:
                    return found
    return found


def find_lines(connection: sqlite3.Connection, asked: Asked) -> list[LogLine]:
    """Find lines, oldest first: those after a seq, or the newest there are."""
    found: list[LogLine] = []
    forward = asked.after_seq is not None
    sieve = _sieve_of_lines(asked)
    for first, data in connection.execute(_OLDEST if forward else _NEWEST, _wanted("line", asked)):
        kept = sieve.through(data)
        for at, raw in kept if forward else reversed(kept):
            line = _line(raw)
            line.seq = first + at
            if asked.wants_line(line):
                found.append(line)
                if len(found) >= asked.count_max:
                    return found if forward else found[::-1]
    return found if forward else found[::-1]


def find_spans(connection: sqlite3.Connection, trace: str) -> list[Span]:
    """Find the spans of a trace, by time."""
    asked, sieve = Asked(trace=trace), _Sieve(has=[_field("trace", trace)])
    found: list[Span] = []
    for _, data in connection.execute(_NEWEST, _wanted("span", asked)):
        spans = [_span(raw) for _, raw in sieve.through(data)]
        found += [span for span in spans if span.trace == trace]
        if len(found) >= SPANS_MAX:
            break
    return sorted(found, key=lambda span: span.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sieve:
    """What bytes an item that is wanted has, and has not. Looking for bytes is many times cheaper
    than decoding; whoever sieves looks at the rest properly.
    """

    has: Sequence[bytes] = ()
    lacks: Sequence[bytes] = ()
    took_min: float | None = None
    unpack: zstandard.ZstdDecompressor = field(default_factory=zstandard.ZstdDecompressor)

    def through(self, data: bytes) -> list[tuple[int, msgspec.Raw]]:
        """Give the items of a block that may be wanted, each with its place."""
        try:
            whole = self.unpack.decompress(data, max_output_size=BLOCK_BYTES_MAX)
        except zstandard.ZstdError:
            _log.error("a block of records or lines is damaged, and cannot be read")
            return []
        if not all(one in whole for one in self.has):
            return []
        kept = list(enumerate(_items(whole)))
        if self.took_min is not None:
            briefs = _briefs(whole)
            kept = [kept[at] for at, one in enumerate(briefs) if one.took_ms >= self.took_min]
        for one in self.has:
            kept = [pair for pair in kept if one in bytes(pair[1])]
        for one in self.lacks:
            kept = [pair for pair in kept if one not in bytes(pair[1])]
        return kept


def _sieve_of_records(asked: Asked) -> _Sieve:
    failed = asked.ending == FAILED
    has = {
        "app": asked.app,
        "function": asked.function,
        "id": asked.invocation,
        "trace": asked.trace,
        "user": asked.user,
        "fault": asked.fault,
        "route": asked.route,
        "revision": asked.revision,
        "ending": None if failed else asked.ending,
    }
    # "ok" first: that leaves little for the other.
    fine = [_field("ending", ending) for ending in sorted(FINE, reverse=True)] if failed else []
    return _Sieve(has=_fields(has), lacks=fine, took_min=asked.took_ms_min)


def _sieve_of_lines(asked: Asked) -> _Sieve:
    has = {
        "app": asked.app,
        "function": asked.function,
        "invocation": asked.invocation,
        "trace": asked.trace,
        "level": asked.level,
    }
    texts = [asked.text, *asked.fields]
    return _Sieve(has=[*_fields(has), *(one.encode("utf-8", "replace") for one in texts if one)])


def _fields(values: Mapping[str, str | None]) -> list[bytes]:
    return [_field(name, value) for name, value in values.items() if value]


def _field(name: str, value: str) -> bytes:
    """Give a field as it stands in an item. An empty one may not stand there at all."""
    return encode(name) + encode(value.encode("utf-8", "replace").decode())


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
        "until_seq": asked.before_seq,
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
