"""The filters do what the rules say: their BPF is run here, on a machine of thirty lines."""

import struct

import pytest

from tapwater.runtime import kernel, seccomp
from tapwater.runtime.seccomp_rules import (
    INSTANCE_NAMESPACES,
    PROC_FLAGS,
    TMPFS_FLAGS,
    instance_filter,
    zygote_filter,
)

MACHINES = ("x86_64", "aarch64")
CALLS = {  # x86_64, aarch64
    "read": (0, 63),
    "openat": (257, 56),
    "execve": (59, 221),
    "clone": (56, 220),
    "clone3": (435, 435),
    "unshare": (272, 97),
    "mount": (165, 40),
    "setns": (308, 268),
    "ptrace": (101, 117),
    "bpf": (321, 280),
    "socket": (41, 198),
    "ioctl": (16, 29),
    "prctl": (157, 167),
    "personality": (135, 92),
    "open_by_handle_at": (304, 265),
}
ALLOWED, EPERM, ENOSYS = seccomp.ALLOW, seccomp.ERRNO | 1, seccomp.ERRNO | 38


def run(program: bytes, data: bytes) -> int:
    """Run a classic BPF program, as the kernel does; give what it returns."""
    ops = list(struct.iter_unpack("=HBBI", program))
    held = at = 0
    while True:
        code, true, false, value = ops[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == 0x54:
            held &= value
        else:
            holds = {0x15: held == value, 0x25: held > value, 0x35: held >= value}[code]
            at += true if holds else false


def ask(program: bytes, machine: str, call: str | int, *arguments: int) -> int:
    number = call if isinstance(call, int) else CALLS[call][MACHINES.index(machine)]
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    architecture = seccomp.ARCHITECTURES[machine]
    return run(program, struct.pack("=IIQ6Q", number, architecture, 0, *padded))


@pytest.mark.parametrize("machine", MACHINES)
def test_what_every_program_needs_is_allowed(machine: str) -> None:
    program = zygote_filter(machine)
    assert {ask(program, machine, call) for call in ("read", "openat", "execve")} == {ALLOWED}
    assert ask(program, machine, "clone", 17) == ALLOWED  # fork
    assert ask(program, machine, "clone", 0x3D0F00) == ALLOWED  # a thread
    assert ask(program, machine, "socket", 2, 1, 0) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["ptrace", "bpf", "setns", "open_by_handle_at"])
def test_what_no_function_needs_is_refused(machine: str, call: str) -> None:
    assert ask(zygote_filter(machine), machine, call) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_a_zygote_may_make_what_an_instance_gets_and_nothing_else(machine: str) -> None:
    program = zygote_filter(machine)
    assert ask(program, machine, "unshare", INSTANCE_NAMESPACES) == ALLOWED
    assert ask(program, machine, "clone", INSTANCE_NAMESPACES | 17) == ALLOWED
    for flag in (kernel.CLONE_NEWUSER, kernel.CLONE_NEWNET, INSTANCE_NAMESPACES | 0x40000000):
        assert ask(program, machine, "unshare", flag) == EPERM
        assert ask(program, machine, "clone", flag | 17) == EPERM
    for flags in (TMPFS_FLAGS, PROC_FLAGS, kernel.MS_BIND):
        assert ask(program, machine, "mount", 1, 1, 1, flags) == ALLOWED
        assert ask(program, machine, "mount", 1, 1, 1, flags | 1 << 40) == EPERM
    for flags in (0, kernel.MS_REMOUNT, kernel.MS_BIND | kernel.MS_REMOUNT):
        assert ask(program, machine, "mount", 1, 1, 1, flags) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_an_instance_may_not_make_instances(machine: str) -> None:
    program = instance_filter(machine)
    assert ask(program, machine, "unshare", INSTANCE_NAMESPACES) == EPERM
    assert ask(program, machine, "clone", INSTANCE_NAMESPACES | 17) == EPERM
    assert ask(program, machine, "clone", 17) == ALLOWED
    assert ask(program, machine, "mount", 1, 1, 1, TMPFS_FLAGS) == EPERM
    assert ask(program, machine, "socket", 2, 1, 132) == seccomp.ERRNO | seccomp.EPROTONOSUPPORT
    assert ask(program, machine, "socket", 10, 2, 17) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_flags_are_looked_at_one_by_one(machine: str) -> None:
    program = zygote_filter(machine)
    assert ask(program, machine, "ioctl", 0, 0x5412) == EPERM  # TIOCSTI
    assert ask(program, machine, "ioctl", 0, 0x5401) == ALLOWED
    assert ask(program, machine, "prctl", kernel.PR_SET_PDEATHSIG) == EPERM
    assert ask(program, machine, "prctl", kernel.PR_SET_NAME) == ALLOWED
    assert ask(zygote_filter(machine, tie=True), machine, "prctl", 1) == ALLOWED
    assert ask(program, machine, "personality", 0xFFFFFFFF) == ALLOWED
    assert ask(program, machine, "personality", 0x0040000) == EPERM
    assert ask(program, machine, "socket", 17, 3, 0) == seccomp.ERRNO | seccomp.EAFNOSUPPORT


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_nobody_knows_do_not_exist(machine: str) -> None:
    program = zygote_filter(machine)
    assert {ask(program, machine, n) for n in (400, 463, 1000, 0x3FFFFFFF)} == {ENOSYS}
    assert ask(program, machine, "clone3") == ENOSYS


def test_another_architecture_is_killed() -> None:
    data = struct.pack("=IIQ6Q", 0, 0x40000003, 0, *[0] * 6)  # i386
    assert run(zygote_filter("x86_64"), data) == seccomp.KILL
    assert ask(zygote_filter("x86_64"), "x86_64", seccomp.X32_BIT | 1) == seccomp.KILL


def test_no_filter_is_longer_than_the_kernel_takes() -> None:
    for machine in MACHINES:
        assert len(zygote_filter(machine)) // 8 < 4096
