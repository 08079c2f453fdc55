"""What becomes of a call that nobody waits for, given how its run ended. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.clouds.aws.shapes.ended import EXHAUSTED, SUCCESS, TOO_OLD
from tapwater_server.model.invocation import Ending, Outcome
from tapwater_server.ports.bus import Later, Returned

RETRIES_MAX = 2
AGE_S_MAX = 6 * 3600.0
DELAYS_S = (60.0, 120.0)  # Before the second attempt, and the third.
THROTTLED_S, THROTTLED_S_MAX = 1.0, 300.0  # Before one that did not run is tried again.
_NOT_RUN = frozenset({Ending.OVERLOADED, Ending.CANCELLED, Ending.BUDGET, Ending.SLOWED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How hard one function's calls are tried, and where their ends are told."""

    retries_max: int = RETRIES_MAX
    age_s_max: float = AGE_S_MAX
    on_success: str = ""  # ARN
    on_failure: str = ""
    dead_letters: str = ""
    delays_s: tuple[float, ...] = DELAYS_S


@dataclass(frozen=True, slots=True)
class End:
    """It is over: the condition as AWS says it."""

    condition: str


Verdict = End | Later | Returned


def terms_of(
    settings: Mapping[str, Any], *, dead_letters: str = "", delays_s: tuple[float, ...] = DELAYS_S
) -> Terms:
    """Read what PutFunctionEventInvokeConfig was told.

    >>> terms_of({"MaximumRetryAttempts": 0}).retries_max
    0
    """
    told = settings.get("DestinationConfig") or {}
    retries, age_s = settings.get("MaximumRetryAttempts"), settings.get("MaximumEventAgeInSeconds")
    return Terms(
        retries_max=RETRIES_MAX if retries is None else int(retries),
        age_s_max=AGE_S_MAX if age_s is None else float(age_s),
        on_success=(told.get("OnSuccess") or {}).get("Destination") or "",
        on_failure=(told.get("OnFailure") or {}).get("Destination") or "",
        dead_letters=dead_letters,
        delays_s=delays_s,
    )


def was_run(outcome: Outcome) -> bool:
    """Say whether the function began at all. What did not uses no attempt."""
    if outcome.ending in _NOT_RUN:
        return False
    return outcome.ending is not Ending.START_FAILED or outcome.by_function


def judge(outcome: Outcome, called: Called, *, attempt: int, age_s: float, terms: Terms) -> Verdict:
    """Judge one run. ``attempt`` counts from 1, without those that were throttled.

    >>> from tapwater_server.model.invocation import Usage
    >>> bad = Outcome(ending=Ending.USER_ERROR, usage=Usage())
    >>> failed = Called(payload=b"", version="1", error="Unhandled")
    >>> judge(bad, failed, attempt=1, age_s=0, terms=Terms())
    Later(delay_s=60.0, reason='Unhandled')
    >>> judge(bad, failed, attempt=3, age_s=0, terms=Terms())
    End(condition='RetriesExhausted')
    """
    if not was_run(outcome):
        if age_s >= terms.age_s_max:
            return End(TOO_OLD)
        return Returned(throttled_s(age_s, asked_s=outcome.retry_after_s))
    if not called.error:
        return End(SUCCESS)
    if attempt > terms.retries_max:
        return End(EXHAUSTED)
    delay_s = terms.delays_s[min(attempt, len(terms.delays_s)) - 1] if terms.delays_s else 0.0
    if age_s + delay_s > terms.age_s_max:
        return End(TOO_OLD)
    return Later(delay_s, called.error)


def throttled_s(age_s: float, *, asked_s: float = 0.0) -> float:
    """Say how long one that could not run waits: the longer, the older it is."""
    return max(asked_s, min(THROTTLED_S_MAX, max(THROTTLED_S, age_s / 4)))
