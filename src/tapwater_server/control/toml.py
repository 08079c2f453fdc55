"""``tapwater.toml``, parsed and checked whole: all complaints at once, each with its line."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.control import entries, options
from tapwater_server.control.layout import Problem
from tapwater_server.control.tomltext import read_toml
from tapwater_server.model.accounts import parse_accounts
from tapwater_server.model.mqtt import parse_elsewhere

FILE = "tapwater.toml"
PROBLEMS_MAX = 50  # Each looks for its line in the file.
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")
_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,3})?")
_APP = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CORS = frozenset({"origins", "methods", "headers", "expose", "credentials", "max_age"})
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """What tapwater.toml says; all of it optional."""

    name: str = ""
    python: str = ""
    main: str = ""
    dependencies: tuple[str, ...] | None = None
    hosts: tuple[str, ...] = ()
    cors: Mapping[str, Any] | bool | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)  # raw options of all functions
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by name
    settings: Mapping[str, Any] = field(default_factory=dict)  # for the guest, as written
    rules: Mapping[str, Any] = field(default_factory=dict)  # as written; checked with rules.toml
    users: Mapping[str, Any] = field(default_factory=dict)  # as written, checked
    mqtt: Mapping[str, Any] = field(default_factory=dict)  # as written, checked
    indexes: tuple[Mapping[str, Any], ...] = ()  # of documents; as written, checked
    ttl: tuple[Mapping[str, Any], ...] = ()  # as written, checked


def parse(text: str) -> tuple[AppFile, list[Problem]]:
    """Read the file. With problems, the first of the pair is not to be used.

    >>> parse('name = "shop"')[0].name
    'shop'
    """
    try:
        raw = read_toml(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{FILE}:{line[1]}" if line else FILE
        return AppFile(), [{"where": where, "what": str(error)}]
    reading = _Reading(text)
    values = {key: reading.read(key, value) for key, value in raw.items()}
    if reading.problems:
        return AppFile(), reading.problems
    env = values.pop("env", {})
    defaults = dict(values.pop("defaults", {}))
    if env:
        defaults["environment"] = {**defaults.get("environment", {}), **env}
    return AppFile(defaults=defaults, **values), []


class _Reading:
    """One pass over the file's keys, gathering complaints."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._lines = text.splitlines()

    def read(self, key: str, value: Any) -> Any:
        reader = _KEYS.get(key)
        if reader is None:
            self.complain((), key, f"there is no key {key!r} (there are: {', '.join(_KEYS)})")
            return None
        return reader(self, key, value)

    def complain(self, table: tuple[str, ...], key: str, what: str) -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            return
        line = find_line(self._lines, table, key)
        where = f"{FILE}:{line}" if line else FILE
        path = ".".join((*table, key)) if table else key
        self.problems.append({"where": where, "what": f"{path}: {what}"})

    def name(self, key: str, value: Any) -> str:
        return self._matching(key, value, _APP, "lower-case letters, digits and inner dashes")

    def python(self, key: str, value: Any) -> str:
        return self._matching(key, value, _PYTHON, 'a version such as "3.12"')

    def main(self, key: str, value: Any) -> str:
        return self._matching(key, value, re.compile(r".+\.py"), "the path of a Python file")

    def dependencies(self, key: str, value: Any) -> tuple[str, ...]:
        return self._texts((), key, value, "requirements")

    def hosts(self, key: str, value: Any) -> tuple[str, ...]:
        names = self._texts((), key, value, "host names")
        for name in names:
            if not _HOST.fullmatch(name):
                self.complain((), key, f"{name!r} is not a host name such as shop.example.com")
        return names

    def cors(self, key: str, value: Any) -> Mapping[str, Any] | bool:
        if isinstance(value, bool):
            return value
        table = self._table((), key, value)
        for name, said in table.items():
            if name not in _CORS:
                known = ", ".join(sorted(_CORS))
                self.complain((key,), name, f"there is no such key (there are: {known})")
            elif name == "credentials":
                self._want((key,), name, isinstance(said, bool), "must be true or false")
            elif name == "max_age":
                fine = isinstance(said, int) and not isinstance(said, bool) and said >= 0
                self._want((key,), name, fine, "must be seconds, a whole number")
            else:
                self._texts((key,), name, said, "texts")
        return table

    def env(self, key: str, value: Any) -> Mapping[str, Any]:
        table = self._table((), key, value)
        for problem in options.complain("", {"environment": table}):
            self.complain((), key, problem["what"].removeprefix("environment: "))
        return table

    def defaults(self, key: str, value: Any) -> Mapping[str, Any]:
        table = self._table((), key, value)
        self._options((key,), table)
        return table

    def functions(self, key: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
        tables = self._table((), key, value)
        for name, table in tables.items():
            if isinstance(table, dict):
                self._options((key, name), table)
            else:
                self.complain((key,), name, 'must be a table: [functions."group/name"]')
        return tables

    def settings(self, key: str, value: Any) -> Mapping[str, Any]:
        return self._table((), key, value)

    def users(self, key: str, value: Any) -> Mapping[str, Any]:
        table = self._table((), key, value)
        for complaint in parse_accounts(table)[1]:
            self.complain((), key, complaint.removeprefix(f"{key}."))
        return table

    def mqtt(self, key: str, value: Any) -> Mapping[str, Any]:
        table = self._table((), key, value)
        for complaint in parse_elsewhere(table)[1]:
            self.complain((), key, complaint.removeprefix(f"{key}."))
        return table

    def entries(self, key: str, value: Any) -> tuple[Mapping[str, Any], ...]:
        for line, what in entries.complain(key, value, self._lines)[:PROBLEMS_MAX]:
            self.problems.append({"where": f"{FILE}:{line}" if line else FILE, "what": what})
        return () if self.problems else tuple(value)

    def rules(self, key: str, value: Any) -> Mapping[str, Any]:
        return self._table((), key, value)

    def _options(self, table: tuple[str, ...], raw: Mapping[str, Any]) -> None:
        for name, value in raw.items():
            for problem in options.complain("", {name: value}):
                self.complain(table, name, problem["what"].removeprefix(f"{name}: "))

    def _matching(self, key: str, value: Any, pattern: re.Pattern[str], what: str) -> str:
        fine = isinstance(value, str) and pattern.fullmatch(value) is not None
        self._want((), key, fine, f"must be {what}")
        return value if fine else ""

    def _texts(self, table: tuple[str, ...], key: str, value: Any, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(table, key, f"must be a list of {what}")
            return ()
        return tuple(value)

    def _table(self, table: tuple[str, ...], key: str, value: Any) -> Mapping[str, Any]:
        self._want(table, key, isinstance(value, dict), f"must be a table: [{key}]")
        return value if isinstance(value, dict) else {}

    def _want(self, table: tuple[str, ...], key: str, fine: bool, what: str) -> None:
        if not fine:
            self.complain(table, key, what)


_KEYS: Mapping[str, Callable[[_Reading, str, Any], Any]] = {
    "name": _Reading.name,
    "python": _Reading.python,
    "main": _Reading.main,
    "dependencies": _Reading.dependencies,
    "hosts": _Reading.hosts,
    "cors": _Reading.cors,
    "env": _Reading.env,
    "defaults": _Reading.defaults,
    "functions": _Reading.functions,
    "settings": _Reading.settings,
    "rules": _Reading.rules,
    "users": _Reading.users,
    "mqtt": _Reading.mqtt,
    "indexes": _Reading.entries,
    "ttl": _Reading.entries,
}


def find_line(lines: list[str], table: tuple[str, ...], key: str) -> int:
    """Find the line of a key, counted from 1; 0 when it is written in a way we do not follow.

    >>> find_line(["[defaults]", 'memory = "x"'], ("defaults",), "memory")
    2
    """
    at: tuple[str, ...] = ()
    wanted = (*table, key)
    best = 0
    for number, line in enumerate(lines, 1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            at = _split(header[1])
            if at == wanted or (at == table and not best):
                best = number
                if at == wanted:
                    return number
            continue
        name, equals, _ = line.partition("=")
        if equals and (*at, *_split(name.strip())) == wanted:
            return number
    return best


def _split(dotted: str) -> tuple[str, ...]:
    """Split a dotted key, with or without quotes."""
    parts = re.findall(r'"([^"]*)"|\'([^\']*)\'|([^.\s"\']+)', dotted)
    return tuple(a or b or c for a, b, c in parts)
