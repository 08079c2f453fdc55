"""What every keeper of folders must do."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tapwater_server.backends.files.folders import FileFolders
from tapwater_server.backends.memory.folders import MemoryFolders
from tapwater_server.ports.folders import Folders

BACKENDS: dict[str, Callable[[Path], Folders]] = {
    "files": FileFolders,
    "memory": lambda path: MemoryFolders(scratch=path),
}
DIGEST = "d" * 64


@pytest.fixture(params=sorted(BACKENDS))
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Folders:
    return BACKENDS[request.param](tmp_path)


def fill(folder: Path) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "a.py").write_text("a = 1\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)


def fail(folder: Path) -> None:
    fill(folder)
    raise OSError("no space left")


async def test_fld_1_whole(folders: Folders) -> None:
    assert folders.path("bundles", DIGEST) is None
    path = await folders.put("bundles", DIGEST, fill)
    assert folders.path("bundles", DIGEST) == path
    assert (path / "lib" / "a.py").read_text() == "a = 1\n"
    assert os.access(path / "run", os.X_OK)


async def test_fld_1_or_not_at_all(folders: Folders) -> None:
    with pytest.raises(OSError, match="no space left"):
        await folders.put("bundles", DIGEST, fail)
    assert folders.path("bundles", DIGEST) is None
    assert await folders.sweep("bundles", held=[]) == 0


async def test_fld_2_twice_is_one_copy(folders: Folders) -> None:
    count = 0

    def counted(folder: Path) -> None:
        nonlocal count
        count += 1
        fill(folder)

    first = await folders.put("bundles", DIGEST, counted)
    assert await folders.put("bundles", DIGEST, counted) == first
    assert count == 1


async def test_fld_2_at_the_same_time_too(folders: Folders) -> None:
    paths = await asyncio.gather(*(folders.put("bundles", DIGEST, fill) for _ in range(4)))
    assert len(set(paths)) == 1
    assert await folders.sweep("bundles", held=[DIGEST]) == 0
    assert (paths[0] / "lib" / "a.py").exists()


async def test_fld_2_it_is_read_only(tmp_path: Path) -> None:
    path = await FileFolders(tmp_path).put("bundles", DIGEST, fill)
    modes = {
        one.relative_to(path).as_posix(): one.stat().st_mode & 0o777 for one in path.rglob("*")
    }
    assert modes == {"lib": 0o555, "lib/a.py": 0o444, "run": 0o555}
    assert path.stat().st_mode & 0o777 == 0o555


async def test_fld_3_what_nobody_holds_goes(folders: Folders) -> None:
    await folders.put("bundles", DIGEST, fill)
    await folders.put("bundles", "e" * 64, fill)
    await folders.put("layers", "e" * 64, fill)
    assert await folders.sweep("bundles", held=[DIGEST]) == 1
    assert folders.path("bundles", DIGEST) is not None
    assert folders.path("bundles", "e" * 64) is None
    assert folders.path("layers", "e" * 64) is not None


async def test_fld_3_what_is_being_made_stays(tmp_path: Path) -> None:
    folders = FileFolders(tmp_path)
    loop = asyncio.get_running_loop()
    inside = asyncio.Event()
    go_on = asyncio.Event()

    def slowly(folder: Path) -> None:
        fill(folder)
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=30)

    making = asyncio.create_task(folders.put("bundles", DIGEST, slowly))
    await inside.wait()
    assert await folders.sweep("bundles", held=[]) == 0
    go_on.set()
    assert (await making / "run").exists()


KILLED = """
import asyncio, sys
from pathlib import Path
from tapwater_server.backends.files.folders import FileFolders

def fill(folder):
    (folder / "half").write_text("half")
    (folder / "sub").mkdir(mode=0o555)
    print("inside", flush=True)
    sys.stdin.read()

asyncio.run(FileFolders(Path(sys.argv[1])).put("bundles", "d" * 64, fill))
"""


def put_and_kill(folder: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"inside\n"
        process.send_signal(signal.SIGKILL)


async def test_fld_1_fld_3_a_kill_leaves_nothing_that_counts(tmp_path: Path) -> None:
    await asyncio.to_thread(put_and_kill, tmp_path)
    folders = FileFolders(tmp_path)
    assert folders.path("bundles", DIGEST) is None
    assert len(os.listdir(tmp_path / "bundles")) == 1
    assert await folders.sweep("bundles", held=[DIGEST]) == 1
    assert os.listdir(tmp_path / "bundles") == []
