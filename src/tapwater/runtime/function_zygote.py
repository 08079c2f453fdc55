"""The function zygote: one function's module, imported in confinement, ready to be forked.

Trusted until it imports the module; after that it is the user's, and all it says is hearsay.

    here -> platform      "h"                        one byte: the kernel proves the pid
                          {"built": true, "fds": k}  confined; k listeners of declared egress
    platform -> here      {"go": true}               limits are on it now
    here -> platform      {"ready": manifest} or {"failed": "a sentence and a traceback"}
    platform -> here      {"fork": n, ...}           with descriptors: guest socket, output pipe
    here -> platform      {"forked": n, "pid": p}    p as seen in here
                          {"ended": p, "status": s}
    platform -> here      {"finish": true}           no more forks; end after the last instance
"""

import faulthandler
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

from tapwater.runtime import birth, confine, egress_all, kernel, netns, rootfs
from tapwater.runtime.channel import Channel, ChannelError

CONTROL_FD = 3
HELLO = b"h"
_TEXT_CHARACTERS_MAX = 32 << 10


def main(
    request: dict[str, Any], fds: list[int], plan: rootfs.RootPlan, outer: tuple[int, int]
) -> int:
    """Confine ourselves, import the module, fork instances until told to finish.

    Called as the first process of the new namespaces, which stays behind as their keeper: the
    zygote is the second. So its pid is another than that of its instances, each the first process
    of its own namespace, and libraries that look for a changed pid see that they were forked.
    ``fds``: the control socket, the output pipe, and ways into the cgroups that limit us.
    ``outer``: uid and gid outside of our user namespace, where we have one.
    """
    confine.enter_groups(fds[2:])
    if request["weak"]:
        _serve_function(request, fds, plan)
    if request["userns"]:
        kernel.write_maps((request["uid"], outer[0]), (request["gid"], outer[1]))
    pid = os.fork()
    if pid == 0:
        _serve_function(request, fds, plan)
    return _keep(request, pid)


def _keep(request: dict[str, Any], zygote: int) -> int:
    """Wait for the end of the zygote; ours is then that of all that is left in here."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)  # They were the platform's own, and its zygote could open them again.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    confine.become_nobody(request["uid"], request["gid"])
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # Nobody in here may look into it, or write into it.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.name_process("tapwater-keeper")
    confine.filter_zygote()
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == zygote:
            return os.waitstatus_to_exitcode(status) & 0xFF  # A signal: 256 - its number.


def _serve_function(request: dict[str, Any], fds: list[int], plan: rootfs.RootPlan) -> NoReturn:
    control = _take_descriptors(Channel(socket.socket(fileno=fds[0])), fds[1])
    control.sock.send(HELLO)
    try:
        listeners = _confine(request, plan)
    except BaseException:
        control.send({"failed": f"the sandbox could not be built: {_trace()}"})
        control.wait_message()  # Until the platform has read it and hangs up.
        os._exit(1)
    control.send({"built": True, "fds": len(listeners)}, listeners)
    for fd in listeners:
        os.close(fd)
    if control.wait_message() is None:
        os._exit(0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    confine.filter_zygote(tie=bool(request["flat"]))
    loaded = _import_module(control, request)
    gc.collect()
    gc.freeze()
    _Nursery(control, loaded, request).run()
    os._exit(0)


def _trace() -> str:
    return traceback.format_exc()[-_TEXT_CHARACTERS_MAX:]


def _take_descriptors(control: Channel, output: int) -> Channel:
    # 0, 1, 2 and the control socket; everything else of the base zygote is not for us.
    null = os.open("/dev/null", os.O_RDONLY)
    held = os.dup(control.sock.fileno())
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    control.sock.detach()
    if held != CONTROL_FD:
        os.dup2(held, CONTROL_FD, inheritable=False)
    os.closerange(CONTROL_FD + 1, os.sysconf("SC_OPEN_MAX"))
    return Channel(socket.socket(fileno=CONTROL_FD))


def _confine(request: dict[str, Any], plan: rootfs.RootPlan) -> list[int]:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()
    fds: list[int] = []
    if not request["weak"]:
        rootfs.build(plan, request["root"], request)
        fds = _open_egress(request["egress"])
        confine.become_nobody(request["uid"], request["gid"])
        _move_in(request, plan)
    else:
        confine.forget_privileges()
        _stay_out(request)
    confine.limit()
    confine.step_back()
    faulthandler.enable(2)
    kernel.name_process(f"tw:{request['image']['function']}")
    return fds


def _open_egress(egress: dict[str, Any]) -> list[int]:
    netns.loopback_up()
    if not egress["declared"]:
        return []
    return egress_all.setup(egress["wire"])


def _move_in(request: dict[str, Any], plan: rootfs.RootPlan) -> None:
    """Point the interpreter at the places of the new root."""
    with open("/dev/null", "rb") as null:  # The one we have is of the old root.
        os.dup2(null.fileno(), 0)
    guest = rootfs.GUEST
    for package in plan.packages:
        package.__path__ = [f"{guest}/{package.__name__.replace('.', '/')}"]
    sys.path[:] = [guest, *[p for p in sys.path if os.path.isdir(p) and p != guest]]
    sys.executable = plan.executable
    image = request["image"]
    os.chdir(image["code"])
    _set_environment(request, [image["code"], image["layer"], guest], rootfs.TMP)


def _stay_out(request: dict[str, Any]) -> None:
    """Without namespaces there is no new root: use the host's paths."""
    os.chdir(request["code"])
    request["image"] |= {"code": request["code"], "layer": request["layer"]}
    outer = os.path.dirname(request["guest"])
    _set_environment(request, [request["code"], request["layer"], outer], rootfs.TMP)


def _set_environment(request: dict[str, Any], folders: list[str], home: str) -> None:
    os.environ.clear()
    sys.dont_write_bytecode = True
    foreign, given = request["image"]["foreign"], request["image"]["environment"]
    if foreign:
        from tapwater.clouds.aws.environment import variables

        os.environ |= variables(foreign, given, home=home, task=folders[0])
        time.tzset()
        return
    os.environ |= {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "app",
        "LANG": "C.UTF-8",
        # A Python that the function starts finds the same modules.
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Native libraries start a thread per core when they are imported; a process with threads
        # forks at half the speed, and a function has a share of a core. The user may say more.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    os.environ |= given


def _import_module(control: Channel, request: dict[str, Any]) -> Any:
    image = request["image"]
    if image["after_fork_import"]:
        control.send({"ready": {}})
        return None
    from tapwater.runtime.loading import LoadError, load

    try:
        loaded = load(image)
    except LoadError as error:
        control.send({"failed": str(error)[-_TEXT_CHARACTERS_MAX:]})
        os._exit(1)
    except BaseException:
        control.send({"failed": _trace()})
        os._exit(1)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        control.send({"ready": loaded.manifest})
    except (TypeError, ValueError, RecursionError):
        control.send({"failed": f"the function's description is no JSON: {_trace()}"})
        os._exit(1)
    return loaded


class _Nursery:
    """The loop of a function zygote: forks when told, reaps, reports."""

    def __init__(self, control: Channel, loaded: Any, request: dict[str, Any]) -> None:
        self._control, self._loaded, self._request = control, loaded, request
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._finishing = False

    def run(self) -> None:
        """Serve until the platform is gone, or has said to finish and no child is left."""
        # After the import: whatever the module did to these, we need them.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        poll = select.poll()
        poll.register(self._control.sock, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        childless = not self._reap()
        while not (self._finishing and childless):
            for fd, _ in poll.poll():
                if fd == self._woken:
                    os.read(self._woken, 4096)
                elif not self._serve():
                    return
            childless = not self._reap()

    def _serve(self) -> bool:
        while True:
            try:
                came = self._control.wait_message()
            except (ChannelError, ConnectionError):
                return False
            if came is None:
                return False
            message, fds = came
            if "fork" in message:
                self._fork(message, fds)
            self._finishing = self._finishing or "finish" in message
            if not self._control.waiting:
                return True

    def _fork(self, order: dict[str, Any], fds: list[int]) -> None:
        try:
            pid = birth.fork(self._control, order, fds, self._loaded, self._request)
            if pid:
                self._control.send({"forked": order["fork"], "pid": pid})
        except OSError as error:
            text = f"tapwater: no instance could be forked: {error}\n"
            os.write(fds[1], text.encode())
        for fd in fds:
            os.close(fd)

    def _reap(self) -> bool:
        """Report who ended; say whether a child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._control.send({"ended": pid, "status": status})
