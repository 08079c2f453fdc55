"""The rules of an app, from ``rules.toml`` or ``[rules]`` in tapwater.toml: checked at deploy."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tapwater_server.control.layout import Problem
from tapwater_server.control.toml import FILE as APP_FILE
from tapwater_server.control.tomltext import read_toml
from tapwater_server.rules.rulebook import FILE, read_rulebook


def read_rules(
    files: Sequence[str], read: Callable[[str], str], *, written: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[Problem]]:
    """Find the rules, and complain of each that cannot be meant."""
    if FILE not in files:
        return written, _complaints(written, file=APP_FILE)
    if written:
        what = f"rules: they stand in {FILE} too; keep them in one place"
        return {}, [{"where": APP_FILE, "what": what}]
    try:
        raw = read_toml(read(FILE))
    except tomllib.TOMLDecodeError as error:
        return {}, [{"where": FILE, "what": str(error)}]
    return raw, _complaints(raw, file=FILE)


def _complaints(raw: Mapping[str, Any], *, file: str) -> list[Problem]:
    _, problems = read_rulebook(raw, file=file)
    return [dict(problem) for problem in problems]
