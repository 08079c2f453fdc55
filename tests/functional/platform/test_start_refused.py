"""A data directory that cannot be used: one sentence that names the file and says what to do."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.platform.test_disk_full import small_disk
from tests.functional.running import Platform
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow
__all__ = ["small_disk"]  # a fixture


def _newer(data: Path) -> str:
    connection = sqlite3.connect(data / "data.db", isolation_level=None)
    connection.execute("INSERT INTO migration (number, step) VALUES (9999, 'pre')")
    connection.close()
    return "start the release that wrote it"


def _unreadable_key(data: Path) -> str:
    (data / "secret-key").unlink()
    (data / "secret-key").mkdir()  # Root reads whatever is a file.
    return "secret-key cannot be read"


def _damaged(data: Path) -> str:
    (data / "data.db").write_bytes(b"no database at all" * 1000)
    return "data.db is damaged, or no database"


def _folder_in_the_way(data: Path) -> str:
    (data / "blob-key").unlink()
    (data / "blob-key").mkdir()
    return "blob-key"


def _lock_in_the_way(data: Path) -> str:
    (data / "lock").unlink()
    (data / "lock").mkdir()
    return "lock"


SPOILT: list[Callable[[Path], str]] = [
    _newer,
    _unreadable_key,
    _damaged,
    _folder_in_the_way,
    _lock_in_the_way,
]


def _refusal(platform: Platform) -> str:
    """Start it in vain; give what it said."""
    with pytest.raises(AssertionError, match="did not start"):
        platform.start()
    assert platform.stop() in {1, 2}  # It has ended by itself.
    platform.http.close()
    said = platform.log()
    assert "Traceback" not in said, said
    assert "cannot be listened on" not in said
    return said


def test_what_is_spoilt_is_named(tmp_path: Path) -> None:
    with Platform(tmp_path / "whole"):
        pass
    for number, spoil in enumerate(SPOILT):
        data = tmp_path / f"data{number}"
        subprocess.run(["cp", "-a", str(tmp_path / "whole"), str(data)], check=True)
        wanted = spoil(data)
        assert wanted in _refusal(Platform(data)), spoil.__name__


def test_a_damaged_cache_is_no_reason_not_to_start(tmp_path: Path) -> None:
    with Platform(tmp_path / "data"):
        pass
    (tmp_path / "data" / "cache.db").write_bytes(b"no database at all" * 1000)
    with Platform(tmp_path / "data") as platform:
        assert platform.api("GET", "/apps").status_code == 200
    assert "the cache is damaged" in platform.log()


def test_a_disk_that_cannot_be_written_is_named(
    small_disk: Path, cannot_test: CannotTest, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        cannot_test("only root can mount a disk")
    with Platform(small_disk / "disk" / "data"):
        pass
    link = tmp_path / "data"  # What it says goes beside the link.
    link.symlink_to(small_disk / "disk" / "data")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        assert "cannot be used" in _refusal(Platform(link))
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
