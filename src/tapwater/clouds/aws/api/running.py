"""What is to be run, as a runtime's name, the code and the layers say. Looks only."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from tapwater.clouds.aws.faults import Fault

EXTENSIONS_MAX = 10
_HEAP_PERCENT = 90
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_NODES = ("/var/lang/bin/node", "/usr/local/bin/node", "/usr/bin/node")


def command(
    foreign: Mapping[str, Any], environment: Mapping[str, str], *, task: str, layer: str
) -> list[str]:
    """Say how the runtime is started.

    Raises:
        Fault: there is nothing to start.
    """
    runtime = str(foreign.get("runtime", ""))
    if runtime.startswith("nodejs"):
        options = _node_options(foreign.get("memory_mb"))
        started = [_node(runtime), *options, _own("node/bootstrap.mjs")]
    elif runtime.startswith("python"):
        started = [sys.executable, "-m", "tapwater.clouds.aws.bootstrap"]
    else:
        return [_bootstrap(task, layer)]
    wrapper = environment.get(_WRAPPER, "")
    return [wrapper, *started] if wrapper else started


def surroundings(foreign: Mapping[str, Any], *, address: str) -> dict[str, str]:
    """Make the environment of the processes; ``address``: where the Runtime API is."""
    made = {**os.environ, "AWS_LAMBDA_RUNTIME_API": address}
    if str(foreign.get("runtime", "")).startswith("python"):
        folders = (made.get("PYTHONPATH", ""), os.path.dirname(_own("")).rpartition("/tapwater")[0])
        made["PYTHONPATH"] = ":".join(filter(None, folders))
    return made


def wrapped(environment: Mapping[str, str]) -> bool:
    """Whether the function wants its runtime started by a script of its own."""
    return bool(environment.get(_WRAPPER))


def extensions(layer: str) -> list[str]:
    """List what is to be started beside the runtime.

    Raises:
        Fault: there are too many.
    """
    folder = os.path.join(layer, "extensions")
    if not layer or not os.path.isdir(folder):
        return []
    found = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    found = [path for path in found if os.path.isfile(path)]
    if len(found) > EXTENSIONS_MAX:
        raise Fault("ExtensionError", f"{len(found)} extensions; the most is {EXTENSIONS_MAX}")
    return found


def _bootstrap(task: str, layer: str) -> str:
    places = [f"{task}/bootstrap", f"{layer or '/opt'}/bootstrap"]
    for path in places:
        if os.path.isfile(path):
            return path
    raise Fault("InvalidEntrypoint", f"Couldn't find valid bootstrap(s): [{' '.join(places)}]")


def _node(runtime: str) -> str:
    for path in _NODES:
        if os.access(path, os.X_OK):
            return path
    raise Fault("InvalidRuntime", f"{runtime}: there is no node on this machine")


def _node_options(memory_mb: object) -> list[str]:
    """Let its heap grow as far as the function's memory does, not as the machine's."""
    if not isinstance(memory_mb, int):
        return []
    return [f"--max-old-space-size={max(32, memory_mb * _HEAP_PERCENT // 100)}"]


def _own(path: str) -> str:
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), path)
