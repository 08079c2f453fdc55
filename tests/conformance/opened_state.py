"""The stores of one place, opened together as assembly opens them, for each kind of backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.files.key_file import KeyFile
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.memory.sessions import MemorySessions
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.sessions import SqliteSessions
from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.sessions import Sessions
from tapwater_server.ports.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Stores:
    """A registry with the secrets, tokens and sessions that follow it."""

    registry: Registry
    secrets: Secrets
    tokens: Tokens
    sessions: Sessions


@asynccontextmanager
async def _memory(folder: Path) -> AsyncIterator[Stores]:
    secrets, tokens, sessions = MemorySecrets(), MemoryTokens(ids=SystemIds()), MemorySessions()
    registry = MemoryRegistry(followers=(secrets, tokens, sessions))
    yield Stores(registry, secrets, tokens, sessions)


@asynccontextmanager
async def sqlite_stores(folder: Path) -> AsyncIterator[Stores]:
    database = Database(folder / "state.db", schema="state")
    try:
        secrets = SqliteSecrets(database=database, key_file=KeyFile(folder / "secret-key"))
        tokens = SqliteTokens(database=database, ids=SystemIds())
        sessions = SqliteSessions(database=database)
        registry = SqliteRegistry(database=database, followers=(secrets, tokens, sessions))
        yield Stores(registry, secrets, tokens, sessions)
    finally:
        await database.close()


Opened = Callable[[Path], AbstractAsyncContextManager[Stores]]
BACKENDS: dict[str, Opened] = {"memory": _memory, "sqlite": sqlite_stores}


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Name the files directly in a folder that contain some bytes."""
    files = [path for path in folder.iterdir() if path.is_file()]
    assert files
    return [path.name for path in files if needle in path.read_bytes()]
