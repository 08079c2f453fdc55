"""What to do with a delivery, given how its run ended. Pure; the dispatcher obeys."""

from dataclasses import dataclass

from tapwater_server.model.delivering import AGE_S, DeliveryOptions
from tapwater_server.model.invocation import Ending, Outcome

_OURS = frozenset({Ending.OVERLOADED, Ending.CANCELLED})
# Refused by a budget: it waits for as long as that takes, however old it gets by that. Its line is
# not leased from meanwhile; what was leased already is given back for so long.
_OVER_BUDGET = frozenset({Ending.BUDGET, Ending.SLOWED})
BUDGET_S = 2.0
# No instance could be made, and it was not the function's module that raised. Nothing of the event
# has run: for so long it is taken for our fault (no memory, a full disk).
START_FAILED_S_MAX = 600.0
# So often a delivery may be begun and never heard of again. As a rule that is the platform's fault,
# and uses no attempt; but what kills whoever touches it must not do so for ever.
LOST_MAX = 10
_REFUSED, _SERVER_ERROR = 400, 500
_FOR_NOW = frozenset({408, 409, 425, 429})  # Refusals that say: try again.


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long a delivery is tried."""

    attempts_max: int = 5
    delay_s: float = 1.0  # before the second attempt; doubles with each further one
    delay_s_max: float = 300.0
    age_s_max: float = AGE_S
    delays_s: tuple[float, ...] = ()  # exactly these instead; the last one repeats


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


def policy_of(options: DeliveryOptions) -> RetryPolicy:
    """Read the policy out of what a user said."""
    return RetryPolicy(
        attempts_max=options.attempts_max,
        delays_s=options.delays_s,
        age_s_max=AGE_S if options.age_s_max is None else options.age_s_max,
    )


def decide(
    outcome: Outcome,
    *,
    attempt: int,
    age_s: float,
    chance: float,
    policy: RetryPolicy,
    answers: bool = True,
) -> Verdict:
    """Judge one run. ``attempt`` counts from 1; ``chance`` in [0, 1) spreads the delays.

    ``answers``: somebody may ask for the result, and then a refusal (4xx) is one. Where nobody
    does, an event that was refused is a dead letter: it would be refused again.

    >>> from tapwater_server.model.invocation import Usage
    >>> crashed = Outcome(ending=Ending.CRASHED, usage=Usage(), message="signal 11")
    >>> decide(crashed, attempt=1, age_s=0, chance=0.5, policy=RetryPolicy())
    Again(delay_s=0.75, reason='crashed: signal 11')
    >>> decide(crashed, attempt=5, age_s=9, chance=0.5, policy=RetryPolicy())
    Bury(reason='crashed: signal 11 (attempt 5 of 5)')
    """
    if outcome.ending is Ending.OK and outcome.status < (_SERVER_ERROR if answers else _REFUSED):
        return Ack()
    reason = reason_of(outcome)
    if outcome.ending is Ending.OK and _is_final(outcome.status):
        return Bury(reason)
    if outcome.ending in _OVER_BUDGET:
        return Release(BUDGET_S)
    if age_s >= policy.age_s_max:
        return Bury(f"{reason} (older than {policy.age_s_max:.0f} s)")
    if outcome.ending in _OURS:
        return Release(max(outcome.retry_after_s, policy.delay_s))
    if _is_our_start(outcome) and age_s < START_FAILED_S_MAX:
        return Release(delay_before(min(attempt, 4) + 1, chance=chance, policy=policy))
    if attempt >= policy.attempts_max:
        return Bury(f"{reason} (attempt {attempt} of {policy.attempts_max})")
    return Again(delay_before(attempt + 1, chance=chance, policy=policy), reason)


def _is_our_start(outcome: Outcome) -> bool:
    return outcome.ending is Ending.START_FAILED and not outcome.by_function


def reason_of(outcome: Outcome) -> str:
    """Say in a sentence why a run was not good."""
    if outcome.ending is not Ending.OK:
        return f"{outcome.ending.value}: {outcome.message}"
    return f"answered with status {outcome.status}"


def hopeless(*, attempt: int, lost: int, policy: RetryPolicy) -> str:
    """Say why a delivery must not even be run, or nothing.

    ``lost`` runs began and never came back to tell us how they ended. ``attempt`` is too high only
    where a deploy has lowered the ceiling.

    >>> hopeless(attempt=1, lost=11, policy=RetryPolicy())
    'lost 11 times: the platform ended each time while it ran (attempt 1 of 5)'
    """
    if lost > LOST_MAX:
        return (
            f"lost {lost} times: the platform ended each time while it ran "
            f"(attempt {attempt} of {policy.attempts_max})"
        )
    if attempt > policy.attempts_max:
        return f"{attempt - 1} attempts failed, and no more than {policy.attempts_max} are made"
    return ""


def delay_before(attempt: int, *, chance: float, policy: RetryPolicy) -> float:
    """Say how long to wait before an attempt: as the user said, or exponentially longer, with
    half of it left to chance.
    """
    if policy.delays_s:
        return policy.delays_s[min(attempt - 2, len(policy.delays_s) - 1)]
    whole = min(policy.delay_s * 2.0 ** min(attempt - 2, 64), policy.delay_s_max)
    return float(whole * (0.5 + chance / 2))


def _is_final(status: int) -> bool:
    return _REFUSED <= status < _SERVER_ERROR and status not in _FOR_NOW
