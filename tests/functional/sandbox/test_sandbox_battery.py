"""Hostile functions, one test per act: what the guest saw, and that nobody else was harmed.

The acts are in ``battery/``; the tables here say what must come of each. A victim process of the
host, a file of the host, and a neighbour's instance are looked at after every act.
"""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tapwater.runtime import wire
from tapwater_server.ports.sandbox import Death, Zygote
from tests.functional.sandbox.battery.function import ACTS
from tests.not_testable import CannotTest
from tests.ordinary_user import run_tests_as_ordinary
from tests.sandbox_kit import (
    HELLO,
    Answer,
    Talk,
    count_talks,
    image,
    limits,
    linux_sandbox,
    write_code,
)

pytestmark = pytest.mark.slow
in_module_loop = pytest.mark.asyncio(loop_scope="module")

BATTERY = Path(__file__).parent / "battery"
INSIDE = "tests/functional/sandbox/battery"
CANARY = "what only the host may know"


@dataclass
class Field:
    """Where the battery fires: its zygote, and those who must not be hit."""

    zygote: Zygote
    neighbour: Talk
    victim: "subprocess.Popen[bytes]"
    secret: Path
    memory_counted: bool  # by a cgroup


def start_victim() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "1000"])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def battlefield(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    folder = tmp_path_factory.mktemp("field")
    secret = folder / "canary"
    secret.write_text(CANARY)
    code = folder / "battery"
    shutil.copytree(BATTERY, code / INSIDE)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        start_victim() as victim,
    ):
        abstract.bind(f"\0tapwater-battery-{os.getpid()}")
        abstract.listen()
        (code / "host_port").write_text(str(server.getsockname()[1]))
        (code / "host_abstract").write_text(f"tapwater-battery-{os.getpid()}")
        async with linux_sandbox(folder) as sandbox:
            zygote = await sandbox.open(image(code, module=f"{INSIDE}/function.py"))
            other = await sandbox.open(image(write_code(folder, HELLO)))
            neighbour = Talk(await other.fork(limits()))
            counted = {layer.name for layer in sandbox.layers() if layer.present}
            yield Field(zygote, neighbour, victim, secret, "cgroup memory" in counted)
            await neighbour.end()
        victim.kill()


async def fire(field: Field, act: str, **more: Any) -> tuple[Answer, Talk]:
    talk = Talk(await field.zygote.fork(limits(**more)))
    return await talk.call(query=f"act={act}"), talk


async def check_unharmed(field: Field) -> None:
    assert field.victim.poll() is None, "a process of the host was hit"
    assert field.secret.read_text() == CANARY, "a file of the host was hit"
    answer = await field.neighbour.call()
    assert answer.value == {"hello": "world"}, "the neighbour was hit"


def starts(*words: str) -> Callable[[Any], bool]:
    return lambda got: str(got).startswith(words)


def no_more_than(most: int) -> Callable[[Any], bool]:
    return lambda got: isinstance(got, int) and 0 < got <= most


ROOT = ["app", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tapwater"]
ROOT += ["tmp", "usr"]
GONE = ("EPERM", "EACCES", "ENOENT", "EROFS", "ESRCH")
ENVIRONMENT = {"HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "TMPDIR", "USER"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}
refused = starts(*GONE)

# act -> what it must have seen: a value, or what the value must be like.
SEEN: dict[str, Any] = {
    "reading.shadow": "ENOENT",
    "reading.root_home": refused,
    "reading.host_home": refused,
    "reading.host_etc": lambda got: not {"shadow", "sudoers", "ssh", "crontab"} & set(got),
    "reading.the_root_is_ours": lambda got: not {"boot", "sys", "var", "run", "mnt"} & set(got),
    "reading.old_root_is_gone": True,
    "reading.sys_is_not_there": "ENOENT",
    "reading.kernel_memory": starts("got b''", *GONE),
    "reading.kernel_symbols": starts("got b''", *GONE),
    "reading.kernel_log": "ENOENT",
    "reading.disks": [],
    "reading.environment_has_nothing_of_the_platform": lambda got: set(got) <= ENVIRONMENT,
    "reading.environment_of_the_first_process": -1,
    "reading.inherited_descriptors": lambda got: (
        sorted(got.values()).count("socket") == 1
        and set(got.values()) <= {"/dev/null", "pipe", "socket", "anon_inode"}
    ),
    "reading.code_of_the_neighbour": [],
    "escaping.become_root": starts("EINVAL", "EPERM"),
    "escaping.become_another_user": starts("EINVAL", "EPERM"),
    "escaping.become_root_group": refused,
    "escaping.ids": lambda got: len(set(got)) == 1 and got[0] > 0,
    "escaping.capabilities": lambda got: (
        {got[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        and (got["NoNewPrivs"], got["Seccomp"]) == ("1", "2")
    ),
    "escaping.setuid_program": "",
    "escaping.new_user_namespace": "EPERM",
    "escaping.every_new_namespace": ["EPERM"],
    "escaping.the_namespaces_that_made_us": "EPERM",
    "escaping.clone_into_a_namespace": "EPERM",
    "escaping.clone3": "ENOSYS",
    "escaping.enter_the_zygote_s_namespace": "EPERM",
    "escaping.mount_a_tmpfs": "EPERM",
    "escaping.mount_with_our_own_flags": "EPERM",
    "escaping.bind_a_folder": "EPERM",
    "escaping.make_the_root_writable": "EPERM",
    "escaping.unmount_proc": "EPERM",
    "escaping.new_mount_calls": ["EPERM"],
    "escaping.change_the_root": ["EPERM", "EPERM"],
    "escaping.open_by_handle": "EPERM",
    "escaping.make_a_device": refused,
    "escaping.load_a_module": ["EPERM", "EPERM"],
    "escaping.every_refused_call": [],
    "escaping.calls_from_the_future": [[-1, -1, -1], 38],
    "escaping.bpf_and_friends": lambda got: set(got.values()) <= {"EPERM", "ENOSYS"},
    "escaping.no_randomisation": "EPERM",
    "escaping.write_the_code": refused,
    "escaping.write_the_library": refused,
    "escaping.write_the_root": refused,
    "escaping.write_etc": refused,
    "escaping.remount_by_fd": "EPERM",
    "signalling.every_process": refused,
    "signalling.many_pids": [],
    "signalling.the_parent": [0, "ESRCH"],
    "signalling.the_parent_s_group": refused,
    "signalling.through_a_pidfd": "ESRCH",
    "signalling.priorities": refused,
    "signalling.real_time": refused,
    "networking.the_world": "ENETUNREACH",
    "networking.a_private_network": "ENETUNREACH",
    "networking.cloud_metadata": "ENETUNREACH",
    "networking.the_host_s_loopback": "ECONNREFUSED",
    "networking.names": "unknown",
    "networking.interfaces": lambda got: got[0] == "lo",
    "networking.abstract_socket_of_the_host": starts("ECONNREFUSED", *GONE),
    "networking.unix_socket_of_the_host": "ENOENT",
    "networking.raw_socket": refused,
    "networking.strange_families": ["EAFNOSUPPORT"],
    "networking.strange_protocols": ["EPROTONOSUPPORT"],
    "networking.netlink_beyond_routes": ["EPROTONOSUPPORT"],
    "networking.every_port_of_the_host": [],
    "networking.loopback_by_other_names": lambda got: not [x for x in got if x[:3] == "got"],
    "networking.version_six": lambda got: not [x for x in got if x[:3] == "got"],
    "networking.link_local_and_broadcast": ["ENETUNREACH"],
    "networking.name_servers": ["ENETUNREACH", "ENETUNREACH"],
    "networking.routes_and_addresses": ["EPERM"] * 3,
    "networking.packets": ["EAFNOSUPPORT"] * 3,
    "networking.listen_for_others": starts("timed out"),
    "networking.low_port": refused,
    "networking.shut_the_interface": refused,
    "tracing.ptrace_attach": "EPERM",
    "tracing.ptrace_me": "EPERM",
    "tracing.read_memory_of_another": "EPERM",
    "tracing.steal_a_descriptor": "EPERM",
    "tracing.processes_seen": [1],
    "tracing.write_core_pattern": refused,
    "tracing.write_sysrq": refused,
    "tracing.write_modprobe": refused,
    "tracing.write_own_maps": refused,
    "tracing.write_oom_score": refused,
    "tracing.write_own_memory": refused,
    "tracing.root_of_the_first_process": True,
    "tracing.cwd_of_others": refused,
    "tracing.keep_the_zygote_from_dying": ["EPERM", "EPERM"],
    "tracing.hostname": refused,
    "tracing.cgroups": lambda got: not [name for name in got if "app" in name or ".." in name],
    "linking.symlink_to_shadow": refused,
    "linking.symlink_far_out": refused,
    "linking.hard_link_to_the_library": starts("EXDEV", *GONE),
    "linking.magic_links": True,
    "linking.setuid_bit": True,
    "linking.swap_a_folder_for_a_link": refused,
    "exhausting.fork_bomb": no_more_than(24),
    "exhausting.thread_bomb": no_more_than(24),
    "exhausting.disk": no_more_than(16),
    "exhausting.many_files": no_more_than(70_000),
    "exhausting.descriptors": no_more_than(4096),
    "exhausting.pipes": no_more_than(4096),
    "exhausting.core_files": [0, 0],
    "exhausting.raise_the_limits": "refused",
    "exhausting.locked_memory": -1,
    "exhausting.asynchronous_io": "ENOSYS",
    "exhausting.keyring": starts("ENOTDIR", *GONE),
    "exhausting.page_cache": "read",
    "exhausting.fork_and_exit": True,
    "exhausting.zombies": no_more_than(24),
    "exhausting.sockets": no_more_than(4096),
    "exhausting.timers_and_signals": no_more_than(1024),
    "exhausting.mappings": no_more_than(70_000),
    "exhausting.deep_folders": no_more_than(70_000),
    "forging.flood_of_lines": "written",
}

# act -> how its process must have ended.
DEADLY: dict[str, set[Death]] = {
    "exhausting.memory": {Death.OUT_OF_MEMORY},
    "exhausting.memory_of_a_child": {Death.OUT_OF_MEMORY},
    "exhausting.shared_memory": {Death.OUT_OF_MEMORY},
    "exhausting.memory_in_shm": {Death.OUT_OF_MEMORY, Death.KILLED},
    "exhausting.memory_in_tmp": {Death.OUT_OF_MEMORY, Death.KILLED},
    "exhausting.crash": {Death.SIGNALLED},
    "forging.half_a_frame_and_the_end": {Death.EXITED},
    "forging.close_the_socket": {Death.EXITED},
}

# act -> whether what it sends breaks the wire (then the platform kills it).
FORGED: dict[str, bool] = {
    "forging.a_huge_frame": True,
    "forging.a_frame_smaller_than_its_head": True,
    "forging.rubbish": True,
    "forging.an_answer_to_a_call_that_is_not": False,
    "forging.an_unknown_kind": False,
    "networking.descriptors_through_the_wire": False,
}


@in_module_loop
@pytest.mark.parametrize("act", SEEN)
async def test_battery(battlefield: Field, act: str) -> None:
    answer, talk = await fire(battlefield, act)
    assert answer.kind == "result", (answer, talk.output())
    wanted = SEEN[act]
    got = answer.value.decode() if isinstance(answer.value, bytes) else answer.value
    assert wanted(got) if callable(wanted) else got == wanted, got
    await check_unharmed(battlefield)
    await talk.end()


@in_module_loop
@pytest.mark.parametrize("act", DEADLY)
async def test_battery_that_kills_its_own_instance(battlefield: Field, act: str) -> None:
    answer, talk = await fire(battlefield, act, memory_bytes=48 << 20, tmp_bytes=64 << 20)
    if (
        act in ("exhausting.memory_in_shm", "exhausting.memory_in_tmp")
        and not battlefield.memory_counted
    ):
        # Nobody counts files in memory here: they end at the size of their file system.
        assert "No space left" in answer.value["message"]
        await talk.end()
        return
    assert answer.kind == "gone"
    died = await talk.wait_died()
    assert died.death in DEADLY[act]
    await check_unharmed(battlefield)
    talk.close()


@in_module_loop
@pytest.mark.parametrize("act", FORGED)
async def test_battery_on_the_wire(battlefield: Field, act: str) -> None:
    fds = count_talks()
    talk = Talk(await battlefield.zygote.fork(limits()))
    broken = False
    try:
        await talk.call(query=f"act={act}")
    except wire.WireError:
        broken = True
    assert broken == FORGED[act]
    await check_unharmed(battlefield)
    await talk.end()
    assert count_talks() <= fds


@in_module_loop
@pytest.mark.parametrize("act", ["exhausting.memory_of_many", "exhausting.memory_of_sockets"])
async def test_battery_memory_that_is_not_in_one_process(battlefield: Field, act: str) -> None:
    """The kernel ends some of them or all: together they never have more than the limit."""
    answer, talk = await fire(battlefield, act, memory_bytes=48 << 20)
    assert answer.kind in ("result", "fail", "gone")
    await check_unharmed(battlefield)
    await talk.end()


@in_module_loop
async def test_battery_plain_output_without_end(battlefield: Field) -> None:
    """Nobody reads it here: the pipe is full, and who writes waits. That harms nobody else."""
    talk = Talk(await battlefield.zygote.fork(limits()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await talk.call(query="act=forging.flood_of_output")
    assert len(talk.output()) <= 1 << 20
    await check_unharmed(battlefield)
    await talk.end()


FIRED_BY_HAND = {
    "exhausting.for_ever", "exhausting.memory_of_many", "exhausting.memory_of_sockets",
    "forging.flood_of_output",
}  # fmt: skip


def test_every_act_of_the_battery_is_fired() -> None:
    fired = SEEN.keys() | DEADLY.keys() | FORGED.keys() | FIRED_BY_HAND
    assert ACTS.keys() == fired


@in_module_loop
async def test_battery_an_endless_loop_is_killed(battlefield: Field) -> None:
    talk = Talk(await battlefield.zygote.fork(limits()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await talk.call(query="act=exhausting.for_ever")
    talk.guest.kill()
    assert (await talk.wait_died()).death is Death.KILLED
    assert talk.guest.cpu_s() > 0.1
    await check_unharmed(battlefield)
    talk.close()


def test_whole_field_as_an_ordinary_user(cannot_test: CannotTest) -> None:
    if os.geteuid() == 0:
        run_tests_as_ordinary(__file__, "battery", cannot_test)
