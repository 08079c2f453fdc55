"""What a loaded module tells the platform about itself, as JSON."""

import inspect
import os
import platform
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tapwater.hooks import Hooks
from tapwater.runtime import openapi, wire
from tapwater.runtime.discovery import foreign_verbs
from tapwater.runtime.program import Program

GUEST_VERSION = "0.1.0"
_TEXT_MAX = 2000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Threads and sockets of this process at one moment."""

    threads: frozenset[int]
    tasks: int
    sockets: frozenset[str]


def surroundings() -> Surroundings:
    """Look around, before the module is imported."""
    threads = frozenset(thread.ident or 0 for thread in threading.enumerate())
    return Surroundings(threads, _count_tasks(), _open_sockets())


def _count_tasks() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _open_sockets() -> frozenset[str]:
    found = set()
    try:
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue  # It was the folder's own.
            if target.startswith("socket:"):
                found.add(target)
    except OSError:
        return frozenset()  # Without /proc the threads alone have to tell.
    return frozenset(found)


def grown(before: Surroundings) -> tuple[list[str], int]:
    """Name the threads and count the sockets that are there since."""
    return _new_threads(before), len(_open_sockets() - before.sockets)


def _new_threads(before: Surroundings) -> list[str]:
    names = [
        thread.name for thread in threading.enumerate() if (thread.ident or 0) not in before.threads
    ]
    # Native libraries start threads that Python does not know of.
    native = _count_tasks() - before.tasks - len(names)
    return names + [f"native-{index + 1}" for index in range(min(native, 64))]


def describe(
    module: ModuleType,
    program: Program,
    *,
    file: str,
    options: dict[str, Any],
    hooks: tuple[Hooks, Hooks],
    before: Surroundings,
) -> dict[str, Any]:
    """Everything the platform wants to know."""
    operations, schemas, notes = openapi.describe(program)
    new_threads, connections = grown(before)
    handlers = [*program.handlers.values(), *([program.websocket] if program.websocket else [])]
    return {
        "wire": wire.VERSION,
        "guest": GUEST_VERSION,
        "python": platform.python_version(),
        "kind": "reactive" if program.style == "event" else "restful",
        "style": program.style,
        "verbs": _verbs(program),
        "websocket": program.websocket is not None or program.style == "asgi",
        "mount": program.style in ("asgi", "wsgi"),
        "body": program.app is not None or any(_reads_body(one.plan) for one in handlers),
        "options": plain_options(options),
        "triggers": [
            {"source": one.source, "arguments": plain_options(one.arguments)}
            for one in program.triggers
        ],
        "operations": operations,
        "schemas": schemas,
        "description": _description(module),
        "threads": new_threads,
        "connections": connections,
        "hooks": {"before_snapshot": bool(hooks[0]), "after_fork": bool(hooks[1])},
        "warnings": [*_warnings(module, file), *notes],
    }


def _reads_body(plan: Any) -> bool:
    return bool(plan.wants_body or plan.wants_form or plan.wants_stream)


def _verbs(program: Program) -> list[str]:
    if program.style != "verbs" or "" in program.handlers:
        return []
    verbs = set(program.handlers)
    if "GET" in verbs:
        verbs.add("HEAD")
    if verbs:
        verbs.add("OPTIONS")
    else:
        verbs.add("GET")  # A WebSocket begins with one.
    return sorted(verbs)


def plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as JSON has them."""
    return {name: _plain(value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    return str(value)


def _description(module: ModuleType) -> str:
    return inspect.cleandoc(module.__doc__ or "")[:_TEXT_MAX]


def _warnings(module: ModuleType, file: str) -> list[str]:
    if callable(getattr(module, "app", None)):
        return []
    return [
        f"{file}: {name} comes from {getattr(module, name).__module__} and is not taken as a "
        f"handler; write def {name}(...)"
        for name in foreign_verbs(module)
    ]
