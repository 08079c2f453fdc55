"""Waiting for something to become true, and looking at families of processes."""

import asyncio
import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S_MAX = 20.0


def until(true: Callable[[], bool], what: str, *, seconds: float = WAIT_S_MAX) -> None:
    """Ask again and again until it is true; fail with ``what`` if it never is.

    An error of the connection counts as "not yet": the thing waited for may be a restart.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except (OSError, ValueError, KeyError) as error:
            last: Exception | None = error
        else:
            last = None
        assert time.monotonic() < deadline, f"in {seconds} s this did not come true: {what} {last}"
        select.select([], [], [], 0.02)


async def wait_until(true: Callable[[], bool]) -> None:
    """The same on a loop, for what happens there."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not true():  # noqa: ASYNC110 - what happens there tells nobody
            await asyncio.sleep(0.01)  # noqa: TID251 - real time: no clock of ours is there


def children_of(pid: int, *, by_depth: bool = False) -> Any:
    """List the descendants of a process; by generation if asked."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    generations: dict[int, list[int]] = {}
    frontier, depth = {pid}, 0
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier}
        depth += 1
        if frontier:
            generations[depth] = sorted(frontier)
    return generations if by_depth else [pid for some in generations.values() for pid in some]
