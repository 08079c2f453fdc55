"""Tries which layers of isolation this machine gives, each in a process of its own; prints JSON."""

import json
import os
import sys
from collections.abc import Callable
from functools import partial

from tapwater.runtime import confine, kernel, rootfs, seccomp_rules

NAMESPACES = {
    "mount": kernel.CLONE_NEWNS,
    "pid": kernel.CLONE_NEWPID,
    "net": kernel.CLONE_NEWNET,
    "ipc": kernel.CLONE_NEWIPC,
    "uts": kernel.CLONE_NEWUTS,
    "cgroup": kernel.CLONE_NEWCGROUP,
}
_UID = 1000


def attempt(act: Callable[[], object]) -> str:
    """Do something in a child; give "" if it went well, else why not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            os.write(writing, str(error).encode()[:1000])
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        text = file.read().decode()
    _, status = os.waitpid(pid, 0)
    return text or ("" if status == 0 else f"ended with status {status}")


def _outer(flags: int) -> None:
    if os.geteuid() == 0:
        kernel.unshare(flags)
        return
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(flags | kernel.CLONE_NEWUSER)
    kernel.write_maps((_UID, uid), (_UID, gid))


def _nested() -> None:
    """The way of an instance: a user namespace made by one without any privilege, and a /proc."""
    _outer(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid:
        if os.waitpid(pid, 0)[1]:
            raise OSError("an unprivileged process may not make a user namespace with a /proc")
        return
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("proc", "/proc", "proc", 0)
    confine.become_nobody(_UID, _UID)
    kernel.unshare(seccomp_rules.INSTANCE_NAMESPACES)
    kernel.write_maps((_UID, _UID), (_UID, _UID))
    if os.waitpid(_fork(rootfs.mount_proc), 0)[1]:
        raise OSError("no /proc")


def _fork(act: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return pid


def _filters() -> None:
    confine.forget_privileges()
    confine.filter_zygote()
    confine.filter_instance()
    try:
        kernel.unshare(kernel.CLONE_NEWNS)
    except PermissionError:
        return
    raise OSError("a filter was accepted but does not work")


def probe() -> dict[str, object]:
    """Try everything."""
    return {
        "namespaces": {name: attempt(partial(_outer, flag)) for name, flag in NAMESPACES.items()},
        "user": attempt(lambda: kernel.unshare(kernel.CLONE_NEWUSER)),
        "nested": attempt(_nested),
        "seccomp": attempt(_filters),
        "no_new_privs": attempt(partial(kernel.prctl, kernel.PR_SET_NO_NEW_PRIVS, 1)),
        "landlock": confine.LANDLOCK_ABI,
    }


if __name__ == "__main__":
    json.dump(probe(), sys.stdout)
