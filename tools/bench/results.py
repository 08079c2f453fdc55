"""What a row found: numbers, and whether the promise is kept."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One promise with its number."""

    promise: str
    wanted: str
    found: str
    kept: bool | None  # None: not measured here


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a title, to be shown as they are."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one row."""

    verdicts: Sequence[Verdict] = ()
    tables: Sequence[Table] = ()
    numbers: dict[str, Any] = field(default_factory=dict)  # for the JSON


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that so large a share of the values does not exceed.

    >>> quantile([4.0, 1.0, 2.0, 3.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def median(values: Sequence[float]) -> float:
    """Give the middle."""
    return statistics.median(values)


def unmeasured(promise: str, wanted: str, why: str) -> Result:
    """Say that a row is missing, and why."""
    return Result(verdicts=[Verdict(promise=promise, wanted=wanted, found=why, kept=None)])
