"""YAML and JSON as projects for AWS write it: CloudFormation's short tags, and lines for errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater_server.cli.failures import CommandFailed, Problem

TEXT_BYTES_MAX = 4 << 20
NODES_MAX = 200_000  # With what aliases repeat: they could say a little a billion times.

Path_ = tuple["str | int", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was read: its value, and on which line each part of it stands."""

    name: str  # as a person knows it: "template.yaml"
    value: Any
    lines: Mapping[Path_, int] = field(default_factory=dict)

    def where(self, *path: "str | int") -> str:
        """Say where something stands, as exactly as it is known: ``template.yaml:12``."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name


def read_document(file: Path, name: str) -> Document:
    """Read a file of YAML or JSON.

    Raises:
        CommandFailed: it cannot be read, or is neither.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(TEXT_BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"{name} cannot be read: {error.strerror or error}") from error
    if len(raw) > TEXT_BYTES_MAX:
        raise CommandFailed(f"{name} has more than {TEXT_BYTES_MAX >> 20} MB")
    try:
        return parse(raw.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{name} is not UTF-8") from error


def parse(text: str, name: str) -> Document:
    """Read YAML, which JSON is too.

    >>> parse("A: !GetAtt B.Arn", "t.yaml").value
    {'A': {'Fn::GetAtt': ['B', 'Arn']}}

    Raises:
        CommandFailed: it is not YAML; the problem names the line.
    """
    import yaml

    from tapwater_server.cli.aws.tags import loader_of

    loader = loader_of(text)
    try:
        node = loader.get_single_node()
        _check_size(node)
        value = None if node is None else loader.construct_document(node)
        lines: dict[Path_, int] = {}
        _walk(node, (), lines)
    except yaml.MarkedYAMLError as error:
        raise _broken(name, error) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CommandFailed(f"{name} cannot be read: {error}", code="invalid") from error
    finally:
        loader.dispose()
    return Document(name=name, value=value, lines=lines)


def dump(value: Any) -> str:
    """Write a template down, the same every time."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str)


def _broken(name: str, error: Any) -> CommandFailed:
    mark = error.problem_mark or error.context_mark
    where = name if mark is None else f"{name}:{mark.line + 1}"
    what = ", ".join(part for part in (error.problem, error.context) if part) or "it is not YAML"
    return CommandFailed(
        f"{name} cannot be read", code="invalid", problems=[Problem(where=where, what=what)]
    )


def _check_size(node: Any) -> None:
    """Count nodes as often as they would be met.

    Raises:
        ValueError: there are too many.
    """
    sizes: dict[int, int] = {}

    def size(one: Any) -> int:
        if one is None or isinstance(one.value, str):
            return 1
        if id(one) not in sizes:
            sizes[id(one)] = NODES_MAX + 1  # Met again below itself: it has no end.
            sizes[id(one)] = 1 + sum(map(size, _children(one)))
        return sizes[id(one)]

    if size(node) > NODES_MAX:
        raise ValueError(f"it has more than {NODES_MAX} parts")


def _children(node: Any) -> Sequence[Any]:
    found: list[Any] = []
    for one in node.value:
        found.extend(one if isinstance(one, tuple) else (one,))
    return found


def _walk(node: Any, path: Path_, lines: dict[Path_, int]) -> None:
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node.value, str):
        return
    for index, one in enumerate(node.value):
        if isinstance(one, tuple):
            key, value = one
            here = (*path, str(key.value))
            lines[here] = key.start_mark.line + 1
            _walk(value, here, lines)
        else:
            _walk(one, (*path, index), lines)
