"""Pieces of blobs as files on the local disk: written once, synced, never changed.

``<root>/<two digits of the name's CRC>/<name>``. A piece needs no renaming into place: nobody
knows its name before the facts are committed, and what a kill leaves is a name nobody knows.
All of it happens in threads; the loop only hands portions over.
"""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from tapwater_server.model.errors import NotFound, StorageFull
from tapwater_server.ports.blob_bytes import Digesting
from tapwater_server.ports.clock import Clock

T = TypeVar("T")
# Handed to a thread at once: fewer hops, and MD5 runs without the GIL. While the disk has nothing
# to do less is handed over, so that many slow senders hold little memory.
WRITE_BYTES = 1 << 20
WRITE_BYTES_MIN = 256 << 10
READ_BYTES = 256 << 10
_THREADS = 16  # A disk serves several at once, and one slow transfer must not stop the others.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileBlobBytes:
    """See the promises of ``ports/blob_bytes.py``."""

    def __init__(self, root: Path, *, clock: Clock) -> None:
        self._root, self._clock = root, clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blob")

    async def write(self, piece: str, chunks: AsyncIterator[bytes], digest: Digesting) -> int:
        path = self._path(piece)
        fd = await self._run(_create, path)
        size = 0
        # The portion before is written, and digested beside that, while the next one comes in.
        ahead = _Ahead()
        try:
            async for portion in _portions(chunks, ahead.idle):
                await ahead.wait()
                size += sum(map(len, portion))
                ahead.begun = (
                    self._threads.submit(_append, fd, portion),
                    self._threads.submit(_show, digest, portion),
                )
            await ahead.wait()
            await self._run(_finish, fd, path)
        except BaseException as error:
            await asyncio.shield(self._run(_give_up, fd, path, ahead.begun))
            if isinstance(error, OSError) and error.errno in _FULL:
                raise StorageFull("the disk is full: nothing of this was kept") from error
            raise
        await self._run(os.close, fd)
        return size

    async def read(self, piece: str, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        fd = await self._run(_open, self._path(piece))
        ahead: Future[bytes] | None = None
        try:
            at = start
            ahead = self._threads.submit(os.pread, fd, min(READ_BYTES, stop - at), at)
            while at < stop:
                data = await asyncio.wrap_future(ahead)
                if not data:
                    raise OSError(errno.EIO, f"the piece {piece} is shorter than its facts say")
                at += len(data)
                if at < stop:
                    ahead = self._threads.submit(os.pread, fd, min(READ_BYTES, stop - at), at)
                yield data
        finally:
            self._threads.submit(_close, fd, ahead)

    async def remove(self, pieces: Collection[str]) -> None:
        await self._run(_unlink, [self._path(piece) for piece in pieces])

    async def names(self, *, older_than_s: float) -> AsyncIterator[Sequence[str]]:
        before = self._clock.now() - older_than_s
        for folder in await self._run(_folders, self._root):
            found = await self._run(_old, folder, before)
            if found:
                yield found

    async def close(self) -> None:
        """Let the threads end what they do."""
        await asyncio.to_thread(self._threads.shutdown)

    def _path(self, piece: str) -> Path:
        assert piece.isalnum(), "a piece's name is an id of ours"
        return self._root / f"{crc32(piece.encode()) & 0xFF:02x}" / piece

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.wrap_future(self._threads.submit(work, *given))


class _Ahead:
    """What threads do while the loop gathers."""

    def __init__(self) -> None:
        self.begun: Sequence[Future[None]] = ()

    def idle(self) -> bool:
        return all(each.done() for each in self.begun)

    async def wait(self) -> None:
        for each in self.begun:
            await asyncio.wrap_future(each)


async def _portions(
    chunks: AsyncIterator[bytes], idle: Callable[[], bool]
) -> AsyncIterator[list[bytes]]:
    """Gather what comes until it is worth a hop into a thread."""
    portion: list[bytes] = []
    size = 0
    async for chunk in chunks:
        if chunk:
            portion.append(chunk)
            size += len(chunk)
        if size >= WRITE_BYTES or (size >= WRITE_BYTES_MIN and idle()):
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _create(path: Path) -> int:
    try:
        return _exclusive(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync(path.parent.parent)
        return _exclusive(path)


def _exclusive(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _show(digest: Digesting, portion: Sequence[bytes]) -> None:
    for data in portion:
        digest.update(data)


def _append(fd: int, portion: Sequence[bytes]) -> None:
    for data in portion:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]


def _finish(fd: int, path: Path) -> None:
    os.fsync(fd)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _give_up(fd: int, path: Path, pending: "Sequence[Future[None]]") -> None:
    """Remove what was begun, once nobody writes to it any more."""
    for each in pending:
        if not each.cancel():
            each.exception()
    os.close(fd)
    path.unlink(missing_ok=True)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("the bytes of this blob are gone", piece=path.name) from None


def _close(fd: int, ahead: "Future[bytes] | None") -> None:
    if ahead is not None and not ahead.cancel():
        ahead.exception()
    os.close(fd)


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _folders(root: Path) -> Sequence[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else ()


def _old(folder: Path, before: float) -> Sequence[str]:
    """Name the files in a folder that nobody wrote to since."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.stat().st_mtime < before:
                    found.append(entry.name)
            except FileNotFoundError:
                continue  # Removed meanwhile.
    return found
