"""What to do with a delivery, given how its run ended. Pure; the dispatcher obeys."""

from dataclasses import dataclass

from tapwater_server.model.invocation import Ending, Outcome

_OURS = frozenset({Ending.OVERLOADED, Ending.CANCELLED})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long a delivery is tried."""

    attempts_max: int = 5
    delay_s: float = 1.0  # before the second attempt; doubles with each further one
    delay_s_max: float = 300.0
    age_s_max: float = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Ack:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more after ``delay_s``."""

    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """It never really ran: give it back without using up an attempt."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Bury:
    """Give up; keep it as a dead letter."""

    reason: str


Verdict = Ack | Again | Release | Bury


def decide(
    outcome: Outcome, *, attempt: int, age_s: float, chance: float, policy: RetryPolicy
) -> Verdict:
    """Judge one run. ``attempt`` counts from 1; ``chance`` in [0, 1) spreads the delays.

    >>> from tapwater_server.model.invocation import Usage
    >>> crashed = Outcome(ending=Ending.CRASHED, usage=Usage(), message="signal 11")
    >>> decide(crashed, attempt=1, age_s=0, chance=0.5, policy=RetryPolicy())
    Again(delay_s=0.75, reason='crashed: signal 11')
    >>> decide(crashed, attempt=5, age_s=9, chance=0.5, policy=RetryPolicy())
    Bury(reason='crashed: signal 11 (attempt 5 of 5)')
    """
    if outcome.ending is Ending.OK and outcome.status < _SERVER_ERROR:
        return Ack()
    reason = f"{outcome.ending.value}: {outcome.message}"
    if outcome.ending is Ending.OK:
        reason = f"answered with status {outcome.status}"
    if age_s >= policy.age_s_max:
        return Bury(f"{reason} (older than {policy.age_s_max:.0f} s)")
    if outcome.ending in _OURS:
        return Release(max(outcome.retry_after_s, policy.delay_s))
    if attempt >= policy.attempts_max:
        return Bury(f"{reason} (attempt {attempt} of {policy.attempts_max})")
    return Again(delay_before(attempt + 1, chance=chance, policy=policy), reason)


def hopeless(*, attempt: int, policy: RetryPolicy) -> str:
    """Say why a delivery must not even be run, or nothing.

    Earlier runs never came back to tell us how they ended: an errand that kills whoever touches
    it must not be allowed to do so for ever.
    """
    if attempt > policy.attempts_max:
        return f"{policy.attempts_max} attempts began and none came back"
    return ""


def delay_before(attempt: int, *, chance: float, policy: RetryPolicy) -> float:
    """Say how long to wait before an attempt: exponential, with half of it left to chance."""
    whole = min(policy.delay_s * 2.0 ** (attempt - 2), policy.delay_s_max)
    return float(whole * (0.5 + chance / 2))
