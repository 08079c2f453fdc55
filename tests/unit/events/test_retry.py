"""The judge of deliveries: no delivery comes back for ever, none of ours is charged."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.retry import (
    LOST_MAX,
    START_FAILED_S_MAX,
    Ack,
    Again,
    Bury,
    Release,
    RetryPolicy,
    decide,
    delay_before,
    hopeless,
    policy_of,
)
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.invocation import Ending, Outcome, Usage

POLICY = RetryPolicy(attempts_max=4, delay_s=1.0, delay_s_max=20.0, age_s_max=1000.0)
LONG = RetryPolicy(age_s_max=10_000.0)
ENDINGS = st.sampled_from(list(Ending))


def ended(ending: Ending, status: int = 0) -> Outcome:
    return Outcome(ending=ending, usage=Usage(), status=status, message="because")


@given(ending=ENDINGS, attempt=st.integers(1, 50), chance=st.floats(0, 0.999))
def test_a_poison_delivery_ends(ending: Ending, attempt: int, chance: float) -> None:
    """At the last attempt there is no further one, however the run ended."""
    verdict = decide(ended(ending), attempt=attempt, age_s=0, chance=chance, policy=POLICY)
    if attempt >= POLICY.attempts_max:
        assert not isinstance(verdict, Again)


OVER_BUDGET = (Ending.BUDGET, Ending.SLOWED)


@given(ending=ENDINGS.filter(lambda one: one not in OVER_BUDGET), attempt=st.integers(1, 50))
def test_nothing_outlives_its_age(ending: Ending, attempt: int) -> None:
    verdict = decide(ended(ending, 500), attempt=attempt, age_s=1000.0, chance=0, policy=POLICY)
    assert isinstance(verdict, Bury)


@given(attempt=st.integers(1, 3), chance=st.floats(0, 0.999))
def test_delays_stay_below_their_ceiling(attempt: int, chance: float) -> None:
    verdict = decide(ended(Ending.CRASHED), attempt=attempt, age_s=0, chance=chance, policy=POLICY)
    assert isinstance(verdict, Again)
    assert 0 < verdict.delay_s <= POLICY.delay_s_max


def test_our_own_faults_use_no_attempt() -> None:
    for ending in (Ending.OVERLOADED, Ending.CANCELLED):
        verdict = decide(ended(ending), attempt=99, age_s=0, chance=0, policy=POLICY)
        assert isinstance(verdict, Release)


def test_over_budget_it_waits_however_old_it_gets_by_that() -> None:
    for ending in OVER_BUDGET:
        verdict = decide(ended(ending), attempt=99, age_s=1e6, chance=0, policy=POLICY)
        assert isinstance(verdict, Release)


def test_a_server_error_is_tried_again_and_a_refusal_is_an_answer() -> None:
    again = decide(ended(Ending.OK, 503), attempt=1, age_s=0, chance=0, policy=POLICY)
    done = decide(ended(Ending.OK, 422), attempt=1, age_s=0, chance=0, policy=POLICY)
    assert isinstance(again, Again)
    assert done == Ack()


def test_an_errand_that_kills_whoever_touches_it_is_given_up() -> None:
    assert not hopeless(attempt=1, lost=LOST_MAX, policy=POLICY)
    reason = hopeless(attempt=1, lost=LOST_MAX + 1, policy=POLICY)
    assert reason.startswith(f"lost {LOST_MAX + 1} times")


@given(attempt=st.integers(1, POLICY.attempts_max), lost=st.integers(0, LOST_MAX))
def test_a_platform_that_dies_uses_no_attempt(attempt: int, lost: int) -> None:
    assert not hopeless(attempt=attempt, lost=lost, policy=POLICY)


def test_what_was_tried_more_often_than_is_allowed_now_is_not_run() -> None:
    attempt = POLICY.attempts_max + 1
    assert hopeless(attempt=attempt, lost=0, policy=POLICY).startswith("4 attempts failed")


def test_an_event_that_is_refused_is_given_up_at_once() -> None:
    for status in (400, 404, 422):
        outcome = ended(Ending.OK, status)
        verdict = decide(outcome, attempt=1, age_s=0, chance=0, policy=POLICY, answers=False)
        assert isinstance(verdict, Bury)
    busy = ended(Ending.OK, 429)
    verdict = decide(busy, attempt=1, age_s=0, chance=0, policy=POLICY, answers=False)
    assert isinstance(verdict, Again)


def test_an_instance_that_cannot_be_made_is_our_fault_for_a_while() -> None:
    failed = ended(Ending.START_FAILED)
    early = decide(failed, attempt=9, age_s=START_FAILED_S_MAX - 1, chance=0, policy=POLICY)
    assert isinstance(early, Release)
    late = decide(failed, attempt=1, age_s=START_FAILED_S_MAX + 1, chance=0, policy=LONG)
    assert isinstance(late, Again)


def test_a_module_that_raises_uses_attempts() -> None:
    failed = ended(Ending.START_FAILED)
    failed.by_function = True
    early = decide(failed, attempt=1, age_s=0, chance=0, policy=POLICY)
    assert isinstance(early, Again)
    last = decide(failed, attempt=POLICY.attempts_max, age_s=0, chance=0, policy=POLICY)
    assert isinstance(last, Bury)


def test_the_waits_a_user_names_are_kept_and_the_last_repeats() -> None:
    policy = policy_of(DeliveryOptions(attempts_max=5, delays_s=(1.0, 60.0)))
    waits = [delay_before(attempt, chance=0.5, policy=policy) for attempt in (2, 3, 4, 5)]
    assert waits == [1.0, 60.0, 60.0, 60.0]


@given(attempt=st.integers(2, 10_000), chance=st.floats(0, 0.999))
def test_no_attempt_is_too_late_for_a_delay(attempt: int, chance: float) -> None:
    assert 0 < delay_before(attempt, chance=chance, policy=POLICY) <= POLICY.delay_s_max
