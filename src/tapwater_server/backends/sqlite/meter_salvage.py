"""Opens the file of the meter; of one that is damaged, what can be read is taken into a new one.

Sums are what bills are made of. They are taken together with the place in the journal up to which
they were stored: what the journal has beyond it is added, and nothing that is in them already.
Where the place cannot be read, what is in the journal is left: better not billed than twice.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from tapwater_server.backends.sqlite.blocks import unpacked
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.journal import SEGMENT_BYTES
from tapwater_server.backends.sqlite.journal_segments import end_of
from tapwater_server.backends.sqlite.meter_batch import put_position, read_position
from tapwater_server.backends.sqlite.setting_aside import open_or_begin_anew
from tapwater_server.backends.sqlite.sums import decode_amounts, decode_tally

BLOCKS_BYTES_MAX = 256 << 20  # The newest: a start must not take minutes.

_COUNT = """
INSERT INTO counter (kind, seq_last) VALUES (:kind, :seq_last)
ON CONFLICT (kind) DO UPDATE SET seq_last = max(seq_last, :seq_last)
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """How one table is read, from both its ends, and written."""

    name: str
    newest: str
    oldest: str
    put: str
    check: Callable[[bytes], object]  # of its last column
    bytes_max: int | None = None


_TABLES: Sequence[_Table] = (
    _Table(
        name="sum",
        newest="""
SELECT step, at, project, app, function, revision, route, amounts FROM sum
ORDER BY step DESC, at DESC, project DESC, app DESC, function DESC, revision DESC, route DESC
""",
        oldest="""
SELECT step, at, project, app, function, revision, route, amounts FROM sum
ORDER BY step, at, project, app, function, revision, route
""",
        put="""
INSERT OR IGNORE INTO sum (step, at, project, app, function, revision, route, amounts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
""",
        check=decode_amounts,
    ),
    _Table(
        name="sum_user",
        newest="""
SELECT at, project, app, user, amounts FROM sum_user
ORDER BY at DESC, project DESC, app DESC, user DESC
""",
        oldest="""
SELECT at, project, app, user, amounts FROM sum_user ORDER BY at, project, app, user
""",
        put="""
INSERT OR IGNORE INTO sum_user (at, project, app, user, amounts) VALUES (?, ?, ?, ?, ?)
""",
        check=decode_amounts,
    ),
    _Table(
        name="tally",
        newest="""
SELECT step, at, app, function, revision, route, calls FROM tally
ORDER BY step DESC, at DESC, app DESC, function DESC, revision DESC, route DESC
""",
        oldest="""
SELECT step, at, app, function, revision, route, calls FROM tally
ORDER BY step, at, app, function, revision, route
""",
        put="""
INSERT OR IGNORE INTO tally (step, at, app, function, revision, route, calls)
VALUES (?, ?, ?, ?, ?, ?, ?)
""",
        check=decode_tally,
    ),
    _Table(
        # Without their marks: such blocks are looked into, whatever is asked.
        name="block",
        newest="""
SELECT kind, seq_first, seq_last, at_first, at_last, id_first, id_last, functions, bytes, data
FROM block ORDER BY kind DESC, seq_first DESC
""",
        oldest="""
SELECT kind, seq_first, seq_last, at_first, at_last, id_first, id_last, functions, bytes, data
FROM block ORDER BY kind, seq_first
""",
        put="""
INSERT OR IGNORE INTO block (kind, seq_first, seq_last, at_first, at_last, id_first, id_last,
                             functions, bytes, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
""",
        check=unpacked,
        bytes_max=BLOCKS_BYTES_MAX,
    ),
)
_LAST = "SELECT kind, max(seq_last) FROM block GROUP BY kind"
_SPOILT = (sqlite3.Error, msgspec.MsgspecError, zstandard.ZstdError, ValueError, TypeError)


def open_meter(path: Path, *, journal: Path) -> Database:
    """Open the meter's file, whatever became of it."""

    def salvage(aside: Path, database: Database) -> None:
        end = end_of(journal, SEGMENT_BYTES)
        kept = database.fill(lambda connection: _salvage(aside, connection, journal_end=end))
        said = ", ".join(f"{count} of {name}" for name, count in kept.items())
        _log.warning("rows kept of the damaged %s: %s", path.name, said)

    return open_or_begin_anew(
        path, schema="meter", synchronous="FULL", look=read_position, salvage=salvage
    )


def _salvage(aside: Path, connection: sqlite3.Connection, *, journal_end: int) -> Mapping[str, int]:
    """Copy what can be read; say how much that was."""
    old = sqlite3.connect(aside, isolation_level=None)
    try:
        kept = {table.name: _copy(old, connection, table) for table in _TABLES}
        position = _position(old)
    finally:
        old.close()
    if position is None and (kept["sum"] or kept["sum_user"]):
        position = journal_end
    if position is not None:
        put_position(connection, position)
    for kind, seq_last in connection.execute(_LAST).fetchall():
        connection.execute(_COUNT, {"kind": kind, "seq_last": seq_last})
    return kept


def _position(old: sqlite3.Connection) -> int | None:
    """Read the place in the journal; None: it cannot be read, or is not there."""
    try:
        return read_position(old) or None
    except (sqlite3.Error, ValueError):
        return None


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: _Table) -> int:
    """Copy what can be read from the newest row on, and then from the oldest."""
    count = 0
    for statement in (table.newest, table.oldest):
        left = table.bytes_max
        for row in _rows(old, statement):
            if not _is_whole(row, table):
                continue
            if left is not None:
                left -= len(row[-1])
                if left < 0:
                    break
            try:
                count += new.execute(table.put, row).rowcount
            except sqlite3.IntegrityError:
                continue  # Where there should be a value is none.
    return count


def _rows(old: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    """Give rows up to the first that cannot be read."""
    try:
        yield from old.execute(statement)
    except sqlite3.Error:
        return


def _is_whole(row: tuple[Any, ...], table: _Table) -> bool:
    try:
        table.check(row[-1])
    except _SPOILT:
        return False
    return True
