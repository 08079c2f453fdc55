"""Opens a file that the platform can do without: a damaged one is put aside, and it begins anew."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.failing import Damaged
from tapwater_server.backends.sqlite.suspects import forget_suspect, is_suspect

_PARTS = ("", "-wal", "-shm")
_CHECK = "PRAGMA quick_check(1)"
Look = Callable[[sqlite3.Connection], object]
_log = logging.getLogger(__name__)


def open_or_begin_anew(
    path: Path,
    *,
    schema: str,
    synchronous: Literal["FULL", "NORMAL"] = "NORMAL",
    look: Look | None = None,
    salvage: Callable[[Path, Database], None] | None = None,
) -> Database:
    """Open a file. ``look`` reads what must be readable.

    One that is damaged is kept beside it, under a name that begins with ``damaged-``;
    ``salvage`` may take into the new one what can be read of it.
    """
    try:
        return _opened(path, schema, synchronous, look)
    except Damaged as error:
        aside = put_aside(path)
        _log.error(
            "the database %s is damaged and begins anew; it is kept as %s",
            path.name,
            aside.name,
            extra={"path": str(path), "reason": error.message},
        )
    database = _opened(path, schema, synchronous, None)
    if salvage is not None:
        salvage(aside, database)
    return database


def put_aside(path: Path) -> Path:
    """Rename a database and what belongs to it; one that was put aside before is dropped."""
    aside = path.with_name(f"damaged-{path.name}")
    for end in _PARTS:
        file, kept = path.with_name(path.name + end), aside.with_name(aside.name + end)
        kept.unlink(missing_ok=True)
        if file.exists():
            file.replace(kept)
    forget_suspect(path)
    return aside


def _opened(
    path: Path, schema: str, synchronous: Literal["FULL", "NORMAL"], look: Look | None
) -> Database:
    database = Database(path, schema=schema, synchronous=synchronous)
    try:
        if look is not None:
            database.load(look)
        if is_suspect(path):
            database.load(_check)
            forget_suspect(path)
    except BaseException as error:
        database.abandon()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise Damaged(f"{path} lacks something: {error}") from error
        raise
    return database


def _check(connection: sqlite3.Connection) -> None:
    """Look at all of it.

    Raises:
        Damaged: there is something wrong with it.
    """
    (said,) = connection.execute(_CHECK).fetchone()
    if said != "ok":
        raise Damaged(str(said))
