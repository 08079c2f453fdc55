"""The variables of serverless.yml: ``${self:…}``, ``${opt:…}``, ``${file(…)}`` and so on.

Pure: what lies outside (the environment, files, the account) comes in as values and functions.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.cli.aws.reading import Path_

_STAGE = "dev"
DEPTH_MAX = 40  # A chain of variables longer than that leads round in a circle.
_INNERMOST = re.compile(r"\$\{(?P<said>[^${}]*(?:\$(?!\{)[^${}]*)*)\}")
_SOURCE = re.compile(
    r"(?P<source>self|opt|env|sls|param|aws|file|ssm|cf|s3)(?:\((?P<argument>[^)]*)\))?"
    r"(?::(?P<address>.*))?",
    re.DOTALL,
)
_OUTSIDE = ("ssm", "cf", "s3")
_QUOTED = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>[^"]*)" """.strip())
_CFN = re.compile(r"[A-Za-z0-9]+(?:\.[A-Za-z0-9.]+)?$")  # ${Bucket}, ${Queue.Arn}: Fn::Sub's


class Missing(Exception):
    """A variable has no value and no default. Its text says which."""


@dataclass(slots=True, kw_only=True)
class Resolver:
    """Fills in the variables of one service."""

    service: Mapping[str, Any]  # the whole file, as it was written
    options: Mapping[str, str]  # --stage, --region, --parameter
    environment: Mapping[str, str]
    read: Callable[[str], Any]  # a file beside it: YAML and JSON as values, others as text
    # What the account knows: "ssm", its address, an argument; None where nobody is asked.
    outside: Callable[[str, str, str], Any] | None = None
    account: str = "000000000000"
    region: str = "us-east-1"
    settled: str = ""  # the stage, once it is known
    problems: list[tuple[Path_, str]] = field(default_factory=list)

    def resolve(self, value: Any, path: Path_ = ()) -> Any:
        """Give a value with all its variables filled in; what cannot be is a problem, and ''."""
        try:
            return self._resolve(value, path, 0)
        except RecursionError:
            self.problems.append((path, "it is nested too deeply"))
            return None

    def _resolve(self, value: Any, path: Path_, depth: int) -> Any:
        if isinstance(value, Mapping):
            return {key: self._resolve(one, (*path, str(key)), depth) for key, one in value.items()}
        if isinstance(value, list):
            return [self._resolve(one, (*path, index), depth) for index, one in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            return self._text(value, path, depth)
        except Missing as error:
            self.problems.append((path, str(error)))
            return ""

    def _text(self, text: str, path: Path_, depth: int) -> Any:
        """Fill in the innermost variable first: ``${self:custom.${sls:stage}}``."""
        if depth > DEPTH_MAX:
            raise Missing(f"the variables in {text!r} lead round in a circle")
        kept: dict[str, str] = {}
        while (match := _INNERMOST.search(text)) is not None:
            whole, said = match[0], match["said"].strip()
            if _is_cloudformation(said):
                kept[f"\0{len(kept)}\0"] = whole
                text = text.replace(whole, f"\0{len(kept) - 1}\0")
                continue
            value = self._resolve(self._one(said), path, depth + 1)
            if text == whole:
                return value
            if isinstance(value, Mapping | list):
                raise Missing(f"{whole} is no text, and stands in the middle of one")
            text = text.replace(whole, _as_text(value))
        for mark, whole in kept.items():
            text = text.replace(mark, whole)
        return text

    def _one(self, said: str) -> Any:
        """Try what is written before the first comma, then its defaults."""
        for part in _alternatives(said):
            found = self._look(part)
            if found is not None:
                return found
        # Older files rely on the framework for these two.
        if said in ("opt:stage", "opt:region"):
            return self._defaults()[said.removeprefix("opt:")]
        raise Missing(f"${{{said}}} has no value, and no default is given")

    def _look(self, part: str) -> Any:
        quoted = _QUOTED.fullmatch(part)
        if quoted is not None:
            return quoted["single"] if quoted["single"] is not None else quoted["double"]
        match = _SOURCE.fullmatch(part)
        if match is None:
            return _literal(part)
        address = (match["address"] or "").strip()
        source, argument = match["source"], (match["argument"] or "").strip()
        if source in _OUTSIDE:
            return self._outside(source, address, argument)
        return _LOOKS[source](self, address, argument)

    def _outside(self, source: str, address: str, argument: str) -> Any:
        if self.outside is None:
            raise Missing(f"${{{source}:{address}}} asks the account, and there is none to ask")
        return self.outside(source, address, argument)

    def _self(self, address: str, _: str) -> Any:
        found = dig(self.service, address)
        if found is None and address in ("provider.stage", "provider.region"):
            return self._defaults()[address.removeprefix("provider.")]
        return found

    def _opt(self, address: str, _: str) -> Any:
        return self.options.get(address)

    def _defaults(self) -> Mapping[str, str]:
        return {"stage": self.stage(), "region": self.options.get("region", self.region)}

    def _env(self, address: str, _: str) -> Any:
        return self.environment.get(address)

    def _sls(self, address: str, _: str) -> Any:
        return {"stage": self.stage(), "instanceId": "tapwater"}.get(address)

    def _param(self, address: str, _: str) -> Any:
        if address in self.options:
            return self.options[address]
        for stage in (self.stage(), "default"):
            for place in ("params", "stages"):
                inner = "params." if place == "stages" else ""
                found = dig(self.service, f"{place}.{stage}.{inner}{address}")
                if found is not None:
                    return found
        return None

    def _aws(self, address: str, _: str) -> Any:
        return {"accountId": self.account, **self._defaults()}.get(address)

    def _file(self, address: str, name: str) -> Any:
        found = self.read(name)
        return found if not address or found is None else dig(found, address)

    def stage(self) -> str:
        """Say which stage is deployed."""
        if not self.settled:
            self.settled = _STAGE  # What the stage's own variables find of it.
            said = self.options.get("stage") or dig(self.service, "provider.stage")
            found = self._resolve(said, ("provider", "stage"), 0) if said else _STAGE
            self.settled = str(found or _STAGE)
        return self.settled


_LOOKS: Mapping[str, Callable[[Resolver, str, str], Any]] = {
    "self": Resolver._self,
    "opt": Resolver._opt,
    "env": Resolver._env,
    "sls": Resolver._sls,
    "param": Resolver._param,
    "aws": Resolver._aws,
    "file": Resolver._file,
}


def dig(value: Any, address: str) -> Any:
    """Follow a dotted address; None: there is nothing.

    >>> dig({"a": {"b": [1, 2]}}, "a.b.1")
    2
    """
    for step in filter(None, address.split(".")):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _is_cloudformation(said: str) -> bool:
    """Tell what Fn::Sub fills in from what we do: it has no colon and no comma but AWS::'s."""
    if said.startswith("AWS::"):
        return True
    return ":" not in said and "," not in said and bool(_CFN.match(said))


def _alternatives(said: str) -> list[str]:
    """Cut at commas that stand outside of quotes and brackets."""
    parts, depth, quote, start = [], 0, "", 0
    for index, char in enumerate(said):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            parts.append(said[start:index].strip())
            start = index + 1
    return [*parts, said[start:].strip()]


def _literal(part: str) -> Any:
    """Read a default that needs no quotes.

    >>> _literal("true"), _literal("512"), _literal("what:ever")
    (True, 512, None)
    """
    if part in ("true", "false"):
        return part == "true"
    if re.fullmatch(r"-?\d+", part):
        return int(part)
    return None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
