"""Modules that attack while they are imported: in the zygote, which is allowed more than instances.

Each is a text that ends with what its instances answer. Whatever it does, a neighbour still
answers, a process of the host lives, and nothing is left when the zygote is closed.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.model import limits as ceilings
from tapwater_server.model.errors import StartFailed
from tests.not_testable import CannotTest
from tests.ordinary_user import run_tests_as_ordinary
from tests.sandbox_kit import (
    HELLO,
    Talk,
    alive,
    count_talks,
    image,
    limits,
    linux_sandbox,
    processes_of,
    wait_until,
    write_code,
)

pytestmark = pytest.mark.slow
in_module_loop = pytest.mark.asyncio(loop_scope="module")

TRY = """
import errno, json, os, socket, struct, sys, threading, time
from tapwater.runtime import kernel, seccomp_rules
def tried(act, *arguments):
    try:
        return f"got {act(*arguments)!r}"[:100]
    except OSError as error:
        return errno.errorcode[error.errno]
def nested(act):
    'Do it in a child that has put itself into a user namespace of its own.'
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "?"
        try:
            kernel.unshare(seccomp_rules.INSTANCE_NAMESPACES)
            said = act()
        except OSError as error:
            said = errno.errorcode[error.errno]
        finally:
            os.write(write, json.dumps(said).encode())
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    return json.loads(os.read(read, 65536))
def say(*messages):
    'Send messages up the line to the platform.'
    with socket.socket(fileno=os.dup(3)) as line:
        for message in messages:
            data = json.dumps(message).encode()
            line.sendall(struct.pack("<I", len(data)) + data)
SEALED = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
"""
GET = "\ndef get():\n    return SEEN\n"

# What it tries -> code that sets SEEN, and what SEEN must be.
CONFINED: dict[str, tuple[str, Any]] = {
    "remounting the root for writing": (
        "SEEN = nested(lambda: tried(kernel.mount, 'none', '/', 'none', "
        "kernel.MS_REMOUNT | kernel.MS_BIND))",
        "EPERM",
    ),
    "writing through a bind of what it sees": (
        "def act():\n"
        "    os.mkdir('/tmp/b')\n"
        "    return [tried(kernel.mount, '/app', '/tmp/b', 'none', kernel.MS_BIND),\n"
        "            tried(os.open, '/tmp/b/x', os.O_CREAT | os.O_WRONLY)]\n"
        "SEEN = nested(act)",
        [("got None",), ("EROFS", "EACCES")],
    ),
    "taking a mount away to see what it covers": (
        "SEEN = nested(lambda: [tried(kernel.unmount, p) for p in ('/proc', '/app', '/tmp')])",
        [("EPERM",)] * 3,
    ),
    "moving a mount": (
        "SEEN = nested(lambda: tried(kernel.mount, '/app', '/tmp', 'none', 8192))",
        "EPERM",
    ),
    "mounting what is not a tmpfs": (
        "SEEN = nested(lambda: [tried(kernel.mount, 'x', '/tmp', kind, seccomp_rules.TMPFS_FLAGS)\n"
        "    for kind in ('sysfs', 'cgroup2', 'overlay', 'ext4', 'fuse', 'bpf', 'debugfs')])",
        [("EPERM", "ENODEV", "EINVAL", "EBUSY", "ENOENT")] * 7,
    ),
    "a network of its own, to be root in": (
        "SEEN = [tried(kernel.unshare, flags) for flags in (0x50000000, 0x40000000)]",
        [("EPERM",), ("EPERM",)],
    ),
    "becoming root on the way": (
        "def act():\n"
        "    got = tried(kernel.write_maps, (0, 0), (0, 0))\n"
        "    return [got, tried(os.setuid, 0), os.path.exists('/etc/shadow')]\n"
        "SEEN = nested(act)[2]",
        False,
    ),
    "a device that is a disk": (
        "SEEN = nested(lambda: tried(os.mknod, '/tmp/d', 0o60666, os.makedev(254, 0)))",
        "EPERM",
    ),
    "untying itself from the platform's life": (
        "SEEN = [tried(kernel.prctl, 1, 0), tried(kernel.prctl, 4, 0)]",
        [("EPERM",), ("EPERM",)],
    ),
    "signals to everyone": ("SEEN = tried(os.kill, 1, 9)", ("EPERM", "got None")),
    "looking out through its keeper": (
        "SEEN = [os.listdir('/proc/1/root') == os.listdir('/') if os.access('/proc/1/root', 4)\n"
        "    else True, [tried(os.readlink, f'/proc/1/fd/{n}') for n in range(3)],\n"
        "    tried(os.open, '/proc/1/mem', os.O_RDWR)]",
        [True, [("got '/dev/null'", "EACCES", "EPERM")] * 3, ("EACCES", "EPERM")],
    ),
    "leaving its cgroup": (
        "SEEN = [os.path.exists('/sys/fs/cgroup'), open('/proc/self/cgroup').read().count('..')]",
        [False, 0],
    ),
    "raw sockets in a namespace of its own": (
        "SEEN = nested(lambda: tried(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1))",
        ("EPERM", "EACCES"),
    ),
    "threads while it is imported": (
        "for _ in range(5):\n"
        "    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "SEEN = 'here'",
        "here",
    ),
    "children left behind": (
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        time.sleep(1000)\n"
        "        os._exit(0)\n"
        "SEEN = 'here'",
        "here",
    ),
    "reports about children that are not": (
        "say({'ended': -1, 'status': 9}, {'forked': 10**30, 'pid': []}, {'ended': 10**40},\n"
        "    {'forked': 1, 'pid': 1}, {'forked': None}, {'built': 1, 'fds': 100}, {'nothing': 1},\n"
        "    {'ended': 1, 'status': 10**40})\n"
        "SEEN = 'here'",
        "here",
    ),
    "descriptors sent up": (
        "with socket.socket(fileno=os.dup(3)) as line:\n"
        "    socket.send_fds(line, [struct.pack('<I', 2) + b'{}'], [0] * 100)\n"
        "SEEN = 'here'",
        "here",
    ),
    "lies about all that is shared": (
        "for name in list(sys.modules):\n"
        "    if name.startswith('tapwater_server'): SEEN = name\n"
        "from tapwater.runtime import confine, rootfs, wire\n"
        "confine.filter_instance = confine.restrict_writes = lambda: None\n"
        "wire.Kind = None\n"
        "SEEN = 'here'",
        "here",
    ),
}

# What it does -> how opening it must fail.
REFUSED: dict[str, tuple[str, str]] = {
    "closing every descriptor": ("os.closerange(3, 4096)\ntime.sleep(100)", "ended|exited|hung up"),
    "a manifest of nine megabytes": ("say({'ready': {'x': 'y' * (9 << 20)}})", "."),
    "a message that is no JSON": (
        "os.write(3, struct.pack('<I', 3) + b'not')\ntime.sleep(100)",
        ".",
    ),
    "a message without an end": (
        "os.write(3, struct.pack('<I', 0xFFFFFFFF) + b'{')\ntime.sleep(100)",
        ".",
    ),
    "a manifest that is no object": ("say({'ready': [1]})\ntime.sleep(100)", "no object"),
    "exiting": ("os._exit(7)", "code 7"),
    "killing itself": ("os.kill(os.getpid(), 9)", "SIGKILL|killed"),
    "a crash": ("os.abort()", "SIGABRT"),
    "all memory": ("held = bytearray(1 << 30)", "memory"),
    "memory in many, for ever": (
        "pids = []\n"
        "for _ in range(12):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        held = bytearray(12 << 20)\n"
        "        time.sleep(100)\n"
        "    pids.append(pid)\n"
        "time.sleep(100)",
        "memory|not imported within",
    ),
    "waiting for ever": ("time.sleep(1000)", "not imported within"),
    "computing for ever": ("while True: pass", "not imported within"),
}


@dataclass
class Field:
    """Where the attacks happen, and who must not be hit."""

    sandbox: LinuxSandbox
    neighbour: Talk
    victim: "subprocess.Popen[bytes]"
    folder: Path
    memory_counted: bool
    made: int = 0

    def write(self, code: str) -> Path:
        """Write a module into a folder of its own."""
        self.made += 1
        folder = self.folder / str(self.made)
        folder.mkdir()
        return write_code(folder, TRY + code + GET)


def start_victim() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "1000"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    folder = tmp_path_factory.mktemp("field")
    with start_victim() as victim:
        async with linux_sandbox(folder) as sandbox:
            other = await sandbox.open(image(write_code(folder, HELLO)))
            neighbour = Talk(await other.fork(limits()))
            counted = {layer.name for layer in sandbox.layers() if layer.present}
            yield Field(sandbox, neighbour, victim, folder, "cgroup memory" in counted)
            await neighbour.end()
        victim.kill()


async def check_unharmed(field: Field) -> None:
    assert field.victim.poll() is None, "a process of the host was hit"
    assert (await field.neighbour.call()).value == {"hello": "world"}, "the neighbour was hit"


def like(got: Any, wanted: Any) -> bool:
    """Compare; a tuple stands for any one of its texts."""
    if isinstance(wanted, tuple):
        return str(got).startswith(wanted)
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(like, got, wanted))
    return bool(got == wanted)


@in_module_loop
@pytest.mark.parametrize("what", CONFINED)
async def test_what_an_import_may_do_gains_it_nothing(field: Field, what: str) -> None:
    code, wanted = CONFINED[what]
    talks = count_talks()
    zygote = await field.sandbox.open(image(field.write(code)))
    talk = Talk(await zygote.fork(limits()))
    answer = await talk.call()
    seen = answer.value.decode() if isinstance(answer.value, bytes) else answer.value
    assert like(seen, wanted), (seen, talk.output())
    await check_unharmed(field)
    family = processes_of(zygote.pid)
    assert len(family) >= 2
    await talk.end()
    await zygote.close()
    await wait_until(lambda: not any(alive(pid) for pid in family))
    assert count_talks() <= talks


@in_module_loop
@pytest.mark.parametrize("what", REFUSED)
async def test_an_import_that_does_not_end_well_is_refused(
    field: Field, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, why = REFUSED[what]
    if "memory" in what and not field.memory_counted:
        why = "."
    monkeypatch.setattr(ceilings, "START_S_MAX", 1.0 if "ever" in what else 15.0)
    zygotes = field.sandbox.stats().zygotes
    with pytest.raises(StartFailed, match=why):
        await field.sandbox.open(image(field.write(code)))
    await wait_until(lambda: field.sandbox.stats().zygotes == zygotes)
    await check_unharmed(field)


@in_module_loop
async def test_a_forged_manifest_is_hearsay_and_its_zygote_forks_nothing(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "FORK_S_MAX", 0.5)
    code = "say({'ready': {'wire': 1, 'verbs': ['GET']}})\ntime.sleep(1000)\nSEEN = 1"
    zygote = await field.sandbox.open(image(field.write(code)))
    assert zygote.manifest == {"wire": 1, "verbs": ["GET"]}
    with pytest.raises(StartFailed):
        await zygote.fork(limits())
    await zygote.close()
    await check_unharmed(field)


@in_module_loop
async def test_a_zygote_that_poses_as_its_own_instance_dies_as_one(field: Field) -> None:
    """It answers the greeting itself, by the kernel with its own pid: killing it kills it."""
    code = """
from tapwater.runtime import birth
def pose(control, order, fds, loaded, request):
    sock = socket.socket(fileno=os.dup(fds[0]))
    sock.send(b"h")
    sock.send(b"r")
    sock.recv(1)
    time.sleep(1000)
birth.fork = pose
SEEN = 1"""
    zygote = await field.sandbox.open(image(field.write(code)))
    talk = Talk(await zygote.fork(limits()))
    assert talk.guest.pid == zygote.pid
    talk.guest.kill()
    await talk.wait_died()
    talk.close()
    died = asyncio.Event()
    zygote.when_died(lambda _: died.set())
    async with asyncio.timeout(10):
        await died.wait()
    await check_unharmed(field)


@in_module_loop
async def test_a_flood_on_the_line_does_not_starve_the_neighbour(field: Field) -> None:
    """Measured by what gets done: while one talks without end, another answers hundreds of calls.

    It took the loop a third of a second to read what the flood had put into one read.
    """
    code = """
from tapwater.runtime import birth
def flood(*_):
    data = struct.pack("<I", 2) + b"{}"
    while True: os.write(3, data * 8000)
birth.fork = flood
SEEN = 1"""
    zygote = await field.sandbox.open(image(field.write(code)))
    died = asyncio.Event()
    zygote.when_died(lambda _: died.set())
    forking = asyncio.ensure_future(zygote.fork(limits()))
    async with asyncio.timeout(20):
        for _ in range(200):
            await check_unharmed(field)
        await died.wait()
    with pytest.raises(StartFailed):
        await forking


def test_whole_field_as_an_ordinary_user(cannot_test: CannotTest) -> None:
    if os.geteuid() == 0:
        run_tests_as_ordinary(__file__, "not ordinary", cannot_test)
