"""What of the platform an app's code uses, read from its text: services, buckets, queues. Pure."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

SERVICES = (
    "docs",
    "blobs",
    "queues",
    "topics",
    "cache",
    "mail",
    "users",
    "events",
    "schedules",
    "mqtt",
)
_NAMED = {"blobs", "queues", "topics"}


@dataclass(slots=True, kw_only=True)
class Used:
    """What was found."""

    services: dict[str, str] = field(default_factory=dict)  # service: where it was seen first
    names: dict[str, set[str]] = field(default_factory=dict)  # "queues": {"emails"}
    computed: list[str] = field(default_factory=list)  # places where a name is made at run time
    calls: list[str] = field(default_factory=list)  # places of ctx.call
    collections: set[str] = field(default_factory=set)  # of documents
    secrets: set[str] = field(default_factory=set)

    def name(self, service: str, name: str) -> None:
        """Note that something of that name is used."""
        self.names.setdefault(service, set()).add(name)


def look(file: str, text: str, used: Used) -> None:
    """Look at one file; what is no Python is passed over, a deploy would have refused it."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            _look_at_call(file, node, node.func, known, used)
    for service in known.values():
        if service in SERVICES:
            used.services.setdefault(service, file)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give the names under which a file knows the services."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "tapwater":
            yield from ((one.asname or one.name, one.name) for one in node.names)


def _look_at_call(
    file: str, node: ast.Call, called: ast.Attribute, known: dict[str, str], used: Used
) -> None:
    where = f"{file}:{node.lineno}"
    service = _service(called.value, known)
    if service in _NAMED:
        used.services.setdefault(service, where)
        if called.attr in ("all", "buckets"):
            return
        text = _first_text(node)
        name = text.partition("/")[0] if text and service == "blobs" else text
        if name:
            used.name(service, name)
        else:
            used.computed.append(f"{where} ({service}.{called.attr})")
    elif service:
        used.services.setdefault(service, where)
        used.collections |= {text.partition("/")[0] for text in _texts(node) if service == "docs"}
    elif isinstance(called.value, ast.Name) and called.value.id == "ctx":
        if called.attr == "call":
            used.calls.append(where)
        if called.attr == "secret" and (text := _first_text(node)):
            used.secrets.add(text)


def _service(node: ast.expr, known: dict[str, str]) -> str:
    """Say which service a call goes to: ``blobs.get``, ``tapwater.blobs.get``, ``ctx.blobs``."""
    if isinstance(node, ast.Name):
        found = known.get(node.id, "")
        return found if found in SERVICES else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = node.value.id
        return node.attr if owner in ("tapwater", "ctx") and node.attr in SERVICES else ""
    return ""


def _texts(node: ast.Call) -> Iterator[str]:
    text = _first_text(node)
    if text:
        yield text


def _first_text(node: ast.Call) -> str:
    """Give the beginning of the first argument, as far as the text says it."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
        if isinstance(first, ast.Constant) and "/" not in str(first.value):
            return ""  # The name itself goes on with what is computed.
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
