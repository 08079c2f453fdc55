"""The base zygote: an interpreter with its library loaded, waiting to be forked. Trusted.

One per interpreter; started by the platform as ``python -I -S -c BOOT <fd> <package folder>``. It
never runs user code and never confines itself. It forks function zygotes when told, and ends all
of them when the platform's end of its socket closes, however the platform ended.

    platform -> here      {"open": n, ...}  with descriptors: control socket, output pipe
    here -> platform      {"opened": n} or {"failed": n, "why": text}
                          {"ended": n, "status": s}

What a function zygote says to the platform, see ``function_zygote``.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any

from tapwater.runtime import function_zygote, kernel, rootfs
from tapwater.runtime.channel import Channel, ChannelError

# What functions commonly import; loaded once, shared by every process of this interpreter.
_PRELOADED = """
asyncio base64 calendar collections concurrent.futures contextlib contextvars copy csv dataclasses
datetime decimal email.message email.parser email.policy enum fractions functools gzip hashlib
heapq hmac html http http.client http.cookies importlib.metadata inspect io ipaddress itertools
json linecache locale logging math mimetypes operator os pathlib pickle platform queue random re
secrets select shutil signal socket ssl statistics string struct subprocess tempfile textwrap
threading time traceback types typing urllib.parse urllib.request uuid warnings weakref zlib
zoneinfo tapwater tapwater.runtime.loading tapwater.runtime.runner
"""

_NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)


class BaseZygote:
    """The loop of the base zygote."""

    def __init__(self, sock: socket.socket) -> None:
        self._channel = Channel(sock)
        self._plan = rootfs.RootPlan()
        self._ids = os.getuid(), os.getgid()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._children: dict[int, int] = {}  # pid of the first process in there -> number

    def run(self) -> None:
        """Serve until the platform is gone, then end every function zygote."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._channel.sock, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self._woken:
                        os.read(self._woken, 4096)
                        self._reap()
                    elif not self._serve():
                        return
        finally:
            self._end_all()

    def _serve(self) -> bool:
        while True:
            try:
                came = self._channel.wait_message()
            except (ChannelError, ConnectionError):
                return False
            if came is None:
                return False
            self._open(*came)
            if not self._channel.waiting:
                return True

    def _open(self, request: dict[str, Any], fds: list[int]) -> None:
        number = int(request["open"])
        try:
            pid = _fork(request)
        except OSError as error:
            why = f"this machine does not let us confine a function: {error}"
            self._channel.send({"failed": number, "why": why})
        else:
            if pid == 0:
                _become(request, fds, self._plan, self._ids)
            self._children[pid] = number
            self._channel.send({"opened": number})
        finally:
            for fd in fds:
                os.close(fd)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._children.pop(pid, None)
            if number is not None:  # Else an orphan, which came to us when its keeper was killed.
                self._channel.send({"ended": number, "status": status})

    def _end_all(self) -> None:
        for pid in self._children:
            # Killing the first process of a namespace kills all in it.
            os.kill(pid, signal.SIGKILL)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _fork(request: dict[str, Any]) -> int:
    if request["weak"]:
        return os.fork()
    flags = _NAMESPACES | (kernel.CLONE_NEWUSER if request["userns"] else 0)
    # The keeper, which forks the function zygote and then only waits.
    return kernel.fork_into(os.uname().machine, flags, hooks=False)


def _become(
    request: dict[str, Any], fds: list[int], plan: rootfs.RootPlan, outer: tuple[int, int]
) -> None:
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = function_zygote.main(request, fds, plan, outer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _preload() -> None:
    for name in _PRELOADED.split():
        try:
            importlib.import_module(name)
        except ImportError as error:
            # A Python built without ssl or sqlite is still a Python.
            if name.startswith("tapwater"):
                raise
            print(f"tapwater: {name} is missing in this interpreter: {error}", file=sys.stderr)


def main(fd: int, parent: int) -> None:
    """Be the base zygote, on an inherited socket, for as long as ``parent`` lives."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # It died before we could ask to be told.
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kernel.name_process("tapwater-base")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the platform to answer.
    _preload()
    gc.collect()
    gc.freeze()
    BaseZygote(socket.socket(fileno=fd)).run()
