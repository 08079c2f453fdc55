"""Who holds which token, in SQLite: hashes only, answered from memory."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tokens import HeldToken, find, fresh, hash_of, without

ADMIN = "admin"  # The name of the token made at the first start.

_TOKENS = "SELECT name, hash, admin FROM token"
_APPS = "SELECT token, app FROM token_app"
_ADD = "INSERT INTO token (name, hash, admin) VALUES (:name, :hash, :admin)"
_ADD_APP = "INSERT INTO token_app (token, app) VALUES (:token, :app)"
_REMOVE = "DELETE FROM token WHERE name = :name"
_REMOVE_APP = "DELETE FROM token_app WHERE app = :app"
_REMOVE_IDLE = """
DELETE FROM token WHERE admin = 0 AND name NOT IN (SELECT token FROM token_app)
"""


class SqliteTokens:
    """See the promises of ``ports/tokens.py``."""

    def __init__(self, *, database: Database, ids: IdSource) -> None:
        self._database = database
        self._ids = ids
        self._held: list[HeldToken] = []
        database.load(self._load)

    def check(self, token: str) -> Principal | None:
        return find(self._held, hash_of(token))

    def holder(self, hash: bytes) -> Principal | None:
        return find(self._held, hash)

    async def issue(self, name: str, *, admin: bool, apps: Sequence[AppId]) -> str:
        text, token = fresh(name, admin=admin, apps=apps, held=self._held, ids=self._ids)
        self._held.append(token)  # At once: the name is taken, and nobody knows the text yet.

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, {"name": name, "hash": token.hash, "admin": admin})
            for app in token.principal.apps:
                connection.execute(_ADD_APP, {"token": name, "app": app})

        try:
            await self._database.write(work)
        except Exception:
            self._held.remove(token)
            raise
        return text

    async def revoke(self, name: str) -> bool:
        """Refused in memory first: not even a slow disk lets a revoked token in."""
        before = len(self._held)
        self._held = [token for token in self._held if token.principal.name != name]

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, {"name": name}).rowcount > 0

        return await self._database.write(work) or len(self._held) < before

    def list(self) -> Sequence[Principal]:
        return [token.principal for token in self._held]

    def erase(self, connection: sqlite3.Connection, app: AppId) -> None:
        connection.execute(_REMOVE_APP, {"app": app})
        connection.execute(_REMOVE_IDLE)

    def forget(self, app: AppId) -> None:
        self._held = without(self._held, app)

    async def ensure_admin(self, path: Path) -> str | None:
        """See to it that ``path`` holds the text of an admin token, for its owner only.

        Gives the text when it was made now, None when the file had a good one. A file that was
        lost or spoilt is made anew, and the token that was in it is revoked.
        """
        text = await asyncio.to_thread(_read, path)
        held = self.check(text) if text else None
        if held is not None and held.admin:
            return None
        await self.revoke(ADMIN)
        text = await self.issue(ADMIN, admin=True, apps=())
        await asyncio.to_thread(_write, path, text)
        return text

    def _load(self, connection: sqlite3.Connection) -> None:
        apps: dict[str, set[AppId]] = {}
        for token, app in connection.execute(_APPS):
            apps.setdefault(token, set()).add(AppId(app))
        for name, hash, admin in connection.execute(_TOKENS):
            of_token = frozenset(apps.get(name, ()))
            principal = Principal(name=name, admin=bool(admin), apps=of_token)
            self._held.append(HeldToken(principal=principal, hash=bytes(hash)))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    making = path.with_name(f"{path.name}.new")
    making.unlink(missing_ok=True)
    fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(fd)
    making.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
