"""Gives up what a process could do: ids, capabilities, limits, system calls, places to write."""

import contextlib
import os
import platform
import resource
import sys
from collections.abc import Sequence

from tapwater.runtime import kernel, landlock, seccomp, seccomp_rules

# An exec gives no capabilities, nor can ambient ones be raised; each with its lock bit.
_SECUREBITS_NOROOT = 1 | 2
_SECUREBITS_NO_AMBIENT = 64 | 128
_MEMLOCK_BYTES = 1 << 20
_SIGNALS_MAX = 1024
_FILES_MAX = 4096

MACHINE = platform.machine()
# Made once, in the base zygote: installing them costs a microsecond each.
_ZYGOTE_FILTER = seccomp_rules.zygote_filter(MACHINE)
_ZYGOTE_FILTER_WITH_TIE = seccomp_rules.zygote_filter(MACHINE, tie=True)
_INSTANCE_FILTER = seccomp_rules.instance_filter(MACHINE)
LANDLOCK_ABI = landlock.abi()


def become_nobody(uid: int, gid: int) -> None:
    """Turn from root, or from the root of a user namespace, into an ordinary id, for good."""
    kernel.drop_bounding_set()
    kernel.prctl(kernel.PR_SET_SECUREBITS, _SECUREBITS_NOROOT | _SECUREBITS_NO_AMBIENT)
    if os.getuid() != uid or os.getgid() != gid:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    forget_privileges()
    # A change of ids hides our own /proc/self from us, and an instance must write its maps there.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def forget_privileges() -> None:
    """Drop what capabilities are left and the ways to new ones."""
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def enter_groups(fds: Sequence[int]) -> None:
    """Walk into cgroups by files the platform has opened: faster than being moved by it.

    Where it fails, the platform, which looks, moves us after all.
    """
    for fd in fds:
        try:
            os.write(fd, b"0")
        except OSError as error:
            print(f"tapwater: a cgroup could not be entered: {error}", file=sys.stderr)
        os.close(fd)


def limit() -> None:
    """Set the limits a process carries with it; the cgroup holds the ones that count together.

    The same in a zygote and its instances: what is lowered once cannot be raised again.
    """
    pairs = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES_MAX),
        (resource.RLIMIT_MEMLOCK, _MEMLOCK_BYTES),
        (resource.RLIMIT_SIGPENDING, _SIGNALS_MAX),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
    )
    for what, most in pairs:
        _, ceiling = resource.getrlimit(what)
        value = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        resource.setrlimit(what, (value, value))


def step_back() -> None:
    """Run as batch work (sched(7)): a process that is woken does not push another off its core.

    The platform wakes an instance with every call. If that took the core from it, it would
    answer the other connections later, and each call would cost two switches more.
    """
    with contextlib.suppress(OSError):  # Some containers forbid it; it is speed, not safety.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def limit_processes(pids_max: int) -> None:
    """Bound the number of processes of this user namespace's user; where a cgroup cannot."""
    resource.setrlimit(resource.RLIMIT_NPROC, (pids_max, pids_max))


def filter_zygote(*, tie: bool = False) -> None:
    """Refuse system calls, but for what forking an instance needs."""
    seccomp.install(_ZYGOTE_FILTER_WITH_TIE if tie else _ZYGOTE_FILTER)


def filter_instance() -> None:
    """Refuse those too."""
    seccomp.install(_INSTANCE_FILTER)


def restrict_writes() -> None:
    """Write to the two private folders and the harmless devices only, where Landlock is here."""
    if LANDLOCK_ABI:
        landlock.restrict_writes(
            LANDLOCK_ABI, ("/tmp", "/dev/shm"), ("/dev/null", "/dev/zero", "/dev/full")
        )
