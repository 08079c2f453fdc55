"""A meter that is killed between any two steps of its protocol, on a disk that fills: by seed.

A kill is a copy of its files at that moment; the next life goes on from the copy. Whatever was
noted is billed once, and is found once, unless the journal had said that there was no room.
"""

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_batch import read_position
from tapwater_server.backends.sqlite.meter_salvage import open_meter
from tapwater_server.ports.ledger import Wanted
from tapwater_server.ports.meter import Asked, Use
from tapwater_server.testing.clock import ManualClock
from tests.conformance.meter_kit import line, record

T = TypeVar("T")
SEEDS = 20
STEPS = 120
SEGMENT = 4096  # A dozen records: segments are begun, given back and used again all the time.
PLENTY, SCARCE = 64 * SEGMENT, 4 * SEGMENT
EVER = Wanted(since=0.0, until=1e11)


class Story:
    """One seed: what was noted, and what may be lost."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.folder, self.lives = folder, 0
        self.noted: set[str] = set()
        self.doubtful: set[str] = set()  # the journal had no room for them
        self.uses = self.doubtful_uses = 0
        self.scarce = self.random.random() < 0.3
        self.deadly = 0.0
        self.dead = False

    @property
    def home(self) -> Path:
        return self.folder / str(self.lives)

    def may_die(self) -> None:
        """A moment in which a kill would matter."""
        if not self.dead and self.random.random() < self.deadly:
            self.dead = True
            shutil.copytree(
                self.home,
                self.folder / str(self.lives + 1),
                ignore=shutil.ignore_patterns("*-shm"),
            )


class DeadlyJournal(Journal):
    """Dies before and after it lets go of what was stored, and when it turns a page."""

    story: Story

    def done(self, position: int) -> None:
        self.story.may_die()
        super().done(position)
        self.story.may_die()

    def _turn(self, length: int) -> bool:
        self.story.may_die()
        turned = super()._turn(length)
        self.story.may_die()
        return turned


class Life:
    """From one start to the kill."""

    def __init__(self, story: Story) -> None:
        self.story = story
        story.dead, story.deadly = False, 0.0  # Nobody is killed twice at the same moment.
        self.database: Database = open_meter(
            story.home / "meter.db", journal=story.home / "journal"
        )
        self.journal = DeadlyJournal(
            story.home / "journal",
            since=self.database.load(read_position),
            segment_bytes=SEGMENT,
            bytes_max=SCARCE if story.scarce else PLENTY,
        )
        self.journal.story = story
        self._submit, self.database.submit = self.database.submit, self._deadly  # type: ignore[method-assign, assignment]
        self.meter = SqliteMeter(database=self.database, clock=ManualClock(), journal=self.journal)
        self.ledger = SqliteLedger(database=self.database, flush=self.meter.flush)

    def _deadly(self, work: Callable[[sqlite3.Connection], T], **options: object) -> object:
        def watched(connection: sqlite3.Connection) -> T:
            self.story.may_die()
            result = work(connection)
            self.story.may_die()  # All is written, and nothing committed.
            return result

        return self._submit(watched, **options)  # type: ignore[arg-type]

    async def check(self) -> None:
        """Compare with what was noted."""
        story = self.story
        deadly, story.deadly = story.deadly, 0.0
        found = Counter(one.id for one in await self.meter.records(Asked(count_max=100_000)))
        assert max(found.values(), default=1) == 1
        assert story.noted - story.doubtful <= set(found) <= story.noted
        sums = await self.ledger.sums(EVER)
        amounts = sums[0].amounts if sums else {}
        assert amounts.get("calls", 0) == len(found)
        assert amounts.get("doc_reads", 0) == len(found)
        assert story.uses - story.doubtful_uses <= amounts.get("mails", 0) <= story.uses
        story.noted, story.doubtful = set(found), set()
        story.uses, story.doubtful_uses = int(amounts.get("mails", 0)), 0
        story.deadly = deadly

    async def step(self, number: int) -> None:
        match self.story.random.choices(
            ("note", "use", "line", "flush", "fill", "prune"), (60, 15, 10, 12, 2, 1)
        )[0]:
            case "note":
                self._note(number)
            case "use":
                self._use()
            case "line":
                self.meter.log(line(number))
            case "flush":
                await self.meter.flush()
            case "fill":
                await self._fill_the_disk()
            case _:
                await self.meter.prune(older_than_s=1e12)

    def _note(self, number: int) -> None:
        for n in range(self.story.random.randint(1, 30)):
            id = f"{number:06}-{n:03}"
            unsafe = self.meter.stats().unsafe
            self.meter.note(record(number, id=id, used={"doc_reads": 1.0}))
            self.story.noted.add(id)
            if self.meter.stats().unsafe > unsafe:
                self.story.doubtful.add(id)
            if self.story.dead:
                # Killed while it was put in, before the caller went on: it is there, or not.
                self.story.doubtful.add(id)
                return

    def _use(self) -> None:
        unsafe = self.meter.stats().unsafe
        self.meter.use(Use(at=1000.0, app="shop", quantity="mails", amount=1))
        self.story.uses += 1
        if self.meter.stats().unsafe > unsafe or self.story.dead:
            self.story.doubtful_uses += 1

    async def _fill_the_disk(self) -> None:
        """For a while there is no room in the file."""
        await self._set_pages("PRAGMA max_page_count = 1")
        self._note(900_000 + len(self.story.noted))
        await self.meter.flush()
        await self._set_pages("PRAGMA max_page_count = 1000000")

    async def _set_pages(self, statement: str) -> None:
        await self._submit(lambda connection: connection.execute(statement).fetchall())

    async def end(self) -> None:
        """Stop its threads, as the kernel does; its files are nobody's any more."""
        self.story.deadly = 0.0
        await self.meter.close()
        await self.database.close()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_was_noted_is_billed_once(seed: int, tmp_path: Path) -> None:
    story = Story(seed, tmp_path)
    story.home.mkdir()
    life, number = Life(story), 0
    while number < STEPS:
        number += 1
        story.deadly = 0.08
        await life.step(number)
        if story.dead:
            await life.end()
            story.lives += 1
            life = Life(story)
            await life.check()
    await life.check()
    await life.end()
    assert story.lives > 0, "nobody was killed: the story shows nothing"
