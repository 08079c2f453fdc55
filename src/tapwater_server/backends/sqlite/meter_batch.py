"""One batch of what the meter was given, and its writing: in the database's thread."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tapwater_server.backends.sqlite import blocks
from tapwater_server.backends.sqlite.adding import Added
from tapwater_server.backends.sqlite.blocks import BLOCK_ITEMS_MAX
from tapwater_server.backends.sqlite.journal import Frame, Journal
from tapwater_server.backends.sqlite.meter_sample import Sample
from tapwater_server.backends.sqlite.sums import Sums
from tapwater_server.ports.meter import LogLine, Record, Span, Use

RECORD, USE = 1, 2  # Kinds of frames of the journal.

_POSITION = """
INSERT INTO journal (only, position) VALUES (1, :position)
ON CONFLICT (only) DO UPDATE SET position = :position
"""
_READ_POSITION = "SELECT position FROM journal WHERE only = 1"

_decoded_record = msgspec.msgpack.Decoder(Record).decode
_decoded_use = msgspec.msgpack.Decoder(Use).decode


@dataclass(slots=True, kw_only=True)
class Batch:
    """What is written in one transaction."""

    records: list[Record]
    raws: list[bytes]  # the same, encoded
    uses: list[Use]
    lines: list[LogLine]
    spans: list[Span]
    early: Added  # of records that are gone
    position: int  # of the journal after all of these

    def __len__(self) -> int:
        return len(self.records) + len(self.uses) + len(self.lines) + len(self.spans)


class Batches:
    """Writes batches down, one at a time."""

    def __init__(
        self,
        *,
        journal: Journal | None,
        project_of: Callable[[str], str],
        sample: float = 1.0,  # share of the calls that ended well whose records are kept
    ) -> None:
        self._journal, self._project_of, self._sample = journal, project_of, sample
        self._sums = Sums()

    def nothing(self) -> Added:
        """Give sums that are empty."""
        return Added(project_of=self._project_of)

    def both(self, one: Added, other: Added) -> Added:
        """Give the sums of both."""
        found = self.nothing()
        found.add(one)
        found.add(other)
        return found

    def forget(self) -> None:
        """The last batch was not kept."""
        self._sums.forget()

    def write(self, batch: Batch, connection: sqlite3.Connection) -> None:
        """Store it all, in the transaction that is open."""
        if self._journal is not None:
            self._journal.prepare()
        added = self.both(batch.early, self.nothing())
        sample = Sample(batch.records, share=self._sample)
        for at in range(0, len(batch.records), BLOCK_ITEMS_MAX):
            records = batch.records[at : at + BLOCK_ITEMS_MAX]
            # Pressing and writing let the loop's thread go on: adding up is between them.
            raws = batch.raws[at : at + BLOCK_ITEMS_MAX]
            blocks.add(connection, "record", *sample.records(records, raws))
            added.records(records)
        added.uses(batch.uses)
        for at in range(0, len(batch.lines), BLOCK_ITEMS_MAX):
            lines = batch.lines[at : at + BLOCK_ITEMS_MAX]
            blocks.add(connection, "line", *blocks.encoded(lines))
        for at in range(0, len(batch.spans), BLOCK_ITEMS_MAX):
            spans = sample.spans(batch.spans[at : at + BLOCK_ITEMS_MAX])
            blocks.add(connection, "span", *blocks.encoded(spans))
        self._sums.store(connection, added)
        if self._journal is not None:
            put_position(connection, batch.position)


def recovered(frame: Frame) -> Record | Use | None:
    """Read what the last life put into the journal; None: another release wrote it, or a disk
    that cannot be trusted.
    """
    try:
        match frame.kind:
            case 1:
                found: Record | Use = _decoded_record(frame.data)
            case 2:
                found = _decoded_use(frame.data)
            case _:
                return None
    except (msgspec.MsgspecError, ValueError):
        return None
    return found


def put_position(connection: sqlite3.Connection, position: int) -> None:
    """Write down up to where the journal is stored, with what was in it."""
    connection.execute(_POSITION, {"position": position})


def read_position(connection: sqlite3.Connection) -> int:
    """Read up to where the journal was stored."""
    row = connection.execute(_READ_POSITION).fetchone()
    return int(row[0]) if row is not None else 0
