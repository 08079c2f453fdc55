"""How an instance comes out of its zygote: in namespaces of its own, nothing inherited.

It is process 1 of its own process namespace, so that killing it kills all it will ever start. It
says who it is on its own socket (the kernel adds its pid), confines itself while the platform
puts it under its limits, says that it is ready, and waits for the word to go on. Only then does
a line of the user's code run in it.

    here -> platform    "h"   hello: the kernel proves the pid
    here -> platform    "r"   confined
    platform -> here    "g"   limited: go on; from here on, frames of ``wire``
"""

import fcntl
import importlib
import os
import signal
import socket
import stat
import sys
import traceback
from typing import Any, NoReturn

from tapwater.runtime import confine, kernel, rootfs, seccomp_rules
from tapwater.runtime.channel import Channel

HELLO, READY, GO = b"h", b"r", b"g"
# By the module of C, and by file descriptor instead of socket: every Python object that a new
# process looks at is a page that the kernel copies (3 us).
_signal: Any = importlib.import_module("_signal")
_SIGCHLD, _SIGKILL, _SIG_DFL = int(signal.SIGCHLD), int(signal.SIGKILL), int(signal.SIG_DFL)
_MACHINE = os.uname().machine
_FAILED = 71  # EX_OSERR: we could not confine it


def fork(
    control: Channel, order: dict[str, Any], fds: list[int], loaded: Any, request: dict[str, Any]
) -> int:
    """Make an instance; give its pid, or 0 where its birth reports that by itself."""
    flat = bool(request["flat"])
    if not flat and (kernel.thread_count() > 1 or not kernel.tid_address()):
        if os.fork() == 0:
            _be_between(control, order, fds, loaded, request)
        return 0
    pid = os.fork() if flat else kernel.fork_into(_MACHINE, seccomp_rules.INSTANCE_NAMESPACES)
    if pid == 0:
        _live(order, fds, loaded, request)
    return pid


def _be_between(
    control: Channel, order: dict[str, Any], fds: list[int], loaded: Any, request: dict[str, Any]
) -> NoReturn:
    """The long way, for a zygote with threads: a process that makes the namespaces, and a fork."""
    code = 1
    try:
        _be_child()
        kernel.unshare(seccomp_rules.INSTANCE_NAMESPACES)
        pid = os.fork()
        if pid == 0:
            _live(order, fds, loaded, request)
        control.send({"forked": order["fork"], "pid": pid})
        code = 0
    except BaseException:
        os.write(fds[1], traceback.format_exc().encode())
    finally:
        os._exit(code)


def _be_child() -> None:
    _signal.set_wakeup_fd(-1)
    _signal.signal(_SIGCHLD, _SIG_DFL)


def _live(order: dict[str, Any], fds: list[int], loaded: Any, request: dict[str, Any]) -> NoReturn:
    code = _FAILED
    try:
        _be_child()
        os.dup2(fds[1], 1)
        os.dup2(fds[1], 2)
        os.close(fds[1])
        fd = fds[0]
        if request["flat"]:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, _SIGKILL)
        confine.enter_groups(fds[2:])
        os.write(fd, HELLO)
        if not request["flat"]:
            uid, gid = request["uid"], request["gid"]
            kernel.write_maps((uid, uid), (gid, gid))
        _clear_descriptors(fd)
        _confine(order["limits"], request)
        os.write(fd, READY)
        if os.read(fd, 1) == GO:
            code = _run(fd, loaded, request["image"])
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _confine(limits: dict[str, Any], request: dict[str, Any]) -> None:
    if not request["flat"]:
        rootfs.mount_proc()
        rootfs.mount_private("", int(limits["tmp_bytes"]))
        kernel.drop_bounding_set()
        confine.limit_processes(int(limits["pids_max"]))
    confine.forget_privileges()
    confine.limit()
    if not request["weak"]:
        confine.restrict_writes()
    confine.filter_instance()


def _run(fd: int, loaded: Any, image: dict[str, Any]) -> int:
    from tapwater.runtime.runner import run

    try:
        run(socket.socket(fileno=fd), loaded, image)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # The function has closed or replaced it.


def _clear_descriptors(mine: int) -> None:
    """Keep our socket and pipe; of what the module left open, only files it reads."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd != mine:
            _keep_or_close(fd)


def _keep_or_close(fd: int) -> None:
    try:
        kind = os.fstat(fd).st_mode
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:
        return  # The listing's own descriptor, closed by now.
    if not (stat.S_ISREG(kind) and flags & os.O_ACCMODE == os.O_RDONLY):
        os.close(fd)
        return
    # Its position is shared with the zygote and our siblings: open it again, for us alone.
    try:
        fresh = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        os.close(fd)  # It has been removed, or may not be read any more.
        return
    os.lseek(fresh, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    os.dup2(fresh, fd, inheritable=os.get_inheritable(fd))
    os.close(fresh)
