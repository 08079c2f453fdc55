"""Tries whether egress can be set up on this machine, in networks of our own; prints JSON.

One answer for each kind: empty where it worked, else why not.
"""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from tapwater.runtime import egress_all, kernel
from tapwater.runtime.probe import attempt

_NAMED: Mapping[str, Any] = {
    "listeners": [["127.1.0.1", 443]],
    "ports": [],
    "names": False,
    "anywhere": False,
    "everything": False,
}
_ANYWHERE: Mapping[str, Any] = {**_NAMED, "ports": [443], "names": True, "anywhere": True}
KINDS = {"named": _NAMED, "wildcards": _ANYWHERE, "all": egress_all.EVERYTHING}


def _try(wire: Mapping[str, Any]) -> None:
    flags = kernel.CLONE_NEWNET
    if os.geteuid() == 0:
        kernel.unshare(flags)
    else:
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(flags | kernel.CLONE_NEWUSER)
        kernel.write_maps((0, uid), (0, gid))
    egress_all.setup(wire)  # Its sockets end with this process.


def main() -> None:
    """Try all kinds."""
    found = {kind: attempt(partial(_try, wire)) for kind, wire in KINDS.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
