"""Files that came to harm between two lives: the platform starts, and says what it lost."""

import shutil
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from tests.functional.platform.test_disk_full_sums import counted
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

FILES = {
    "restful/index.py": "def get():\n    return 'hello'\n",
    "restful/bad.py": "def get():\n    raise ValueError('bad')\n",
}
NEW = ("recordings.db", "seeing.db", "clock", "budgets-key")
GARBAGE = b"no database at all" * 1000


def seen(platform: Platform) -> tuple[int, int]:
    """How many groups of errors there are, and how many recordings."""
    faults = platform.api("GET", "/faults", params={"app": "app"}).json()["faults"]
    return len(faults), len(platform.api("GET", "/recordings").json()["recordings"])


def spoil(path: Path) -> None:
    """All of it: what SQLite still has beside it would heal it."""
    path.write_bytes(GARBAGE)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


async def test_it_starts_with_what_is_left_and_bills_nothing_twice(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Platform(data) as platform:
        platform.deploy(FILES, "app")
        for _ in range(20):
            assert platform.get("/").status_code == 200
            assert platform.get("/bad").status_code == 500
        until(lambda: min(seen(platform)) >= 1, "errors are grouped and recorded")
        platform.kill()

        for name in ("recordings.db", "seeing.db"):
            spoil(data / name)
        (newest,) = [one for one in (data / "journal").iterdir() if any(one.read_bytes()[:4])]
        newest.write_bytes(newest.read_bytes()[:2_000] + b"\xff" * 50)
        (data / "journal" / "00000077.journal").symlink_to("/dev/zero")
        platform.start()
        assert platform.get("/").status_code == 200
        assert platform.get("/bad").status_code == 500
        until(lambda: seen(platform) == (1, 1), "they begin anew")
        lost = platform.api("GET", "/top").json()["meter"]["lost"]
        assert lost >= 1
        for said in ("recordings.db", "seeing.db", "00000077.journal", "damaged"):
            assert said in platform.log()
        platform.stop()
        records, billed = await counted(data)
        assert sum(records.values()) == billed <= 42
        assert max(records["/"], records["/bad"]) <= 21

        spoil(data / "meter.db")
        platform.start()
        assert platform.get("/").status_code == 200
        platform.stop()
        assert (data / "damaged-meter.db").read_bytes() == GARBAGE
        records, again = await counted(data)
        assert sum(records.values()) == again <= billed + 1, "from the journal: what it still has"


async def test_a_data_directory_of_an_earlier_release(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Platform(data) as platform:
        platform.deploy(FILES, "app")
        assert platform.get("/").status_code == 200
        platform.stop()
        shutil.rmtree(data / "journal")
        for name in (*NEW, "meter.db"):
            for end in ("", "-wal", "-shm"):
                (data / f"{name}{end}").unlink(missing_ok=True)
        _write_first_meter(data / "meter.db")
        platform.start()
        assert platform.get("/").status_code == 200
        assert platform.get("/bad").status_code == 500
        until(lambda: seen(platform) == (1, 1), "all of it is there")
        until(lambda: len(platform.records(limit="10")) == 2, "calls are noted")
        assert platform.api("GET", "/budgets").status_code == 200
        assert platform.stop() == 0
    records, billed = await counted(data)
    assert sum(records.values()) == billed == 2


def _write_first_meter(path: Path) -> None:
    """A file as it was before there were sums."""
    folder = resources.files("tapwater_server.backends.sqlite").joinpath("migrations", "meter")
    connection = sqlite3.connect(path)
    connection.executescript(folder.joinpath("0001_first.pre.sql").read_text())
    connection.execute(
        "CREATE TABLE migration (number INTEGER NOT NULL, step TEXT NOT NULL, "
        "PRIMARY KEY (number, step)) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO migration VALUES (1, 'pre')")
    connection.commit()
    connection.close()
