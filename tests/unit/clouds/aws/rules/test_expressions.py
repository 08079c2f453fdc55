"""Schedule expressions of AWS: when they are due, in which zone, and what is none."""

from datetime import UTC, datetime, tzinfo

import pytest

from tapwater_server.clouds.aws.rules.expressions import (
    BadExpression,
    follower,
    read_expression,
)
from tapwater_server.model.cron import zone_named

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC).timestamp()  # A Friday.


def dues(text: str, *, count: int = 3, zone: tzinfo = UTC, **more: float) -> list[str]:
    """List the first times after New Year's of 2027, as UTC."""
    since = more.pop("since", NEW_YEAR)
    following = follower(
        read_expression(text, once=True),
        zone,
        since=since,
        first_at_once=bool(more.pop("first", 0)),
        until=more.pop("until", None),
    )
    at: float | None = more.pop("after", NEW_YEAR)
    found: list[str] = []
    while len(found) < count:
        assert at is not None
        at = following(at)
        if at is None:
            break
        found.append(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("cron(15 10 * * ? *)", ["2027-01-01 10:15:00", "2027-01-02 10:15:00"]),
        ("cron(0 18 ? * MON-FRI *)", ["2027-01-01 18:00:00", "2027-01-04 18:00:00"]),
        ("cron(0 8 1 * ? *)", ["2027-01-01 08:00:00", "2027-02-01 08:00:00"]),
        ("cron(0/15 * * * ? *)", ["2027-01-01 00:15:00", "2027-01-01 00:30:00"]),
        ("cron(0 0 ? * 1 *)", ["2027-01-03 00:00:00", "2027-01-10 00:00:00"]),  # Sunday is 1
        ("cron(0 0 ? * 7 *)", ["2027-01-02 00:00:00", "2027-01-09 00:00:00"]),
        ("cron(0 0 ? * L *)", ["2027-01-02 00:00:00", "2027-01-09 00:00:00"]),
        ("cron(0 0 ? * 6L *)", ["2027-01-29 00:00:00", "2027-02-26 00:00:00"]),  # last Friday
        ("cron(0 0 ? * 3#2 *)", ["2027-01-12 00:00:00", "2027-02-09 00:00:00"]),  # 2nd Tuesday
        ("cron(0 0 ? * FRI-MON *)", ["2027-01-02 00:00:00", "2027-01-03 00:00:00"]),
        ("cron(0 0 ? * 2/2 *)", ["2027-01-04 00:00:00", "2027-01-06 00:00:00"]),
        ("cron(0 0 L * ? *)", ["2027-01-31 00:00:00", "2027-02-28 00:00:00"]),
        ("cron(0 0 3W * ? *)", ["2027-01-04 00:00:00", "2027-02-03 00:00:00"]),
        ("cron(0 0 1 1 ? 2029)", ["2029-01-01 00:00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("cron(30 5 4 7 ? 2028-2030/2)", ["2028-07-04 05:30:00", "2030-07-04 05:30:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
        ("rate(1 minute)", ["2027-01-01 00:01:00", "2027-01-01 00:02:00"]),
        ("rate(12 hours)", ["2027-01-01 12:00:00", "2027-01-02 00:00:00"]),
        ("rate(7 days)", ["2027-01-08 00:00:00", "2027-01-15 00:00:00"]),
        ("at(2027-03-01T09:00:00)", ["2027-03-01 09:00:00"]),
        ("at(2026-03-01T09:00:00)", []),
    ],
)
def test_when_it_is_due(text: str, first: list[str]) -> None:
    assert dues(text, count=2) == first


def test_the_clock_of_a_zone_counts() -> None:
    berlin = zone_named("Europe/Berlin")
    assert dues("cron(0 9 ? * * *)", zone=berlin, count=1) == ["2027-01-01 08:00:00"]
    assert dues("at(2027-07-01T09:00:00)", zone=berlin, count=1) == ["2027-07-01 07:00:00"]


def test_a_rate_counts_from_when_it_was_said_and_can_begin_there() -> None:
    since = NEW_YEAR + 40
    assert dues("rate(1 minute)", since=since, count=1) == ["2027-01-01 00:01:40"]
    assert dues("rate(1 minute)", since=since, count=2, first=1) == [
        "2027-01-01 00:00:40",
        "2027-01-01 00:01:40",
    ]


def test_nothing_is_due_after_the_end() -> None:
    assert dues("rate(1 minute)", until=NEW_YEAR + 130) == [
        "2027-01-01 00:01:00",
        "2027-01-01 00:02:00",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(5 seconds)",
        "rate(5)",
        "cron(* * * * *)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(61 * * * ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * MON/0 *)",
        "cron(0 0 ? * 3#6 *)",
        "cron(0 0 30 2 ? *)",
        "cron(0 0 1 1 ? 1900)",
        "cron(0 0 1 1 ? x)",
        "at(2027-13-01T00:00:00)",
        "at(tomorrow)",
        "cron(" + "0," * 300 + "0 0 1 1 ? *)",
    ],
)
def test_what_says_no_times_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        read_expression(text, once=True)


def test_rules_know_no_single_times() -> None:
    with pytest.raises(BadExpression):
        read_expression("at(2027-01-01T00:00:00)")
