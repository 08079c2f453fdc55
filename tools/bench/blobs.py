"""Blobs over HTTP beside plain files: a large one in and out, and many little ones."""

import hashlib
import http.client
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.functional.running import Platform
from tools.bench.ours import HELLO_APP, platform
from tools.bench.results import Result, Table, median

LARGE_BYTES = 256 << 20
LITTLE = os.urandom(1024)
CONNECTIONS = 32
_PART = os.urandom(1 << 20)
_BLOBS = "/_/api/v1/apps/bench/blobs/box"
Numbers = dict[str, float]

_ROWS = {
    "put_mb_s": f"put {LARGE_BYTES >> 20} MB, MB/s",
    "get_mb_s": f"get {LARGE_BYTES >> 20} MB, MB/s",
    "puts_1": "put 1 KiB, 1 connection, /s",
    "puts_32": f"put 1 KiB, {CONNECTIONS} connections, /s",
    "gets_1": "get 1 KiB, 1 connection, /s",
}


def measure(*, rounds: int, count: int) -> Result:
    """Take turns with plain files in the same folder; give the middle of the rounds."""
    print(f"bench: blobs, {rounds} rounds", flush=True)
    ours: list[Numbers] = []
    files: list[Numbers] = []
    with platform() as running:
        running.deploy(HELLO_APP, "bench")
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=running.data) as folder:
                files.append(_files(Path(folder), count))
            ours.append(_ours(running, count))
    mine = {key: median([one[key] for one in ours]) for key in _ROWS}
    plain = {key: median([one[key] for one in files]) for key in (*_ROWS, "md5_mb_s")}
    rows = [
        (what, f"{mine[key]:,.0f}", f"{plain[key]:,.0f}", f"{mine[key] / plain[key]:.2f}")
        for key, what in _ROWS.items()
    ]
    table = Table(
        title="Blobs",
        head=("what", "Tapwater, HTTP", "plain files", "ratio"),
        rows=rows,
        note="Plain files: written in pieces of 1 MiB from memory, fsync of file and folder, no "
        "network, no checksum, no event; read the same way out of the page cache. The client of "
        "ours is one more Python process' worth of work on the same two cores. MD5 alone does "
        f"{plain['md5_mb_s']:,.0f} MB/s here on one core.",
    )
    return Result(tables=[table], numbers={"ours": mine, "files": plain})


def _files(folder: Path, count: int) -> Numbers:
    large = folder / "large"
    took_in = _time(lambda: _write(large, LARGE_BYTES // len(_PART)))
    took_out = _time(lambda: _read(large))
    large.unlink()

    def little(number: int) -> None:
        path = folder / f"{number}"
        with path.open("wb") as file:
            file.write(LITTLE)
            file.flush()
            os.fsync(file.fileno())
        _sync(folder)

    one = _time(lambda: _each(count, little))
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        many = _time(lambda: list(threads.map(little, range(count, count * 5))))
    read = _time(lambda: [(folder / f"{n}").read_bytes() for n in range(count)])
    digest = _time(lambda: [hashlib.md5(_PART, usedforsecurity=False) for _ in range(64)])
    return {
        "put_mb_s": LARGE_BYTES / 1e6 / took_in,
        "get_mb_s": LARGE_BYTES / 1e6 / took_out,
        "puts_1": count / one,
        "puts_32": count * 4 / many,
        "gets_1": count / read,
        "md5_mb_s": 64 * len(_PART) / 1e6 / digest,
    }


def _ours(running: Platform, count: int) -> Numbers:
    asking = Asking(running)
    took_in = _time(lambda: asking.put("large", _parts(), LARGE_BYTES))
    took_out = _time(lambda: asking.get("large"))
    one = _time(lambda: _each(count, lambda n: asking.put(f"k{n}", iter([LITTLE]), 1024)))
    read = _time(lambda: _each(count, lambda n: asking.get(f"k{n}")))
    many = _time(lambda: _together(running, count * 4))
    asking.connection.close()
    return {
        "put_mb_s": LARGE_BYTES / 1e6 / took_in,
        "get_mb_s": LARGE_BYTES / 1e6 / took_out,
        "puts_1": count / one,
        "puts_32": count * 4 / many,
        "gets_1": count / read,
    }


class Asking:
    """One connection that puts and gets."""

    def __init__(self, running: Platform) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        self._headers = {"authorization": f"Bearer {running.token}"}

    def put(self, key: str, parts: Iterator[bytes], size: int) -> None:
        headers = {**self._headers, "content-length": str(size)}
        self.connection.request("PUT", f"{_BLOBS}/{key}", body=parts, headers=headers)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 201, answer.status

    def get(self, key: str) -> None:
        self.connection.request("GET", f"{_BLOBS}/{key}", headers=self._headers)
        answer = self.connection.getresponse()
        while answer.read(1 << 20):
            pass
        assert answer.status == 200, answer.status


def _together(running: Platform, count: int) -> None:
    """Put so many with all connections at once."""

    def some(first: int) -> None:
        asking = Asking(running)
        for n in range(first, count, CONNECTIONS):
            asking.put(f"m{n}", iter([LITTLE]), 1024)
        asking.connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(some, range(CONNECTIONS)))


def _parts() -> Iterator[bytes]:
    for _ in range(LARGE_BYTES // len(_PART)):
        yield _PART


def _write(path: Path, parts: int) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(parts):
            file.write(_PART)
        os.fsync(file.fileno())
    _sync(path.parent)


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def _each(count: int, do: Callable[[int], None]) -> None:
    for number in range(count):
        do(number)


def _time(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
