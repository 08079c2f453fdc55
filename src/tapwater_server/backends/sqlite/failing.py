"""What SQLite says when the disk fails or a file is spoilt, in words of ours. Pure."""

import sqlite3
from pathlib import Path

from tapwater_server.model.errors import Overloaded, SettingsError, StorageFull, TapwaterError

RETRY_S = 5.0  # Disks do not heal at once.
_PRIMARY = 0xFF  # The lower byte of a code; the rest says more of the same.
# The file that readers and writers share in memory could not grow: SQLite has no better word.
_NO_ROOM = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP})
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM})
_BARRED = _BROKEN | {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_SPOILT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Damaged(SettingsError):
    """A file is no database, or not a whole one."""


class FoundDamaged(TapwaterError):
    """A file that is in use turned out to be damaged."""


def translated(error: BaseException, path: Path) -> BaseException:
    """Say what a failed read or write means for who asked; mistakes in our SQL stay what they are.

    >>> translated(ValueError("no error of SQLite's"), Path("data.db"))
    ValueError("no error of SQLite's")
    """
    if not isinstance(error, sqlite3.Error):
        return error
    problem = _problem(error, path)
    if problem is None:
        return error
    problem.__cause__ = error
    return problem


def is_of_disk(error: BaseException | None) -> bool:
    """Whether it is the disk that failed, and not what was asked."""
    return isinstance(error, TapwaterError) and isinstance(error.__cause__, sqlite3.Error)


def _problem(error: sqlite3.Error, path: Path) -> TapwaterError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    facts = {"path": str(path), "said": f"{error.sqlite_errorname}: {error}"}
    primary = code & _PRIMARY
    if primary == sqlite3.SQLITE_FULL or code in _NO_ROOM:
        return StorageFull("the disk is full: nothing of this was kept", **facts)
    if primary in _HELD:
        return Overloaded("another process holds the database", retry_after_s=RETRY_S, **facts)
    if primary in _BROKEN:
        said = "the platform's disk fails: nothing of this was kept"
        return Overloaded(said, retry_after_s=RETRY_S, **facts)
    if primary in _SPOILT:
        return FoundDamaged(f"the database {path.name} is damaged", **facts)
    return None


def unopened(error: sqlite3.Error, path: Path) -> Exception:
    """Say why a database cannot be opened at the start, and what to do."""
    primary = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if primary in _SPOILT:
        return Damaged(
            f"{path} is damaged, or no database ({error}): put a backup of the data directory back"
        )
    if primary == sqlite3.SQLITE_FULL:
        return SettingsError(f"{path} cannot be opened: the disk is full; make room, start again")
    if primary in _HELD:
        return SettingsError(f"{path} is held by another process: end it, then start again")
    if primary in _BARRED:
        return SettingsError(
            f"{path} cannot be opened ({error}): may this user read and write it and its folder?"
        )
    return error
