"""Tries something forbidden and says what happened, in words JSON knows."""

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

from tapwater.runtime import seccomp_rules

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
MACHINE = os.uname().machine
TABLES: dict[str, tuple[int | None, int | None]] = {
    **seccomp_rules._NEVER,
    **seccomp_rules._ABSENT,
    **seccomp_rules._SOME,
    "keyctl": (250, 219),
    "mknod": (133, None),
    "memfd_create": (319, 279),
    "execveat": (322, 281),
}


def number(name: str) -> int | None:
    """Give a call's number here; None: this machine has no such call."""
    return TABLES[name][("x86_64", "aarch64").index(MACHINE)]


def refused(act: Callable[..., Any], *arguments: Any, **more: Any) -> str:
    """Do it; "EPERM" and the like when it was refused, else what it gave."""
    try:
        got = act(*arguments, **more)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return f"got {got!r}"[:200]


def call(name: str, *arguments: Any) -> str:
    """Do a raw system call; the name of the error, or what it gave."""
    given = number(name)
    if given is None:
        return "ENOSYS"
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(given), *wide)
    if result < 0:
        return errno.errorcode[ctypes.get_errno()]
    return f"got {result}"
