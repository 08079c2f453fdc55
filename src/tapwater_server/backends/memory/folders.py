"""Folders by content in a scratch directory: atomic by rename, but nothing is synced."""

import asyncio
import shutil
from collections.abc import Callable, Collection
from pathlib import Path


class MemoryFolders:
    """See the promises of ``ports/folders.py``; ``scratch`` is the caller's to remove."""

    def __init__(self, *, scratch: Path) -> None:
        self._scratch = scratch
        self._filling = 0

    def path(self, kind: str, digest: str) -> Path | None:
        path = self._scratch / kind / digest
        return path if path.is_dir() else None

    async def put(self, kind: str, digest: str, fill: Callable[[Path], None]) -> Path:
        path = self._scratch / kind / digest
        if path.is_dir():
            return path
        self._filling += 1
        making = self._scratch / kind / f".making-{self._filling}"
        making.mkdir(parents=True)
        try:
            await asyncio.to_thread(fill, making)
            if not path.is_dir():
                making.rename(path)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return path

    async def sweep(self, kind: str, *, held: Collection[str]) -> int:
        folder = self._scratch / kind
        gone = [path for path in folder.glob("*") if path.name not in held]
        for path in gone:
            shutil.rmtree(path)
        return len(gone)
