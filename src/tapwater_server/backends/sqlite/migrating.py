"""Brings a database's schema up to date: numbered SQL files, all of them in one transaction.

``migrations/<schema>/0003_what.pre.sql`` expands (new tables and columns, nothing taken away)
and ``.post.sql`` contracts. A release that needs both ships the ``post`` one release later, so
that the release before it can still be started on the same data.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from tapwater_server.model.errors import SettingsError

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.(pre|post)\.sql")
_STEPS = ("pre", "post")

_CREATE = """
CREATE TABLE IF NOT EXISTS migration (
    number INTEGER NOT NULL,
    step   TEXT NOT NULL,
    PRIMARY KEY (number, step)
) WITHOUT ROWID
"""
_APPLIED = "SELECT number, step FROM migration"
_NOTE = "INSERT INTO migration (number, step) VALUES (:number, :step)"


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One file: when it comes, and what it runs."""

    number: int
    order: int  # of its step, ``pre`` before ``post``
    sql: str

    @property
    def step(self) -> str:
        return _STEPS[self.order]


def migrations(schema: str) -> tuple[Migration, ...]:
    """List the files of one schema, in the order they are applied."""
    folder = resources.files(__package__).joinpath("migrations", schema)
    found = []
    for file in folder.iterdir():
        match = _NAME.fullmatch(file.name)
        if match is not None:
            order = _STEPS.index(match[2])
            found.append(Migration(int(match[1]), order, file.read_text("utf-8")))
    assert found, f"there are no migrations for {schema}"
    return tuple(sorted(found))


def migrate(connection: sqlite3.Connection, schema: str) -> None:
    """Apply what is missing, atomically.

    Raises:
        SettingsError: the data was written by a newer release than this one.
    """
    known = migrations(schema)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_CREATE)
        _apply(connection, known, schema)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _apply(connection: sqlite3.Connection, known: Sequence[Migration], schema: str) -> None:
    applied = {(number, step) for number, step in connection.execute(_APPLIED)}
    newest = max((number for number, _ in applied), default=0)
    if newest > known[-1].number:
        raise SettingsError(
            f"the {schema} database is at version {newest}, and this release of Tapwater knows "
            f"versions up to {known[-1].number}: start the release that wrote it, or a newer one"
        )
    for migration in known:
        if (migration.number, migration.step) not in applied:
            for statement in statements(migration.sql):
                connection.execute(statement)
            connection.execute(_NOTE, {"number": migration.number, "step": migration.step})


def statements(sql: str) -> Iterator[str]:
    """Cut a script into statements: ``executescript`` would commit behind our back.

    >>> list(statements("CREATE TABLE a (x);\\nCREATE TABLE b (y);\\n"))
    ['CREATE TABLE a (x);', 'CREATE TABLE b (y);']
    """
    text = ""
    for line in sql.splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            yield text.strip()
            text = ""
    assert not text.strip(), "the last statement has no end"
