"""System calls that Python does not offer, through libc; every failure is an ``OSError``."""

import ctypes
import os
import signal
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_PR_GET_TID_ADDRESS = 40
_CLONE = {"x86_64": 56, "aarch64": 220}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442  # the same on every machine, as all calls since 424 are
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES_MAX = 64

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_gil = ctypes.PyDLL(None, use_errno=True)
_libc_with_gil.syscall.restype = ctypes.c_long
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_libc.syscall.restype = ctypes.c_long


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(what: str, number: int, *arguments: object) -> int:
    """Do a system call that libc has no name for."""
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``flags`` for fresh ones."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def thread_count() -> int:
    """Count the threads of this process, those of native libraries too."""
    return len(os.listdir("/proc/self/task"))


def tid_address() -> int:
    """Give the address where libc keeps its main thread's number; 0 if the kernel does not tell."""
    place = ctypes.c_void_p(0)
    try:
        prctl(_PR_GET_TID_ADDRESS, ctypes.addressof(place))
    except OSError:
        return 0  # Built without CONFIG_CHECKPOINT_RESTORE.
    return place.value or 0


def fork_into(machine: str, flags: int, *, hooks: bool = True) -> int:
    """Fork, the child in new namespaces as their first process: what ``os.fork()`` cannot do.

    Saves the second fork that unshare(2) would need, and half of the time. Only while there is
    one thread: libc's own preparations for a fork (its locks) are passed by. What libc keeps of
    the thread's number is corrected by the kernel, where it says where that is.

    ``hooks``: whether the child runs what modules want done after a fork. It writes to 130 pages; a
    child that does nothing but fork again, with them, and wait can go without.
    """
    assert thread_count() == 1
    place = tid_address()
    if place:
        flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    last = (0, 0, place) if machine == "aarch64" else (0, place, 0)
    ctypes.pythonapi.PyOS_BeforeFork()
    result = _libc_with_gil.syscall(
        ctypes.c_long(_CLONE[machine]),
        ctypes.c_ulong(flags | signal.SIGCHLD),
        None,
        *[ctypes.c_void_p(address) for address in last],
    )
    number = ctypes.get_errno()
    if result == 0 and hooks:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if result < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return int(result)


def write_maps(uids: tuple[int, int], gids: tuple[int, int]) -> None:
    """Say who we are in the user namespace we have just made: one id (inside, outside)."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uids[0]} {uids[1]} 1"),
        ("gid_map", f"{gids[0]} {gids[1]} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount something, bind a place to another, or change the flags of a mount."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), flags, data.encode() or None
    )
    _checked(result, f"mount {target}")


def unmount(target: str) -> None:
    """Detach a mount, and all below it, from the tree."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def seal_mounts(target: str, flags: int) -> None:
    """Add ``flags`` (the lowest four MS_ bits) to a mount and all mounts below it."""
    attributes = struct.pack("=QQQQ", flags & 15, 0, 0, 0)
    syscall(
        f"mount_setattr {target}",
        _MOUNT_SETATTR,
        ctypes.c_int(_AT_FDCWD),
        target.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )


def pivot_root(machine: str) -> None:
    """Make the current directory the root; the old root lies on top of it, to be detached."""
    syscall("pivot_root", _PIVOT_ROOT[machine], b".", b".")


def prctl(option: int, first: int = 0, second: int = 0, third: int = 0) -> int:
    """Change or ask something about this process."""
    return _checked(_libc.prctl(option, first, second, third, 0), f"prctl {option}")


def name_process(name: str) -> None:
    """Set the name that ps shows; the kernel keeps fifteen bytes."""
    text = ctypes.create_string_buffer(name.encode()[:15])
    prctl(PR_SET_NAME, ctypes.addressof(text))


def drop_bounding_set() -> None:
    """Give up every capability a later exec could bring. Needs CAP_SETPCAP."""
    for capability in range(_CAPABILITIES_MAX):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # The kernel knows fewer than the header allows.


def drop_capabilities() -> None:
    """Give up the capabilities that this process has now."""
    head = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(head, bytes(24)), "capset")


def last_capability() -> int:
    """Give the highest capability in the bounding set, -1 for none: a proof of having dropped."""
    kept = [n for n in range(_CAPABILITIES_MAX) if _libc.prctl(23, n, 0, 0, 0) == 1]
    return max(kept, default=-1)
