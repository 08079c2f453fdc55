"""Makes large blocks of small ones: a quiet node writes some with a single item, twice a second.

Nothing is decoded for it: items are put behind each other as they are, and so are their marks.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import zstandard

from tapwater_server.backends.sqlite.blocks import (
    BLOCK_ITEMS_MAX,
    WORDS_MAX,
    insert,
    packed,
    unpacked,
)

SMALL_ITEMS_MAX = BLOCK_ITEMS_MAX // 2
RUN_MIN = 8  # Fewer small ones in a row are left: an item is written three or four times in all.
LOOKED_MAX = 5_000  # Blocks in one go.
MERGED_BYTES_MAX = 4 << 20
_log = logging.getLogger(__name__)

_SMALL = """
SELECT kind, seq_first, seq_last, bytes FROM block
WHERE seq_last - seq_first + 1 < :items_max AND at_last < :until
ORDER BY kind, seq_first LIMIT :count_max
"""
_WHOLE = """
SELECT block.*, words, took_max, traces FROM block LEFT JOIN mark USING (kind, seq_first)
WHERE kind = :kind AND seq_first BETWEEN :first AND :last ORDER BY seq_first
"""
_DROP = "DELETE FROM block WHERE kind = :kind AND seq_first BETWEEN :first AND :last"

Small = tuple[str, int, int, int]  # kind, seq_first, seq_last, bytes


def merge(connection: sqlite3.Connection, *, until: float) -> int:
    """Merge blocks whose items are older than that; say how many blocks are fewer."""
    asked = {"items_max": SMALL_ITEMS_MAX, "until": until, "count_max": LOOKED_MAX}
    fewer = 0
    for run in runs(connection.execute(_SMALL, asked).fetchall()):
        _merge(connection, run)
        fewer += len(run) - 1
    return fewer


def runs(small: Sequence[Small]) -> Iterator[Sequence[Small]]:
    """Give those that lie next to each other and fit into one block.

    >>> few = [("line", n, n, 100) for n in (1, 2, 3, 4, 5, 6, 7, 8, 20, 21)]
    >>> [(run[0][1], run[-1][2]) for run in runs(few)]
    [(1, 8)]
    """
    for _, of_kind in groupby(small, key=lambda one: one[0]):
        run: list[Small] = []
        for one in of_kind:
            if run and not _fits(run, one):
                yield from [run] if len(run) >= RUN_MIN else []
                run = []
            run.append(one)
        yield from [run] if len(run) >= RUN_MIN else []


def _fits(run: Sequence[Small], one: Small) -> bool:
    return (
        one[1] == run[-1][2] + 1
        and one[2] - run[0][1] < BLOCK_ITEMS_MAX
        and sum(size for *_, size in run) + one[3] <= MERGED_BYTES_MAX
    )


def _merge(connection: sqlite3.Connection, run: Sequence[Small]) -> None:
    place = {"kind": run[0][0], "first": run[0][1], "last": run[-1][1]}
    found = connection.execute(_WHOLE, place)
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found]
    try:
        joined = _joined(rows)
    except zstandard.ZstdError:
        _log.error("a block of records or lines is damaged, and is dropped")
        _drop_damaged(connection, rows)
        return
    connection.execute(_DROP, place)
    insert(connection, joined)


def _drop_damaged(connection: sqlite3.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Drop what cannot be unpacked; the others can be merged the next time."""
    for row in rows:
        try:
            unpacked(row["data"])
        except zstandard.ZstdError:
            seq_first = row["seq_first"]
            connection.execute(_DROP, {"kind": row["kind"], "first": seq_first, "last": seq_first})


def _joined(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    ids = [one["id_first"] for one in rows if one["id_first"]]
    items = rows[-1]["seq_last"] - rows[0]["seq_first"] + 1
    data = packed(items, b"".join([unpacked(one["data"]) for one in rows]))
    return {
        "kind": rows[0]["kind"],
        "seq_first": rows[0]["seq_first"],
        "seq_last": rows[-1]["seq_last"],
        "at_first": min(one["at_first"] for one in rows),
        "at_last": max(one["at_last"] for one in rows),
        "id_first": min(ids, default=""),
        "id_last": max(one["id_last"] for one in rows),
        "functions": _bars({name for one in rows for name in _split(one["functions"])}),
        "bytes": len(data),
        "data": data,
        **_mark(rows),
    }


def _mark(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Join the marks; blocks of a release without marks are looked into, whatever is asked."""
    if any(one["words"] is None for one in rows):
        return {"words": None}
    sorts: dict[str, set[str]] = {}
    for one in rows:
        for word in _split(one["words"]):
            sorts.setdefault(word.partition(":")[0], set()).add(word)
    words: set[str] = set()
    for sort, found in sorts.items():
        many = len(found) > WORDS_MAX or f"{sort}:*" in found
        words |= {f"{sort}:*"} if many else found
    return {
        "words": _bars(words),
        "took_max": max(one["took_max"] for one in rows),
        "traces": b"".join([one["traces"] for one in rows]),
    }


def _split(barred: str) -> list[str]:
    return [word for word in barred.split("|") if word]


def _bars(words: set[str]) -> str:
    return "|" + "|".join(sorted(words)) + "|"
