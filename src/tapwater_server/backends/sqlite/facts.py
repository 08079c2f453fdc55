"""Facts in SQLite, answered from memory."""

import sqlite3
from collections.abc import Sequence

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.ports.facts import Fact, HeldFacts, Put, Step, check_size, check_version

_ALL = "SELECT space, kind, key, version, value FROM fact"
_VERSION = "SELECT version FROM fact WHERE space = :space AND kind = :kind AND key = :key"
_PUT = """
INSERT INTO fact (space, kind, key, version, value)
VALUES (:space, :kind, :key, :version, :value)
ON CONFLICT (space, kind, key) DO UPDATE SET version = :version, value = :value
"""
_DROP = "DELETE FROM fact WHERE space = :space AND kind = :kind AND key = :key"
_ERASE = "DELETE FROM fact WHERE space = :space"


class SqliteFacts:
    """See the promises of ``ports/facts.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database, self._held = database, HeldFacts()
        self.get, self.list, self.spaces = self._held.get, self._held.list, self._held.spaces
        database.load(self._load)

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        raws = [msgspec.json.encode(one.value) if isinstance(one, Put) else b"" for one in steps]
        for step, raw in zip(steps, raws, strict=True):
            check_size(step.key, raw)

        def work(connection: sqlite3.Connection) -> list[int]:
            return [
                _step(connection, space, step, raw) for step, raw in zip(steps, raws, strict=True)
            ]

        def then(versions: list[int]) -> None:
            for step, raw, version in zip(steps, raws, versions, strict=True):
                if version:
                    value = msgspec.json.decode(raw)
                    self._held.put(
                        space, step.kind, Fact(key=step.key, value=value, version=version)
                    )
                else:
                    self._held.drop(space, step.kind, step.key)

        await self._database.write(work, then=then)

    async def erase(self, space: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"space": space})

        await self._database.write(work, then=lambda _: self._held.erase(space))

    def _load(self, connection: sqlite3.Connection) -> None:
        for space, kind, key, version, value in connection.execute(_ALL):
            self._held.put(
                space, kind, Fact(key=key, value=msgspec.json.decode(value), version=version)
            )


def _step(connection: sqlite3.Connection, space: str, step: Step, raw: bytes) -> int:
    """Do one step; give the version that the fact has then, 0 for none."""
    place = {"space": space, "kind": step.kind, "key": step.key}
    row = connection.execute(_VERSION, place).fetchone()
    version: int = row[0] if row is not None else 0
    check_version(step, version)
    if isinstance(step, Put):
        connection.execute(_PUT, {**place, "version": version + 1, "value": raw})
        return version + 1
    connection.execute(_DROP, place)
    return 0
