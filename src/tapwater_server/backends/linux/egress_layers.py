"""Which kinds of egress this machine can give, found out by trying."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tapwater_server.backends.linux.launcher import GUEST
from tapwater_server.ports.sandbox import Layer

PROBE_S_MAX = 20.0
_BOOT = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); "
    "runpy.run_module('tapwater.runtime.egress_probe', run_name='__main__')"
)
_KINDS: Mapping[str, tuple[str, str]] = {
    "named": (
        "one listener per declared place",
        "functions that declare egress do not start",
    ),
    "wildcards": (
        "all addresses local, a resolver inside",
        "functions that declare *:port or *.domain:port do not start",
    ),
    "all": (
        "all addresses local, nf_tables redirect",
        "functions that declare egress 'all' do not start",
    ),
}


def probe() -> tuple[Layer, ...]:
    """Try it, in a process of its own; takes a tenth of a second."""
    command = [sys.executable, "-I", "-S", "-c", _BOOT, str(Path(GUEST).parent)]
    done = subprocess.run(command, capture_output=True, timeout=PROBE_S_MAX, check=True)
    return describe(json.loads(done.stdout))


def describe(reasons: Mapping[str, str]) -> tuple[Layer, ...]:
    """Say it for the doctor.

    >>> describe({"named": "", "wildcards": "", "all": "No such file"})[2].present
    False
    """
    return tuple(
        Layer(
            name=f"egress {kind}",
            present=not reasons[kind],
            detail=reasons[kind] or how,
            without=without,
        )
        for kind, (how, without) in _KINDS.items()
    )
