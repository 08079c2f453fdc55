"""What every keeper of the bytes of blobs must do."""

import asyncio
import errno
import hashlib
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from tapwater_server.backends.files import blob_bytes as files
from tapwater_server.backends.files.blob_bytes import FileBlobBytes
from tapwater_server.backends.memory.blob_bytes import MemoryBlobBytes
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.model.errors import NotFound, StorageFull
from tapwater_server.ports.blob_bytes import BlobBytes

LARGE = os.urandom(3 << 20)
ROOM = 4 << 20  # of the disk that fills up


@pytest.fixture(params=["files", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobBytes]:
    if request.param == "memory":
        yield MemoryBlobBytes(clock=SystemClock(), bytes_max=ROOM)
        return
    made = FileBlobBytes(tmp_path / "blobs", clock=SystemClock())
    yield made
    await made.close()


class Sum:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self.md5.update(data)


async def chunks(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def failing(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise ConnectionResetError("the client has gone")


async def read(store: BlobBytes, piece: str, start: int, stop: int) -> bytes:
    return b"".join([part async for part in store.read(piece, start=start, stop=stop)])


async def names(store: BlobBytes) -> list[str]:
    found: list[str] = []
    async for portion in store.names(older_than_s=-60):
        found += portion
    return sorted(found)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, len(LARGE)])
async def test_byt_1_what_was_written_reads_the_same(store: BlobBytes, size: int) -> None:
    digest = Sum()
    assert await store.write("P1", chunks(LARGE[:size]), digest) == size
    assert await read(store, "P1", 0, size) == LARGE[:size]
    assert digest.md5.digest() == hashlib.md5(LARGE[:size], usedforsecurity=False).digest()
    assert await names(store) == ["P1"]


async def test_byt_1_it_is_synced_before_it_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    store = FileBlobBytes(tmp_path / "blobs", clock=SystemClock())
    await store.write("P1", chunks(LARGE), Sum())
    await store.close()
    (file,) = (tmp_path / "blobs").rglob("P1")
    assert synced[-2:] == [str(file), str(file.parent)]


async def test_byt_2_a_write_that_fails_leaves_nothing(store: BlobBytes) -> None:
    with pytest.raises(ConnectionResetError):
        await store.write("P1", failing(LARGE), Sum())
    assert await names(store) == []
    await store.write("P1", chunks(b"again"), Sum())
    assert await read(store, "P1", 0, 5) == b"again"


async def test_byt_2_a_write_that_is_cancelled_leaves_nothing(store: BlobBytes) -> None:
    inside = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield LARGE
        inside.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(store.write("P1", endless(), Sum()))
    await inside.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await names(store) == []


async def test_byt_3_a_stretch_is_exact(store: BlobBytes) -> None:
    await store.write("P1", chunks(LARGE), Sum())
    size = len(LARGE)
    for start, stop in ((0, 1), (5, 5), (1000, 2_000_000), (size - 1, size), (0, size)):
        assert await read(store, "P1", start, stop) == LARGE[start:stop]


async def test_byt_3_what_is_not_there_is_not_found(store: BlobBytes) -> None:
    with pytest.raises(NotFound):
        await read(store, "P9", 0, 1)


async def test_byt_3_a_reader_may_go_in_the_middle(store: BlobBytes) -> None:
    await store.write("P1", chunks(LARGE), Sum())
    parts = store.read("P1", start=0, stop=len(LARGE))
    first = await anext(parts)
    assert LARGE.startswith(first)
    await parts.aclose()
    await store.remove(["P1"])
    assert await names(store) == []


async def test_byt_4_a_full_disk_leaves_nothing(
    store: BlobBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_append", _filling(ROOM))
    await store.write("P1", chunks(LARGE), Sum())
    with pytest.raises(StorageFull):
        await store.write("P2", chunks(LARGE), Sum())
    assert await names(store) == ["P1"]


def _filling(room: int) -> Callable[[int, Sequence[bytes]], None]:
    """A disk with so much room."""
    append = files._append

    def until_full(fd: int, portion: Sequence[bytes]) -> None:
        nonlocal room
        room -= sum(map(len, portion))
        if room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(fd, portion)

    return until_full


async def test_byt_5_removing_is_harmless(store: BlobBytes) -> None:
    await store.write("P1", chunks(b"x"), Sum())
    await store.remove(["P1", "P9"])
    await store.remove(["P1"])
    await store.remove([])
    assert await names(store) == []


async def test_byt_6_memory_does_not_grow_with_the_size(tmp_path: Path) -> None:
    store = FileBlobBytes(tmp_path / "blobs", clock=SystemClock())
    portion = bytes(256 << 10)

    async def much() -> AsyncIterator[bytes]:
        for _ in range(256):  # 64 MiB
            yield portion

    tracemalloc.start()
    try:
        size = await store.write("P1", much(), Sum())
        async for _ in store.read("P1", start=0, stop=size):
            pass
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
        await store.close()


async def test_byt_2_names_knows_what_is_old(tmp_path: Path) -> None:
    store = FileBlobBytes(tmp_path / "blobs", clock=SystemClock())
    await store.write("P1", chunks(b"old"), Sum())
    await store.write("P2", chunks(b"new"), Sum())
    (old,) = (tmp_path / "blobs").rglob("P1")
    os.utime(old, (1, 1))
    found: list[str] = []
    async for portion in store.names(older_than_s=3600):
        found += portion
    assert found == ["P1"]
    await store.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from tapwater_server.backends.files.blob_bytes import FileBlobBytes
from tapwater_server.backends.system.clock import SystemClock

class Sum:
    def update(self, data):
        pass

async def endless():
    yield bytes(4 << 20)
    yield bytes(4 << 20)
    print("inside", flush=True)
    sys.stdin.read()

store = FileBlobBytes(Path(sys.argv[1]), clock=SystemClock())
asyncio.run(store.write("P1", endless(), Sum()))
"""


def write_and_kill(folder: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"inside\n"
        process.send_signal(signal.SIGKILL)


async def test_byt_2_what_a_kill_leaves_is_named(tmp_path: Path) -> None:
    await asyncio.to_thread(write_and_kill, tmp_path)
    store = FileBlobBytes(tmp_path, clock=SystemClock())
    assert await names(store) == ["P1"]
    await store.remove(await names(store))
    assert await names(store) == []
    await store.close()


async def test_byt_2_giving_up_waits_for_the_thread(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "P1", os.O_WRONLY | os.O_CREAT)
    pending: Future[None] = Future()
    pending.set_running_or_notify_cancel()
    giving_up = asyncio.create_task(
        asyncio.to_thread(files._give_up, fd, tmp_path / "P1", [pending])
    )
    assert os.fstat(fd).st_size == 0
    pending.set_exception(OSError("disk"))
    await giving_up
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240  A test's own folder.
