"""Builds the root filesystem a function sees: a read-only tmpfs with a few windows to the host."""

import os
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from tapwater.runtime import kernel, seccomp_rules

APP, LAYER, GUEST = "/app", "/layer", "/tapwater"
TMP, SHM = "/tmp", "/dev/shm"
_ROOT_BYTES = 4 << 20
_SHM_BYTES = 64 << 20
_INODES_MAX = 65_536  # Inodes cost kernel memory: a bomb of empty files must end.

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Of /etc only what programs need to find libraries, certificates and alternatives.
_ETC = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    "/etc/mime.types",
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)
_SEALED = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
# Of no use to a function, of some use to who attacks the kernel.
_MASKED = ("/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/timer_list", "/proc/interrupts")


def interpreter_places() -> list[str]:
    """Give the folders this interpreter needs, wherever it was installed.

    >>> os.path.realpath(os.__file__).startswith(tuple(interpreter_places()) + _SYSTEM)
    True
    """
    executable = os.path.realpath(sys.executable)
    places = {
        sys.base_prefix,
        sys.base_exec_prefix,
        os.path.realpath(sys.base_prefix),
        os.path.dirname(executable),
        os.path.realpath(sysconfig.get_paths()["stdlib"]),
        os.path.realpath(sysconfig.get_paths()["platstdlib"]),
        os.path.realpath(sysconfig.get_config_var("LIBDIR") or sys.base_prefix),
    }
    outer: list[str] = []
    for place in sorted(places):
        if _below(place, (*_SYSTEM, *outer)) or place == "/" or not os.path.isdir(place):
            continue
        outer.append(place)
    return outer


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


class RootPlan:
    """What every function of this interpreter sees; found out once, in the base zygote."""

    def __init__(self) -> None:
        self.links = [(os.readlink(p), p) for p in _SYSTEM if os.path.islink(p)]
        windows = [p for p in _SYSTEM if os.path.isdir(p) and not os.path.islink(p)]
        windows += interpreter_places()
        windows += [p for p in _ETC if os.path.exists(p)]
        self.windows = windows
        # Where it is in the new root too: the link of a virtual environment leads there from here.
        self.executable = os.path.realpath(sys.executable)
        # Looked for once: whoever walks over all modules in a fork copies a page for each.
        self.packages = [
            module
            for name, module in sys.modules.items()
            if name.partition(".")[0] == "tapwater" and hasattr(module, "__path__")
        ]
        try:
            with open("/etc/localtime", "rb") as file:
                self.localtime = file.read(64 << 10)
        except OSError:
            self.localtime = b""


def build(plan: RootPlan, root: str, request: dict[str, Any]) -> None:
    """Mount a new root at the folder ``root`` and make it the root of this mount namespace."""
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_PRIVATE)
    options = f"size={_ROOT_BYTES},nr_inodes=8192,mode=755"
    kernel.mount("tapwater", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    for link, place in plan.links:
        os.symlink(link, root + place)
    for place in plan.windows:
        _window(place, root + place, _SEALED)
    image = request["image"]
    _window(request["code"], root + image["code"], _SEALED)
    _window(request["guest"], root + GUEST + "/tapwater", _SEALED)
    if request["layer"]:
        _open_layer(plan, root, request["layer"], image["layer"])
    for source, place in request["windows"]:
        _window(source, root + place, _SEALED)
    _make_devices(root)
    _write_etc(plan, root, request)
    for place in ("/proc", TMP, SHM):
        os.makedirs(root + place, exist_ok=True)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", root + "/proc", "proc", flags)
    mount_private(root, int(request["limits"]["tmp_bytes"]))
    _enter(root)


def _enter(root: str) -> None:
    os.chdir(root)
    kernel.pivot_root(os.uname().machine)
    kernel.unmount(".")
    os.chdir("/")
    kernel.mount("none", "/", "none", kernel.MS_REMOUNT | kernel.MS_BIND | _SEALED)


def _window(source: str, target: str, flags: int) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o444))
    # With what is mounted below it: a user namespace may not show what such a mount covers.
    kernel.mount(source, target, "none", kernel.MS_BIND | kernel.MS_REC)
    kernel.seal_mounts(target, flags)


def _open_layer(plan: RootPlan, root: str, layer: str, place: str) -> None:
    """Show the layer; entry by entry where the interpreter itself lies below that place."""
    if not any(_below(one, (place,)) for one in plan.windows):
        _window(layer, root + place, _SEALED)
        return
    for name in os.listdir(layer):
        source, target = f"{layer}/{name}", f"{root}{place}/{name}"
        if os.path.lexists(target):
            print(f"tapwater: {place}/{name} is the interpreter's: the layer's is not seen")
        elif os.path.islink(source):
            os.symlink(os.readlink(source), target)
        else:
            _window(source, target, _SEALED)


def _make_devices(root: str) -> None:
    os.makedirs(root + "/dev", exist_ok=True)
    for name in _DEVICES:
        _window(f"/dev/{name}", f"{root}/dev/{name}", kernel.MS_NOSUID | kernel.MS_NOEXEC)
    for link, place in _LINKS:
        os.symlink(link, root + place)


def _write_etc(plan: RootPlan, root: str, request: dict[str, Any]) -> None:
    uid, gid = request["uid"], request["gid"]
    online = request["egress"]["resolv"]
    texts = {
        "passwd": f"app:x:{uid}:{gid}:app:{TMP}:/bin/sh\n",
        "group": f"app:x:{gid}:\n",
        "hostname": "tapwater\n",
        "nsswitch.conf": f"passwd: files\ngroup: files\nhosts: files{' dns' if online else ''}\n",
        "resolv.conf": request["egress"]["resolv"],
        "hosts": "127.0.0.1 localhost\n::1 localhost\n" + request["egress"]["hosts"],
    }
    os.makedirs(root + "/etc", exist_ok=True)
    for name, text in texts.items():
        _write(f"{root}/etc/{name}", text.encode())
    if plan.localtime:
        _write(f"{root}/etc/localtime", plan.localtime)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644)
    with open(fd, "wb") as file:
        file.write(data)


def mount_private(root: str, tmp_bytes: int) -> None:
    """Mount the two places that may be written: small, in memory, nobody else's."""
    for place, size in ((TMP, tmp_bytes), (SHM, min(_SHM_BYTES, tmp_bytes))):
        options = f"size={size},nr_inodes={_INODES_MAX},mode=1777"
        kernel.mount("tmpfs", root + place, "tmpfs", seccomp_rules.TMPFS_FLAGS, options)


def mount_proc() -> None:
    """Mount a /proc of our own process namespace: read-only, dangerous files behind /dev/null."""
    kernel.mount("proc", "/proc", "proc", seccomp_rules.PROC_FLAGS)
    for path in _MASKED:
        try:
            kernel.mount("/dev/null", path, "none", kernel.MS_BIND)
        except FileNotFoundError:
            continue  # This kernel was built without it.
