"""Folders named by what is in them, on the local disk: filled beside their place, synced, renamed.

``<root>/<kind>/<digest>`` is whole and read-only or not there. What a kill leaves behind is
called ``.making-...`` or ``.going-...`` and goes with the next sweep.
"""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

_MAKING = ".making-"
_GOING = ".going-"
_SYNC_EACH_MAX = 200  # More files than this are cheaper to sync all at once.


class FileFolders:
    """See the promises of ``ports/folders.py``."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._making: set[Path] = set()

    def path(self, kind: str, digest: str) -> Path | None:
        path = self._root / kind / digest
        return path if path.is_dir() else None

    async def put(self, kind: str, digest: str, fill: Callable[[Path], None]) -> Path:
        """Make ``<kind>/<digest>`` unless it is there. A cancelled put still ends its thread's
        work by itself, and leaves either the whole folder or nothing.
        """
        found = self.path(kind, digest)
        if found is not None:
            return found
        return await asyncio.shield(asyncio.to_thread(self._put, kind, digest, fill))

    async def sweep(self, kind: str, *, held: Collection[str]) -> int:
        return await asyncio.to_thread(self._sweep, kind, frozenset(held))

    def _put(self, kind: str, digest: str, fill: Callable[[Path], None]) -> Path:
        parent = self._root / kind
        parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=parent))
        self._making.add(making)
        try:
            fill(making)
            _seal(making)
            path = parent / digest
            _rename(making, path)
            _sync(parent)
        finally:
            _remove(making)
            self._making.discard(making)
        return path

    def _sweep(self, kind: str, held: frozenset[str]) -> int:
        parent = self._root / kind
        count = 0
        for path in sorted(parent.iterdir()) if parent.is_dir() else []:
            if path.name in held or path in self._making:
                continue
            count += _sweep_away(path)
        return count


def _sweep_away(path: Path) -> bool:
    """Remove a folder, in one step as far as others see it."""
    try:
        if not path.name.startswith((_MAKING, _GOING)):
            path = path.rename(path.with_name(f"{_GOING}{path.name}"))
        _remove(path)
    except OSError:
        return False  # A child of a killed platform still writes there: it goes the next time.
    return True


def _rename(making: Path, path: Path) -> None:
    """Move into place; somebody may have been faster with the same content."""
    try:
        making.rename(path)
    except OSError:
        if not path.is_dir():
            raise


def _seal(folder: Path) -> None:
    """Make everything read-only and durable, the folder itself last."""
    files = list(_walk(folder))
    for path in files:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o555 if path.is_dir() or mode & stat.S_IXUSR else 0o444)
    if len(files) > _SYNC_EACH_MAX:
        os.sync()
    else:
        for path in files:
            if not path.is_symlink():
                _sync(path)
    folder.chmod(0o555)
    _sync(folder)


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below, a folder after what is in it."""
    for at, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            yield Path(at, name)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(folder: Path) -> None:
    """Remove a folder of ours with all its read-only content; it may be gone already."""
    if not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    folder.chmod(0o755)
    for at, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(at, name)
            if not path.is_symlink():
                path.chmod(0o755)
    shutil.rmtree(folder)
