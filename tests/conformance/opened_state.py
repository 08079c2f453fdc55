"""The stores of one place, opened together as assembly opens them, for each kind of backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.files.key_file import KeyFile
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.registry import SqliteRegistry
from tapwater_server.backends.sqlite.secrets import SqliteSecrets
from tapwater_server.backends.sqlite.tokens import SqliteTokens
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.ports.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Stores:
    """A registry with the secrets and tokens that follow it."""

    registry: Registry
    secrets: Secrets
    tokens: Tokens


@asynccontextmanager
async def _memory(folder: Path) -> AsyncIterator[Stores]:
    secrets, tokens = MemorySecrets(), MemoryTokens(ids=SystemIds())
    yield Stores(MemoryRegistry(followers=(secrets, tokens)), secrets, tokens)


@asynccontextmanager
async def sqlite_stores(folder: Path) -> AsyncIterator[Stores]:
    database = Database(folder / "state.db", schema="state")
    try:
        secrets = SqliteSecrets(database=database, key_file=KeyFile(folder / "secret-key"))
        tokens = SqliteTokens(database=database, ids=SystemIds())
        registry = SqliteRegistry(database=database, followers=(secrets, tokens))
        yield Stores(registry, secrets, tokens)
    finally:
        await database.close()


Opened = Callable[[Path], AbstractAsyncContextManager[Stores]]
BACKENDS: dict[str, Opened] = {"memory": _memory, "sqlite": sqlite_stores}


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Name the files directly in a folder that contain some bytes."""
    files = [path for path in folder.iterdir() if path.is_file()]
    assert files
    return [path.name for path in files if needle in path.read_bytes()]
