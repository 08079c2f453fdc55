"""What a user wrote about a function, read into limits. Pure.

The keys are those of ``options(...)`` in a file, of ``[defaults]`` and of ``[functions."name"]``
in tapwater.toml; the stronger source wins key by key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.control import delivering, triggers
from tapwater_server.control.wrong import Wrong, duration, text, whole
from tapwater_server.model.delivering import Pace
from tapwater_server.model.function import FunctionLimits

MEMORY_BYTES_MIN = 16 << 20  # Below this an interpreter cannot live.
MEMORY_BYTES_MAX = 1 << 40
INSTANCES_MAX = 10_000
CONCURRENCY_MAX = 1_000
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)I?B", re.IGNORECASE)
_EGRESS = re.compile(r"(\*\.)?[A-Za-z0-9_.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")
_AUTH_ROLE = re.compile(r"role:[a-z0-9][a-z0-9_.:-]{0,63}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """All that options say about one function, resolved."""

    limits: FunctionLimits = field(default_factory=FunctionLimits)
    auth: str | None = None
    egress: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ("*",)
    after_fork_import: bool = False
    idempotent: bool = False
    cost_header: bool = False
    record: "Recorded" = field(default_factory=lambda: Recorded())
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)  # cors, schedule: as written
    delivery: Mapping[str, Any] = field(default_factory=dict)  # of deliveries: as written
    pace: Pace | None = None  # of calls over HTTP, and of what triggers bring


@dataclass(frozen=True, slots=True)
class Recorded:
    """Which calls are recorded: none at all, or those that fail and a share of the others."""

    at_all: bool = True
    share: float | None = None  # None: as the node has it


def recorded(value: object) -> Recorded:
    """Read which calls are recorded.

    >>> recorded("none"), recorded(0.5)
    (Recorded(at_all=False, share=None), Recorded(at_all=True, share=0.5))
    """
    if value == "none" or value is False:
        return Recorded(at_all=False)
    if value == "errors":
        return Recorded(share=0.0)
    if value == "all" or value is True:
        return Recorded(share=1.0)
    if isinstance(value, int | float) and 0 <= value <= 1:
        return Recorded(share=float(value))
    raise Wrong(f"{value!r} is not a share from 0 to 1, nor 'all', 'errors' or 'none'")


def size(value: object) -> int:
    """Read a size. The units are powers of two, as memory is sold everywhere.

    >>> size("256MB")
    268435456
    """
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        return int(float(match[1]) * (1 << _UNITS[match[2].upper()]))
    raise Wrong(f"{value!r} is not a size: write a number and a unit, such as '256MB'")


def duration_or_none(value: object) -> float | None:
    """Read a time that may be none at all: ``"none"`` or ``None``."""
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        return None
    try:
        return duration(value)
    except Wrong as wrong:
        raise Wrong(f"{wrong}, or 'none' for no limit") from None


def rate(value: object) -> Pace | None:
    """Read how many calls or deliveries at most.

    >>> rate("120/m")
    Pace(per_s=2.0, of_key=False)
    """
    return None if value is None else delivering.paced(value)


def span(value: object) -> tuple[int, int]:
    """Read ``instances``: ``(min, max)``, or the most there may be.

    >>> span([0, 20])
    (0, 20)
    """
    read = whole(0, INSTANCES_MAX)
    pair = value if isinstance(value, list | tuple) else (0, value)
    if len(pair) == 2:
        low, high = read(pair[0]), read(pair[1])
        if low <= high and high >= 1:
            return low, high
    raise Wrong(f"{value!r} is not a span of instances: write such as (0, 20)")


def flag(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    raise Wrong(f"{value!r} is neither true nor false")


def cores(value: object) -> float:
    """Read a share of the processor, in cores."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.01 <= value <= 1024:
        return float(value)
    raise Wrong(f"{value!r} is not a number of cores: write such as 0.5 or 2")


def auth(value: object) -> str | None:
    """Read who may call: anyone, a user of the app, one with a role, or a platform token.

    >>> auth("role:admin")
    'role:admin'
    """
    known = value in (None, "user", "token")
    if known or (isinstance(value, str) and _AUTH_ROLE.fullmatch(value)):
        return value if isinstance(value, str) else None
    raise Wrong(f"{value!r} is not 'user', 'token', or 'role:' and the name of a role")


def egress(value: object) -> tuple[str, ...]:
    """Read where a function may connect to: ``host:port`` each, or the one word ``all``."""
    if value in ("all", ["all"], ("all",)):
        return ("all",)
    if isinstance(value, list | tuple) and len(value) <= 64:
        for item in value:
            if not isinstance(item, str) or not _EGRESS.fullmatch(item):
                raise Wrong(f"{item!r} is not host:port, such as 'api.stripe.com:443'")
            if not 1 <= int(item.rsplit(":", 1)[1]) <= 65_535:
                raise Wrong(f"{item!r} has no such port")
        return tuple(dict.fromkeys(value))
    raise Wrong(f"{value!r} is not a list of host:port (64 at most), nor 'all'")


def words(value: object) -> tuple[str, ...]:
    """Read names of secrets; ``"*"`` is all of them."""
    if value == "*":
        return ("*",)
    if isinstance(value, list | tuple) and len(value) <= 256:
        for item in value:
            if item != "*" and not (isinstance(item, str) and _WORD.fullmatch(item)):
                raise Wrong(f"{item!r} is not the name of a secret")
        return tuple(dict.fromkeys(value))
    raise Wrong(f"{value!r} is not a list of names of secrets")


def environment(value: object) -> dict[str, str]:
    """Read environment variables: names and texts (numbers and booleans become text)."""
    if not isinstance(value, Mapping) or len(value) > 256:
        raise Wrong("write a table of names and texts, 256 at most")
    found: dict[str, str] = {}
    for name, said in value.items():
        if not isinstance(name, str) or not _WORD.fullmatch(name):
            raise Wrong(f"{name!r} cannot be the name of an environment variable")
        if not isinstance(said, str | int | float | bool) or "\0" in str(said):
            raise Wrong(f"{name} must be a text")
        found[name] = str(said).lower() if isinstance(said, bool) else str(said)
    return found


def _memory(value: object) -> int:
    found = size(value)
    if not MEMORY_BYTES_MIN <= found <= MEMORY_BYTES_MAX:
        raise Wrong(f"{value!r} is out of range: write from 16MB to 1TB")
    return found


def _anything(value: object) -> Any:
    return value


READERS: Mapping[str, Callable[[object], Any]] = {
    "memory": _memory,
    "timeout": duration_or_none,
    "concurrency": whole(1, CONCURRENCY_MAX),
    "instances": span,
    "cpu": cores,
    "pids": whole(1, 100_000),
    "tmp": size,
    "queue": whole(0, 100_000),
    "queue_timeout": duration,
    "freeze": flag,
    "body_max": size,
    "rate": rate,
    "auth": auth,
    "cors": _anything,
    "egress": egress,
    "environment": environment,
    "secrets": words,
    "after_fork_import": flag,
    "idempotent": flag,
    "cost_header": flag,
    "record": recorded,
    "description": text,
    "schedule": triggers.READERS["schedule"]["cron"],
    **{name: read for name, read in delivering.READERS.items() if name != "rate"},
}
_DELIVERY = tuple(name for name in delivering.READERS if name != "rate")
_EXTRA = ("cors", "schedule")
_LIMITS: Mapping[str, str] = {
    "memory": "memory_bytes",
    "timeout": "timeout_s",
    "concurrency": "concurrency",
    "cpu": "cpu_share",
    "pids": "pids_max",
    "tmp": "tmp_bytes",
    "queue": "waiting_max",
    "queue_timeout": "waiting_s_max",
    "freeze": "freeze",
    "body_max": "body_bytes_max",
}


def complain(where: str, raw: Mapping[str, object]) -> list[dict[str, str]]:
    """Check options of one source; name each one that is wrong."""
    problems = []
    for name, value in raw.items():
        reader = READERS.get(name)
        if reader is None:
            what = f"there is no option {name!r} (there are: {', '.join(READERS)})"
            problems.append({"where": where, "what": what})
            continue
        try:
            reader(value)
        except Wrong as wrong:
            problems.append({"where": where, "what": f"{name}: {wrong}"})
    return problems


def choose(sources: Sequence[Mapping[str, object]]) -> Chosen:
    """Put checked sources together, the weakest first; only ``environment`` is merged.

    >>> choose([{"memory": "1GB"}, {"memory": "64MB"}]).limits.memory_bytes >> 20
    64
    """
    values: dict[str, Any] = {}
    written: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for source in sources:
        for name, value in source.items():
            values[name], written[name] = READERS[name](value), value
            if name == "environment":
                variables |= values[name]
    limits: dict[str, Any] = {_LIMITS[name]: values[name] for name in _LIMITS if name in values}
    if "instances" in values:
        limits["instances_min"], limits["instances_max"] = values["instances"]
    pace: Pace | None = values.get("rate")
    if pace is not None and not pace.of_key:
        limits["rate_per_s"] = pace.per_s
    return Chosen(
        limits=FunctionLimits(**limits),
        pace=pace,
        auth=values.get("auth"),
        egress=values.get("egress", ()),
        environment=variables,
        secrets=values.get("secrets", ("*",)),
        after_fork_import=values.get("after_fork_import", False),
        idempotent=values.get("idempotent", False),
        cost_header=values.get("cost_header", False),
        record=values.get("record", Recorded()),
        description=values.get("description", ""),
        extra={name: values[name] for name in _EXTRA if name in values},
        delivery={name: written[name] for name in _DELIVERY if name in written},
    )
