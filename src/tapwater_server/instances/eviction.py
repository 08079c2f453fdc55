"""Whom to give up when memory is short: greedy-dual with size and frequency. Pure.

As in FaasCache (Fuerst and Sharma, ASPLOS 2021): worth = age + uses x cost / size, where ``age``
is the worth of the last one given up, so that what was used long ago fades.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


_BATCH = 64  # parts of the whole budget: looking at all candidates for one seat is dear


def batch_bytes(short_bytes: int, *, budget_bytes: int) -> int:
    """Say how much to give up when ``short_bytes`` are missing: a little ahead of need.

    >>> batch_bytes(10, budget_bytes=6400)
    100
    """
    return max(short_bytes, budget_bytes // _BATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[Key]):
    """Something that could be given up: what making it again costs, and what it holds."""

    key: Key
    age: float  # of the whole when it was last used
    uses: float
    cost_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Generic[Key]):
    """Whom to give up, in this order, and the age afterwards."""

    victims: Sequence[Key]
    freed_bytes: int
    age: float


def worth(candidate: Candidate[Key]) -> float:
    """Say how much keeping it is worth; costly, small and often used is worth more."""
    mebibytes = max(candidate.size_bytes, 1) / 2**20
    return candidate.age + candidate.uses * candidate.cost_s / mebibytes


def choose(candidates: Iterable[Candidate[Key]], *, wanted_bytes: int, age: float) -> Verdict[Key]:
    """Give up the least worth until ``wanted_bytes`` are free, or nothing is left.

    >>> cheap = Candidate(key="cheap", age=0.0, uses=1, cost_s=0.1, size_bytes=2**20)
    >>> dear = Candidate(key="dear", age=0.0, uses=1, cost_s=9.0, size_bytes=2**20)
    >>> choose([dear, cheap], wanted_bytes=1, age=0.0).victims
    ['cheap']
    """
    victims: list[Key] = []
    freed_bytes = 0
    for candidate in sorted(candidates, key=worth):
        if freed_bytes >= wanted_bytes:
            break
        victims.append(candidate.key)
        freed_bytes += candidate.size_bytes
        age = max(age, worth(candidate))
    return Verdict(victims=victims, freed_bytes=freed_bytes, age=age)
