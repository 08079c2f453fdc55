"""Secrets of apps in SQLite, each sealed with AES-256-GCM under a key in a file of its own.

The app and the name are authenticated along with the value: a sealed value that is moved to
another row cannot be opened there.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.errors import SettingsError
from tapwater_server.model.ids import AppId

_KEY_BYTES = 32
_NONCE_BYTES = 12  # Random; safe for 2**32 values under one key (NIST SP 800-38D).

_ALL = "SELECT app, name, nonce, sealed FROM secret"
_PUT = """
INSERT INTO secret (app, name, nonce, sealed) VALUES (:app, :name, :nonce, :sealed)
ON CONFLICT (app, name) DO UPDATE SET nonce = :nonce, sealed = :sealed
"""
_REMOVE = "DELETE FROM secret WHERE app = :app AND name = :name"
_ERASE = "DELETE FROM secret WHERE app = :app"


class KeyFile(Protocol):
    """Where the key is kept."""

    @property
    def path(self) -> Path: ...

    def read(self) -> bytes | None: ...

    def make(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Sealed:
    nonce: bytes
    text: bytes


class SqliteSecrets:
    """See the promises of ``ports/secrets.py``. Memory too holds values only sealed."""

    def __init__(self, *, database: Database, key_file: KeyFile) -> None:
        self._database = database
        self._key_file = key_file
        self._held: dict[AppId, dict[str, _Sealed]] = {}
        self._listeners: list[Callable[[AppId], None]] = []
        database.load(self._load)
        self._cipher = _open_key(key_file, may_make=not self._held)

    async def put(self, app: AppId, name: str, value: str) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        text = value.encode("utf-8", "surrogatepass")
        sealed = _Sealed(nonce, self._key().encrypt(nonce, text, _about(app, name)))
        row = {"app": app, "name": name, "nonce": sealed.nonce, "sealed": sealed.text}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, row)

        def then(_: None) -> None:
            self._held.setdefault(app, {})[name] = sealed
            self._tell(app)

        await self._database.write(work, then=then)

    async def remove(self, app: AppId, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, {"app": app, "name": name}).rowcount > 0

        def then(_: bool) -> None:
            self._held.get(app, {}).pop(name, None)
            self._tell(app)

        return await self._database.write(work, then=then)

    def names(self, app: AppId) -> Sequence[str]:
        return sorted(self._held.get(app, {}))

    def values(self, app: AppId, names: Sequence[str]) -> Mapping[str, str]:
        """Open what is asked for.

        Raises:
            SettingsError: the key file is missing, or is not the one they were sealed with.
        """
        held = self._held.get(app, {})
        return {name: self._open(app, name, held[name]) for name in names if name in held}

    def erase(self, connection: sqlite3.Connection, app: AppId) -> None:
        connection.execute(_ERASE, {"app": app})

    def forget(self, app: AppId) -> None:
        self._held.pop(app, None)
        self._tell(app)

    def when_changed(self, told: Callable[[AppId], None]) -> None:
        self._listeners.append(told)

    def _tell(self, app: AppId) -> None:
        for told in self._listeners:
            told(app)

    def _open(self, app: AppId, name: str, sealed: _Sealed) -> str:
        try:
            text = self._key().decrypt(sealed.nonce, sealed.text, _about(app, name))
        except InvalidTag:
            raise SettingsError(
                f"the secret {name} of {app} was not sealed with the key in {self._key_file.path}: "
                "put the right key file back, or set the secret again"
            ) from None
        return text.decode("utf-8", "surrogatepass")

    def _key(self) -> AESGCM:
        if self._cipher is None:
            raise SettingsError(
                f"the key file {self._key_file.path} is missing or spoilt, so secrets can be "
                "neither read nor set: put it back and start again"
            )
        return self._cipher

    def _load(self, connection: sqlite3.Connection) -> None:
        for app, name, nonce, sealed in connection.execute(_ALL):
            self._held.setdefault(AppId(app), {})[name] = _Sealed(nonce, sealed)


def _about(app: AppId, name: str) -> bytes:
    return f"tapwater secret 1\0{app}\0{name}".encode()


def _open_key(file: KeyFile, *, may_make: bool) -> AESGCM | None:
    """Read the key; make one at the first start, but never beside secrets of another."""
    try:
        key = file.read()
    except OSError as error:
        raise SettingsError(
            f"the key file {file.path} cannot be read ({error.strerror}): without it no secret "
            "can be opened; let this user read it, then start again"
        ) from error
    if key is None and may_make:
        key = file.make()
    return AESGCM(key) if key is not None and len(key) == _KEY_BYTES else None
