"""What ports/sandbox.py promises: Linux with all its layers, and the inline one where it applies.

``test_linux_as_an_ordinary_user`` runs this file once more, without root.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.memory.sandbox import InlineSandbox
from tapwater_server.model import limits as ceilings
from tapwater_server.model.errors import StartFailed
from tapwater_server.ports.sandbox import Death, Sandbox
from tests.not_testable import CannotTest
from tests.ordinary_user import run_tests_as_ordinary
from tests.sandbox_kit import (
    HELLO,
    Talk,
    alive,
    call_once,
    count_talks,
    image,
    limits,
    linux_sandbox,
    processes_of,
    wait_until,
    write_code,
)

ROOT = Path(__file__).parents[2]
BOTH = ("linux", "inline")


@asynccontextmanager
async def opened(backend: str, folder: Path) -> AsyncIterator[Sandbox]:
    if backend == "linux":
        async with linux_sandbox(folder) as sandbox:
            yield sandbox
    else:
        inline = InlineSandbox()
        try:
            yield inline
        finally:
            await inline.close()


@pytest.fixture(params=BOTH)
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with opened(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def linux(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with opened("linux", tmp_path) as made:
        yield made


async def start(sandbox: Sandbox, folder: Path, text: str, **more: Any) -> tuple[Any, Talk]:
    zygote = await sandbox.open(image(write_code(folder, text)))
    return zygote, Talk(await zygote.fork(limits(**more)))


async def test_box_1_open_gives_the_manifest(sandbox: Sandbox, tmp_path: Path) -> None:
    zygote = await sandbox.open(image(write_code(tmp_path, HELLO)))
    assert zygote.manifest["wire"] == 1
    assert "GET" in zygote.manifest["verbs"]
    await zygote.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def get():\n    return 1\nraise ValueError('no such luck')\n", "no such luck"),
        ("import no_such_module_at_all\n", "no_such_module_at_all"),
        ("def get(:\n", "SyntaxError"),
    ],
)
async def test_box_1_a_module_that_fails_says_why(
    sandbox: Sandbox, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(StartFailed, match=said) as failed:
        await sandbox.open(image(write_code(tmp_path, text)))
    assert failed.value.by_function


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(7)\n", "exited with code 7"),
        ("import os, signal, ctypes\nctypes.string_at(0)\n", "SIGSEGV"),
    ],
)
async def test_box_1_a_module_that_ends_its_process_says_how(
    linux: Sandbox, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(StartFailed, match=said) as failed:
        await linux.open(image(write_code(tmp_path, text)))
    assert failed.value.by_function


async def test_box_1_an_endless_import_is_ended(
    linux: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await linux.open(image(write_code(tmp_path, HELLO)))
    monkeypatch.setattr(ceilings, "START_S_MAX", 0.5)
    text = "print('so far', flush=True)\nwhile True:\n    pass\n"
    with pytest.raises(StartFailed, match=r"not imported within 0\.5 s:\nso far"):
        await linux.open(image(write_code(tmp_path, text)))


async def test_box_1_no_such_interpreter(linux: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="cannot be started"):
        await linux.open(image(write_code(tmp_path, HELLO), python="/no/python"))


async def test_box_1_a_failed_open_leaves_nothing_behind(linux: Sandbox, tmp_path: Path) -> None:
    text = "import subprocess\nsubprocess.Popen(['sleep', '1000'])\nraise ValueError\n"
    await linux.open(image(write_code(tmp_path, HELLO)))  # So that the base zygote is there.
    before, fds = len(processes_of(os.getpid())), count_talks()
    with pytest.raises(StartFailed):
        await linux.open(image(write_code(tmp_path, text)))
    await wait_until(lambda: len(processes_of(os.getpid())) == before)
    assert count_talks() == fds


async def test_box_2_instances_share_no_process_and_no_socket(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    zygote, first = await start(sandbox, tmp_path, HELLO)
    second = Talk(await zygote.fork(limits()))
    assert first.guest.pid != second.guest.pid
    first.guest.kill()
    await first.wait_died()
    assert (await second.call()).value == {"hello": "world"}
    await second.end()
    first.close()


async def test_box_2_nothing_written_is_shared(linux: Sandbox, tmp_path: Path) -> None:
    text = """
import os
opened = open("/tmp/at_import", "w")
def get(name: str):
    found = os.listdir("/tmp")
    open(f"/tmp/{name}", "w").close()
    try:
        opened.write("x"); opened.flush()
        wrote = True
    except OSError:
        wrote = False
    return {"found": found, "wrote": wrote}
"""
    zygote, first = await start(linux, tmp_path, text)
    second = Talk(await zygote.fork(limits()))
    for talk, name in ((first, "one"), (second, "two")):
        answer = await talk.call(query=f"name={name}")
        assert answer.value == {"found": [], "wrote": False}
    await first.end()
    await second.end()


async def test_box_2_a_module_imported_after_the_fork(linux: Sandbox, tmp_path: Path) -> None:
    text = "import os\npid = os.getpid()\ndef get():\n    return pid == os.getpid()\n"
    answer = await call_once(linux, tmp_path, text, after_fork_import=True)
    assert answer.value is True


async def test_box_2_a_zygote_with_threads_can_fork_too(linux: Sandbox, tmp_path: Path) -> None:
    text = """
import os, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
def get():
    return [os.getpid(), threading.active_count()]
"""
    answer = await call_once(linux, tmp_path, text)
    assert answer.value[0] == 1


async def test_box_3_kill_is_told_once_and_leaves_no_process(
    linux: Sandbox, tmp_path: Path
) -> None:
    text = """
import subprocess
def get():
    for _ in range(3):
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
    return "started"
"""
    _, talk = await start(linux, tmp_path, text)
    assert (await talk.call()).status == 200
    family = processes_of(talk.guest.pid)
    assert len(family) == 4
    talk.guest.kill()
    died = await talk.wait_died()
    assert died.death is Death.KILLED
    assert not any(alive(pid) for pid in family)
    talk.guest.kill()
    assert talk.deaths == 1
    talk.close()


@pytest.mark.parametrize(
    ("line", "death", "detail"),
    [
        ("os._exit(7)", Death.EXITED, 7),
        ("ctypes.string_at(0)", Death.SIGNALLED, signal.SIGSEGV),
    ],
)
async def test_box_3_how_it_died_by_itself_is_told(
    linux: Sandbox, tmp_path: Path, line: str, death: Death, detail: int
) -> None:
    _, talk = await start(linux, tmp_path, f"import os, ctypes\ndef get():\n    {line}\n")
    assert (await talk.call()).kind == "gone"
    died = await talk.wait_died()
    assert (died.death, died.detail) == (death, detail)
    assert talk.deaths == 1
    talk.close()


async def test_box_3_whoever_asks_late_is_told_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    _, talk = await start(sandbox, tmp_path, HELLO)
    talk.guest.kill()
    await talk.wait_died()
    told: list[object] = []
    talk.guest.when_died(told.append)
    assert len(told) == 1
    talk.close()


async def test_box_3_a_frozen_guest_dies_too(linux: Sandbox, tmp_path: Path) -> None:
    _, talk = await start(linux, tmp_path, HELLO)
    talk.guest.freeze()
    talk.guest.kill()
    assert (await talk.wait_died()).death is Death.KILLED
    talk.close()


async def test_box_4_closing_a_zygote_leaves_its_guests(sandbox: Sandbox, tmp_path: Path) -> None:
    zygote, talk = await start(sandbox, tmp_path, HELLO)
    await zygote.close()
    with pytest.raises(StartFailed):
        await zygote.fork(limits())
    assert (await talk.call()).status == 200
    await talk.end()


def command_of(pid: int) -> str:
    try:
        return f"{pid}: {Path(f'/proc/{pid}/cmdline').read_text()}"
    except OSError:
        return f"{pid}: gone meanwhile"


async def test_box_4_the_end_of_the_sandbox_ends_all(tmp_path: Path) -> None:
    strangers = set(processes_of(os.getpid()))  # What other tests of this process have running.
    async with opened("linux", tmp_path) as sandbox:
        zygote, talk = await start(sandbox, tmp_path, HELLO)
        await zygote.close()
        family = set(processes_of(os.getpid())) - strangers
        assert talk.guest.pid in family
    talk.close()
    assert [command_of(pid) for pid in family if alive(pid)] == []


_PLATFORM = """
import asyncio, pathlib, sys
from tests.sandbox_kit import HELLO, image, limits, linux_sandbox, processes_of, write_code
async def main(folder):
    async with linux_sandbox(folder) as sandbox:
        zygote = await sandbox.open(image(write_code(folder, HELLO)))
        guest = await zygote.fork(limits())
        import os
        print(*processes_of(os.getpid())[1:], flush=True)
        await asyncio.Event().wait()
asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def run_platform(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", _PLATFORM, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])},
    )


async def test_box_4_nothing_survives_a_kill_9_of_the_platform(tmp_path: Path) -> None:
    with run_platform(tmp_path) as platform:
        assert platform.stdout is not None
        family = [int(pid) for pid in platform.stdout.readline().split()]
        assert len(family) >= 4  # base, keeper, zygote, instance
        platform.kill()
    await wait_until(lambda: not any(alive(pid) for pid in family))


async def test_box_4_nothing_survives_a_kill_9_of_the_base_zygote(
    linux: Sandbox, tmp_path: Path
) -> None:
    zygote, talk = await start(linux, tmp_path, HELLO)
    base = processes_of(os.getpid())
    base_pid = next(pid for pid in base[1:] if talk.guest.pid in processes_of(pid))
    told = asyncio.Event()
    zygote.when_died(lambda _: told.set())
    os.kill(base_pid, signal.SIGKILL)
    await talk.wait_died()
    async with asyncio.timeout(10):
        await told.wait()
    with pytest.raises(StartFailed):
        await zygote.fork(limits())
    again = await call_once(linux, tmp_path, HELLO)
    assert again.status == 200
    talk.close()


async def test_box_5_out_of_memory_is_told_and_the_neighbour_lives(
    linux: Sandbox, tmp_path: Path
) -> None:
    text = """
def get(much: bool = False):
    if much:
        held = []
        while True:
            held.append(bytearray(1 << 20))
    return ["fine"]
"""
    zygote, talk = await start(linux, tmp_path, text)
    neighbour = Talk(await zygote.fork(limits()))
    assert (await talk.call(query="much=true")).kind == "gone"
    assert (await talk.wait_died()).death is Death.OUT_OF_MEMORY
    assert (await neighbour.call()).value == ["fine"]
    await neighbour.end()
    talk.close()


async def test_box_5_a_module_that_needs_too_much_is_told(linux: Sandbox, tmp_path: Path) -> None:
    text = "held = []\nwhile True:\n    held.append(bytearray(1 << 20))\n"
    with pytest.raises(StartFailed, match="memory"):
        await linux.open(image(write_code(tmp_path, text)))


_RUBBISH = """
import os, socket
control = socket.socket(fileno=3)
control.send({bytes!r})
def get():
    return 1
"""


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x04\x00\x00\x00abcd",
        b"\x02\x00\x00\x00[]",
        b'\x1e\x00\x00\x00{"forked": "x", "pid": [1, 2]}',
        b'\x0c\x00\x00\x00{"ready": 1}',
    ],
)
async def test_box_6_a_zygote_that_talks_rubbish_fails_itself_only(
    linux: Sandbox, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "good").mkdir()
    good = await linux.open(image(write_code(tmp_path / "good", HELLO)))
    bad_code = write_code(tmp_path, _RUBBISH.format(bytes=data))
    with suppress(StartFailed):
        await linux.open(image(bad_code))
    talk = Talk(await good.fork(limits()))
    assert (await talk.call()).status == 200
    await talk.end()


@pytest.mark.slow
def test_linux_as_an_ordinary_user(cannot_test: CannotTest) -> None:
    if os.geteuid() != 0:
        return  # This whole run is one.
    run_tests_as_ordinary(__file__, "box", cannot_test)
