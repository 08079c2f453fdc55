"""Writes a trace of invocations for `tapwater simulate`, made up by seed and shaped like real ones.

Popularity is very uneven, most functions are called rarely, some by a clock, some in bursts
(Shahrad et al., "Serverless in the Wild", USENIX ATC 2020). The same seed gives the same trace.
"""

import argparse
import csv
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOURS = 2.0
CALLS_MAX = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How one function is called, and what a call takes."""

    name: str
    gap_s: float  # between calls, in the mean
    by_clock: bool
    burst: int
    duration_s: float
    memory_mb: int


def habits(chance: random.Random, count: int) -> list[Habit]:
    """Make up functions.

    >>> habits(random.Random(7), 2) == habits(random.Random(7), 2)
    True
    """
    return [
        Habit(
            name=f"f{number}",
            gap_s=min(0.5 * (number + 1) ** 1.2, 7200.0),
            by_clock=chance.random() < 0.3,
            burst=chance.choice((1, 1, 1, 1, 20)),
            duration_s=min(60.0, chance.lognormvariate(-2.0, 1.5)),
            memory_mb=chance.choice((64, 128, 128, 256, 512)),
        )
        for number in range(count)
    ]


def arrivals(chance: random.Random, habit: Habit, until_s: float) -> Iterator[float]:
    """Give the times at which a function is called."""
    at = chance.random() * habit.gap_s * habit.burst
    while at < until_s:
        for _ in range(habit.burst):
            yield at + chance.random() * 0.05
        gap = habit.gap_s * habit.burst
        at += gap if habit.by_clock else chance.expovariate(1 / gap)


def write(file: Path, *, seed: int, functions: int) -> int:
    """Write the trace in order of time; say how many calls are in it."""
    chance = random.Random(seed)
    calls = [
        (at, habit.name, habit.duration_s * chance.uniform(0.5, 1.5), habit.memory_mb)
        for habit in habits(chance, functions)
        for at in arrivals(chance, habit, HOURS * 3600)
    ]
    calls.sort()
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("function", "time_s", "duration_s", "memory_mb"))
        for at, name, duration_s, memory_mb in calls[:CALLS_MAX]:
            writer.writerow((name, f"{at:.4f}", f"{duration_s:.4f}", memory_mb))
    return min(len(calls), CALLS_MAX)


def main() -> int:
    """Write a trace to the file that was named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--functions", type=int, default=200)
    asked = parser.parse_args()
    count = write(asked.file, seed=asked.seed, functions=asked.functions)
    print(
        f"trace: {count} calls of {asked.functions} functions, seed {asked.seed}", file=sys.stderr
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
