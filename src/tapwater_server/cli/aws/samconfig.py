"""What samconfig.toml says for `sam deploy`, so that nobody must say it again."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater_server.cli.failures import CommandFailed, Problem

NAMES = ("samconfig.toml", "samconfig.yaml", "samconfig.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamConfig:
    """The defaults of one environment."""

    stack: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    template: str = ""


def read_samconfig(folder: Path, environment: str = "default") -> SamConfig:
    """Read it; a project need not have one.

    Raises:
        CommandFailed: it is there and cannot be read.
    """
    for name in NAMES:
        file = folder / name
        if file.is_file():
            raw = _read_toml(file) if name.endswith(".toml") else _read_yaml(file)
            return choose(raw, environment)
    return SamConfig()


def choose(raw: Mapping[str, Any], environment: str) -> SamConfig:
    """Take what counts for a deploy: what is said for all commands, then what is for `deploy`.

    >>> choose({"default": {"deploy": {"parameters": {
    ...     "stack_name": "shop", "parameter_overrides": 'Size="large one" Count=2'}}}}, "default")
    SamConfig(stack='shop', parameters={'Size': 'large one', 'Count': '2'}, template='')
    """
    said: dict[str, Any] = {}
    for command in ("global", "build", "deploy"):
        part = raw.get(environment, {})
        for step in (command, "parameters"):
            part = part.get(step, {}) if isinstance(part, Mapping) else {}
        said.update(part if isinstance(part, Mapping) else {})
    return SamConfig(
        stack=str(said.get("stack_name") or ""),
        parameters=dict(_overrides(said.get("parameter_overrides"))),
        template=str(said.get("template_file") or said.get("template") or ""),
    )


_LONG = re.compile(r"ParameterKey=(?P<key>[^,]+),ParameterValue=(?P<value>.*)", re.DOTALL)


def _overrides(said: Any) -> Iterator[tuple[str, str]]:
    if isinstance(said, Mapping):
        yield from ((str(key), str(value)) for key, value in said.items())
        return
    texts = said if isinstance(said, list) else [said or ""]
    for text in texts:
        for word in shlex.split(str(text)):
            long = _LONG.fullmatch(word)
            key, mark, value = (long["key"], "=", long["value"]) if long else word.partition("=")
            if mark:
                yield key, value


def _read_toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{file.name}:{line[1]}" if line else file.name
        raise CommandFailed(
            f"{file.name} cannot be read",
            code="invalid",
            problems=[Problem(where=where, what=str(error))],
        ) from error


def _read_yaml(file: Path) -> Mapping[str, Any]:
    from tapwater_server.cli.aws.reading import read_document

    value = read_document(file, file.name).value
    return value if isinstance(value, Mapping) else {}
