"""Periods, verdicts and steps of budgets, over ends of periods, clock jumps and summer time."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.model.budget import Budget, Does, Every, Scope, ScopeKind, Step
from tapwater_server.model.budget_period import HOUR_S, period_of
from tapwater_server.model.budget_verdict import (
    AGAIN_S,
    Limits,
    Spending,
    State,
    Verdict,
    decide,
    reached,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Pacific/Apia")  # fmt: skip
NODE = Scope(kind=ScopeKind.NODE)


def at(zone: str, year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "every", "hours"),
    [
        ((2026, 3, 29, 12), Every.DAY, 23),  # The clock goes forward.
        ((2026, 10, 25, 2, 30), Every.DAY, 25),  # The clock goes back: 02:30 comes twice.
        ((2026, 11, 21, 0), Every.DAY, 24),
        ((2026, 2, 28, 23, 59), Every.MONTH, 28 * 24),
        ((2028, 2, 29), Every.MONTH, 29 * 24),
        ((2026, 10, 31, 23), Every.MONTH, 31 * 24 + 1),
        ((2026, 12, 31, 23, 59), Every.MONTH, 31 * 24),
    ],
)
def test_a_period_is_as_long_as_the_clock_of_its_zone_says(
    moment: tuple[int, ...], every: Every, hours: int
) -> None:
    period = period_of(at("Europe/Berlin", *moment), every, BERLIN)
    assert (period.until - period.since) / HOUR_S == hours
    begins = datetime.fromtimestamp(period.since, BERLIN)
    assert (begins.hour, begins.minute) == (0, 0)


def test_the_hour_that_comes_twice_is_of_one_day() -> None:
    noon = at("Europe/Berlin", 2026, 10, 25, 12)
    day = period_of(noon, Every.DAY, BERLIN)
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0).timestamp()
    second = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1).timestamp()
    assert second - first == HOUR_S
    assert period_of(first, Every.DAY, BERLIN) == period_of(second, Every.DAY, BERLIN) == day


@given(
    st.floats(min_value=0, max_value=4e9),
    st.sampled_from(list(Every)),
    st.sampled_from(ZONES),
)
def test_each_moment_is_in_its_period_and_periods_meet(
    moment: float, every: Every, zone: str
) -> None:
    where = ZoneInfo(zone)
    period = period_of(moment, every, where)
    assert period.holds(moment)
    assert period.since % HOUR_S == period.until % HOUR_S == 0
    assert period_of(period.since, every, where) == period
    assert period_of(period.until - 0.5, every, where) == period
    assert period_of(period.until, every, where).since == period.until


def limits(*steps: tuple[float, Does], limit: float = 100.0) -> tuple[Limits, tuple[Step, ...]]:
    said = tuple(Step(at_percent=percent, does=does) for percent, does in steps)
    budget = Budget(name="b", scope=NODE, every=Every.DAY, limit=limit, unit="calls", steps=said)
    return Limits.of(budget), said


def judge(spent: float, *steps: tuple[float, Does], limit: float = 100.0, **said: Any) -> Verdict:
    known, sorted_steps = limits(*steps, limit=limit)
    words: dict[str, Any] = {"reserved": 0.0, "now": 1000.0, "since": 0.0, "until": 2000.0, **said}
    spending = Spending(spent=spent, **words)
    return decide(spending, limits=known, steps=sorted_steps, limit=limit)


REFUSE, SLOW, WARN = (100.0, Does.REFUSE), (80.0, Does.SLOW), (50.0, Does.WARN)


def test_calls_go_in_until_the_limit_and_not_beyond() -> None:
    assert judge(99, REFUSE).admits
    refused = judge(100, REFUSE)
    assert (refused.admits, refused.for_good, refused.again_s) == (False, True, 1000.0)
    assert refused.state is State.SPENT


def test_what_is_held_for_running_calls_stands_in_the_way_for_a_moment_only() -> None:
    refused = judge(90, REFUSE, reserved=10.0)
    assert (refused.admits, refused.for_good, refused.again_s) == (False, False, AGAIN_S)


def test_a_strict_budget_wants_the_whole_call_to_fit() -> None:
    assert judge(90, REFUSE, wanted=10.0).admits
    assert judge(90, REFUSE, wanted=11.0).for_good
    assert not judge(80, REFUSE, wanted=11.0, reserved=10.0).for_good


def test_a_limit_of_nothing_refuses_everything() -> None:
    assert judge(0, REFUSE, limit=0.0).for_good


def test_warnings_alone_let_everything_in() -> None:
    verdict = judge(1000, WARN)
    assert verdict.admits
    assert verdict.state is State.WARNED


def test_slowed_spreads_what_is_left_over_the_rest_of_the_time() -> None:
    # Slowed at 1000 with 80 spent: 20 are left for 1000 seconds, one in 50.
    said: dict[str, Any] = {"slowed_at": 1000.0}
    assert judge(79, SLOW, REFUSE, **said).admits
    assert judge(80, SLOW, REFUSE, **said).admits
    first = judge(81, SLOW, REFUSE, **said)
    assert (first.admits, first.again_s, first.for_good) == (False, 50.0, False)
    assert judge(81, SLOW, REFUSE, now=1050.0, **said).admits
    assert judge(90, SLOW, REFUSE, now=1499.0, **said).again_s == pytest.approx(1.0)
    assert judge(100, SLOW, REFUSE, now=1999.0, **said).for_good


@given(st.floats(0, 200), st.floats(0, 50), st.floats(0, 50), st.floats(0, 1999.9), st.booleans())
def test_never_in_beyond_the_limit(
    spent: float, reserved: float, wanted: float, now: float, slows: bool
) -> None:
    steps = (SLOW, REFUSE) if slows else (REFUSE,)
    verdict = judge(spent, *steps, reserved=reserved, wanted=wanted, now=now, slowed_at=0.0)
    if verdict.admits:
        assert spent + reserved < 100 or spent + reserved + wanted <= 100
        assert verdict.again_s <= 0
    else:
        assert 0 <= verdict.again_s <= 2000.0 - now


def test_steps_are_reached_in_order() -> None:
    _, steps = limits(REFUSE, WARN, SLOW)
    assert [step.at_percent for step in reached(80, steps=steps, limit=100)] == [50, 80]
    assert not reached(49.9, steps=steps, limit=100)


def test_a_day_of_utc_begins_at_midnight() -> None:
    assert period_of(0.0, Every.DAY, UTC).until == 24 * HOUR_S
