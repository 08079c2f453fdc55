"""The judge of deliveries: no delivery comes back for ever, none of ours is charged."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.retry import Ack, Again, Bury, Release, RetryPolicy, decide, hopeless
from tapwater_server.model.invocation import Ending, Outcome, Usage

POLICY = RetryPolicy(attempts_max=4, delay_s=1.0, delay_s_max=20.0, age_s_max=1000.0)
ENDINGS = st.sampled_from(list(Ending))


def ended(ending: Ending, status: int = 0) -> Outcome:
    return Outcome(ending=ending, usage=Usage(), status=status, message="because")


@given(ending=ENDINGS, attempt=st.integers(1, 50), chance=st.floats(0, 0.999))
def test_a_poison_delivery_ends(ending: Ending, attempt: int, chance: float) -> None:
    """At the last attempt there is no further one, however the run ended."""
    verdict = decide(ended(ending), attempt=attempt, age_s=0, chance=chance, policy=POLICY)
    if attempt >= POLICY.attempts_max:
        assert not isinstance(verdict, Again)


@given(ending=ENDINGS, attempt=st.integers(1, 50))
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


def test_a_server_error_is_tried_again_and_a_refusal_is_an_answer() -> None:
    again = decide(ended(Ending.OK, 503), attempt=1, age_s=0, chance=0, policy=POLICY)
    done = decide(ended(Ending.OK, 422), attempt=1, age_s=0, chance=0, policy=POLICY)
    assert isinstance(again, Again)
    assert done == Ack()


def test_an_errand_that_kills_whoever_touches_it_is_given_up() -> None:
    assert not hopeless(attempt=POLICY.attempts_max, policy=POLICY)
    assert hopeless(attempt=POLICY.attempts_max + 1, policy=POLICY)
