"""Which layers of isolation this machine gives, found by trying, and what each absence means."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.backends.linux.launcher import GUEST
from tapwater_server.ports.sandbox import Layer

PROBE_S_MAX = 20.0
# The package's own __init__ is passed over: it brings asyncio and what else functions need, half of
# the probe's time, and each thing is tried in a fork of that.
_BOOT = (
    "import runpy, sys, types; package = sys.modules['tapwater'] = types.ModuleType('tapwater'); "
    "package.__path__ = [sys.argv[1]]; "
    "runpy.run_module('tapwater.runtime.probe', run_name='__main__')"
)
_WITHOUT: Mapping[str, str] = {
    "mount": "a function sees the files of this machine that its user may read",
    "pid": "a function sees other processes, and children of a killed one may live on",
    "net": "a function reaches every network this machine reaches, declared or not",
    "ipc": "a function shares System V and POSIX queues with this machine",
    "uts": "a function sees this machine's name",
    "cgroup": "a function sees how this machine's cgroups are named",
    "user": "instances cannot have file systems of their own, and an ordinary user cannot "
    "confine functions at all",
    "seccomp": "a function may make every system call: the whole kernel is within its reach",
    "landlock": "only mounts keep a function from writing, and instances of one function can "
    "meet on abstract sockets",
    "no_new_privs": "a setuid program could give a function more rights than it has",
    "uids": "all functions run under the platform's own user: only namespaces are between them, "
    "and files of that user are at stake if one breaks out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was tried: "" where it worked, else why not."""

    namespaces: Mapping[str, str]
    user: str
    nested: str
    seccomp: str
    no_new_privs: str
    landlock: int  # the version; 0: none

    @property
    def missing(self) -> str:
        """Say what a real sandbox lacks here; "" if nothing."""
        found = [f"{name} namespaces ({why})" for name, why in self.namespaces.items() if why]
        if self.nested:
            found.append(f"user namespaces ({self.nested})")
        if self.seccomp:
            found.append(f"seccomp ({self.seccomp})")
        return "no " + ", no ".join(found) if found else ""


def probe() -> Probe:
    """Try it, in a process of its own."""
    command = [sys.executable, "-I", "-S", "-c", _BOOT, GUEST]
    done = subprocess.run(command, capture_output=True, timeout=PROBE_S_MAX, check=True)
    return Probe(**json.loads(done.stdout))


def describe(found: Probe, *, root: bool) -> tuple[Layer, ...]:
    """Say it layer by layer, for the doctor."""
    layers = [_layer(f"{name} namespace", why, name) for name, why in found.namespaces.items()]
    layers += [
        _layer("user namespace", found.nested or found.user, "user"),
        _layer("seccomp", found.seccomp, "seccomp"),
        _layer("no_new_privs", found.no_new_privs, "no_new_privs"),
        Layer(
            name="landlock",
            present=found.landlock > 0,
            detail=f"version {found.landlock}" if found.landlock else "this kernel has none",
            without=_WITHOUT["landlock"],
        ),
        Layer(
            name="user of its own for each zygote",
            present=root,
            detail="a uid that nothing else has" if root else "the platform does not run as root",
            without=_WITHOUT["uids"],
        ),
    ]
    return tuple(layers)


def _layer(name: str, why: str, key: str) -> Layer:
    return Layer(name=name, present=not why, detail=why or "works", without=_WITHOUT[key])
