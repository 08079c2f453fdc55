"""Whether one more call fits into a budget. Pure; admission and the gate of the services obey."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.budget import Budget, Does, Step

AGAIN_S = 1.0  # After calls that run now stood in the way: they may use less than is held for them.


class State(StrEnum):
    """How a budget stands, by what is spent."""

    OPEN = "open"
    WARNED = "warned"
    SLOWED = "slowed"
    SPENT = "spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The amounts at which a budget acts, worked out once. None: it never does so."""

    refuses_at: float | None
    slows_at: float | None
    acts_at: float | None  # the lower of the two

    @staticmethod
    def of(budget: Budget) -> "Limits":
        refuses = [budget.at(step) for step in budget.steps if step.does is Does.REFUSE]
        slows = [budget.at(step) for step in budget.steps if step.does is Does.SLOW]
        refuses_at, slows_at = min(refuses, default=None), min(slows, default=None)
        both = [at for at in (refuses_at, slows_at) if at is not None]
        return Limits(refuses_at=refuses_at, slows_at=slows_at, acts_at=min(both, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a period has come to. ``reserved`` is held for calls that run, ``wanted`` for this one.

    ``slowed_at``: when the slowing step was reached; None: it was not.
    """

    spent: float
    reserved: float
    now: float
    since: float
    until: float
    wanted: float = 0.0
    slowed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``admits``, or else when to come again. ``for_good``: not before the period is over."""

    state: State
    admits: bool = True
    again_s: float = 0.0
    for_good: bool = False


def decide(spending: Spending, *, limits: Limits, steps: Sequence[Step], limit: float) -> Verdict:
    """Judge one more call.

    ``wanted`` is what must still fit: 0 asks only that something is left. Where nothing but what
    is held for running calls stands in the way, it is worth coming again soon.

    >>> from tapwater_server.model.budget import USUAL
    >>> limits = Limits(refuses_at=10.0, slows_at=None, acts_at=10.0)
    >>> used = Spending(spent=10.0, reserved=0.0, now=100.0, since=0.0, until=160.0)
    >>> decide(used, limits=limits, steps=USUAL, limit=10.0)
    Verdict(state=<State.SPENT: 'spent'>, admits=False, again_s=60.0, for_good=True)
    """
    state = state_of(spending.spent, limits=limits, steps=steps, limit=limit)
    left_s = max(0.0, spending.until - spending.now)
    if limits.refuses_at is not None and not _fits(spending, limits.refuses_at):
        for_good = not _fits(spending, limits.refuses_at, reserved=0.0)
        again_s = left_s if for_good else min(AGAIN_S, left_s)
        return Verdict(state=state, admits=False, again_s=again_s, for_good=for_good)
    if limits.slows_at is None or spending.spent < limits.slows_at:
        return Verdict(state=state)
    end = limits.refuses_at if limits.refuses_at is not None else max(limit, limits.slows_at)
    wait_s = _wait_s(spending, slows_at=limits.slows_at, end=end)
    return Verdict(state=state, admits=wait_s <= 0, again_s=min(wait_s, left_s))


def state_of(spent: float, *, limits: Limits, steps: Sequence[Step], limit: float) -> State:
    """Say how a budget stands."""
    if limits.refuses_at is not None and spent >= limits.refuses_at:
        return State.SPENT
    if limits.slows_at is not None and spent >= limits.slows_at:
        return State.SLOWED
    return State.WARNED if reached(spent, steps=steps, limit=limit) else State.OPEN


def reached(spent: float, *, steps: Sequence[Step], limit: float) -> tuple[Step, ...]:
    """Say which steps have been reached, the lowest first.

    >>> from tapwater_server.model.budget import USUAL
    >>> [step.at_percent for step in reached(81.0, steps=USUAL, limit=100.0)]
    [50, 80]
    """
    return tuple(sorted(step for step in steps if spent >= limit * step.at_percent / 100))


def _fits(spending: Spending, end: float, *, reserved: float | None = None) -> bool:
    held = spending.reserved if reserved is None else reserved
    if spending.wanted:
        return spending.spent + held + spending.wanted <= end
    return spending.spent + held < end


def _wait_s(spending: Spending, *, slows_at: float, end: float) -> float:
    """How long until what is spent lies below a line that reaches the end when the period does."""
    # A moment that has not come is of a clock that was put back since.
    begun = spending.now if spending.slowed_at is None else min(spending.slowed_at, spending.now)
    span_s, rise = spending.until - begun, end - slows_at
    above = spending.spent + spending.reserved - slows_at
    if above <= 0:
        return 0.0
    if rise <= 0 or span_s <= 0:
        return max(AGAIN_S, spending.until - spending.now)
    return begun + span_s * above / rise - spending.now
