"""Errors of SQLite in words of ours: which status each becomes, and which stay bugs."""

import sqlite3
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.failing import Damaged, is_of_disk, translated, unopened
from tapwater_server.model.errors import TapwaterError

HERE = Path("data.db")


def error_of(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("said by SQLite")
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_SOMETHING"
    return error


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (sqlite3.SQLITE_FULL, "storage_full"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, "storage_full"),
        (sqlite3.SQLITE_IOERR_WRITE, "overloaded"),
        (sqlite3.SQLITE_IOERR_FSYNC, "overloaded"),
        (sqlite3.SQLITE_CANTOPEN, "overloaded"),
        (sqlite3.SQLITE_BUSY, "overloaded"),
        (sqlite3.SQLITE_BUSY_RECOVERY, "overloaded"),
        (sqlite3.SQLITE_CORRUPT, "internal"),
        (sqlite3.SQLITE_NOTADB, "internal"),
    ],
)
def test_each_code_has_a_word(code: int, word: str) -> None:
    told = translated(error_of(code), HERE)
    assert isinstance(told, TapwaterError)
    assert (told.code, is_of_disk(told)) == (word, True)
    assert "said by SQLite" not in told.message  # It is for the log.


@pytest.mark.parametrize(
    "error",
    [ValueError("ours"), error_of(sqlite3.SQLITE_CONSTRAINT_UNIQUE), sqlite3.ProgrammingError("x")],
)
def test_what_is_no_fault_of_the_disk_stays_what_it_is(error: Exception) -> None:
    assert translated(error, HERE) is error
    assert not is_of_disk(error)


def test_the_start_says_what_to_do() -> None:
    assert isinstance(unopened(error_of(sqlite3.SQLITE_NOTADB), HERE), Damaged)
    assert "make room" in str(unopened(error_of(sqlite3.SQLITE_FULL), HERE))
    assert "may this user" in str(unopened(error_of(sqlite3.SQLITE_CANTOPEN), HERE))
    ours = error_of(sqlite3.SQLITE_CONSTRAINT_UNIQUE)
    assert unopened(ours, HERE) is ours
