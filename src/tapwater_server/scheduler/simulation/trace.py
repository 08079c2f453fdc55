"""Traces: rows of function, time, duration, memory; read from CSV or NDJSON, or made up by seed."""

import csv
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tapwater_server.model.errors import Invalid

_DAY_S = 86_400.0


class Arrival(NamedTuple):
    """One invocation of a trace."""

    time_s: float
    function: str
    duration_s: float
    memory_mb: float


def read_trace(path: Path) -> list[Arrival]:
    """Read a trace: CSV with a header line, or NDJSON; columns function, time_s, duration_s,
    memory_mb, in any order.

    Raises:
        Invalid: a line is no such row; the message names it.
    """
    with path.open(newline="") as file:
        rows: Iterable[Mapping[str, Any]]
        if path.suffix == ".csv":
            rows = csv.DictReader(file)
        else:
            rows = (_json(line, number) for number, line in enumerate(file, 1) if line.strip())
        arrivals = [_arrival(row, number) for number, row in enumerate(rows, 1)]
    arrivals.sort()
    return arrivals


def _json(line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Invalid(f"line {number} of the trace is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise Invalid(f"line {number} of the trace is no JSON object")
    return row


def _arrival(row: Mapping[str, Any], number: int) -> Arrival:
    try:
        arrival = Arrival(
            time_s=float(row["time_s"]),
            function=str(row["function"]),
            duration_s=float(row["duration_s"]),
            memory_mb=float(row["memory_mb"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(
            f"row {number} of the trace needs function, time_s, duration_s and memory_mb: {error}"
        ) from error
    numbers = (arrival.time_s, arrival.duration_s, arrival.memory_mb)
    if not all(math.isfinite(one) and one >= 0 for one in numbers):
        raise Invalid(f"row {number} of the trace has a number below zero or none at all")
    return arrival


Times = Callable[[random.Random, float], Iterator[float]]


def poisson(per_s: float) -> Times:
    """Calls that know nothing of each other."""

    def times(chance: random.Random, until_s: float) -> Iterator[float]:
        at = chance.expovariate(per_s)
        while at < until_s:
            yield at
            at += chance.expovariate(per_s)

    return times


def diurnal(per_s: float, *, day_s: float = _DAY_S) -> Times:
    """Busy at noon, quiet at night: a Poisson process thinned by the hour."""

    def times(chance: random.Random, until_s: float) -> Iterator[float]:
        for at in poisson(2 * per_s)(chance, until_s):
            if chance.uniform(0, 2) < 1 - math.cos(2 * math.pi * at / day_s):
                yield at

    return times


def bursty(per_s: float, *, size: int = 50, spread_s: float = 0.1) -> Times:
    """Nothing for a while, then ``size`` at once."""

    def times(chance: random.Random, until_s: float) -> Iterator[float]:
        for at in poisson(per_s / size)(chance, until_s):
            yield from sorted(at + chance.uniform(0, spread_s) for _ in range(size))

    return times


def periodic(every_s: float, *, jitter: float = 0.02) -> Times:
    """As a schedule calls."""

    def times(chance: random.Random, until_s: float) -> Iterator[float]:
        at = chance.uniform(0, every_s)
        while at < until_s:
            yield at
            at += every_s * chance.uniform(1 - jitter, 1 + jitter)

    return times


def synthesize(
    functions: Mapping[str, Times],
    *,
    until_s: float,
    seed: int,
    duration_s: float = 0.1,
    memory_mb: float = 60.0,
) -> list[Arrival]:
    """Make up a trace. Durations are log-normal around ``duration_s``; each function has its own
    memory.
    """
    arrivals: list[Arrival] = []
    for name, times in functions.items():
        chance = random.Random(f"{seed}/{name}")
        mean_s = duration_s * chance.lognormvariate(0, 0.5)
        memory = memory_mb * chance.uniform(0.5, 2.0)
        arrivals += (
            Arrival(at, name, mean_s * chance.lognormvariate(0, 0.3), memory)
            for at in times(chance, until_s)
        )
    arrivals.sort()
    return arrivals


def a_mixture(count: int, *, per_s: float) -> dict[str, Times]:
    """``count`` functions as clouds see them: few loud, many quiet, some by the clock. Together
    about ``per_s`` calls a second.
    """
    weights = [1 / (rank + 1) for rank in range(count)]
    share = per_s / sum(weights)
    functions: dict[str, Times] = {}
    for rank, weight in enumerate(weights):
        rate = weight * share
        kinds = (poisson(rate), diurnal(rate), periodic(1 / rate), bursty(rate))
        functions[f"function-{rank:05d}"] = kinds[rank % len(kinds)]
    return functions
