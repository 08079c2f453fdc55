"""When schedules are due: fields, calendars, and clocks that change."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapwater_server.model.cron import Times, next_after, parse, zone_named
from tapwater_server.model.cron_fields import Cron

NO_CHANGE = "Asia/Tokyo"


def times(text: str, zone: str, since: str, count: int) -> list[str]:
    """List what is due after a time on the wall, as times on the wall with their offsets."""
    where = zone_named(zone)
    at: float | None = datetime.fromisoformat(since).replace(tzinfo=where).timestamp()
    found = []
    for _ in range(count):
        assert at is not None
        at = next_after(parse(text), at, where)
        if at is not None:
            found.append(datetime.fromtimestamp(at, where).isoformat(sep=" "))
    return found


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("30 9 * * *", ["2027-01-02 09:30:00+09:00", "2027-01-03 09:30:00+09:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00:00+09:00", "2032-02-29 00:00:00+09:00"]),
        ("0 12 31 * *", ["2027-01-31 12:00:00+09:00", "2027-03-31 12:00:00+09:00"]),
        ("0 12 l * *", ["2027-01-31 12:00:00+09:00", "2027-02-28 12:00:00+09:00"]),
        ("0 12 LW * *", ["2027-01-29 12:00:00+09:00", "2027-02-26 12:00:00+09:00"]),
        ("0 12 2W * *", ["2027-02-02 12:00:00+09:00", "2027-03-02 12:00:00+09:00"]),
        ("0 12 1W 5 *", ["2027-05-03 12:00:00+09:00", "2028-05-01 12:00:00+09:00"]),
        ("0 12 * * 5L", ["2027-01-29 12:00:00+09:00", "2027-02-26 12:00:00+09:00"]),
        ("0 12 * * mon#2", ["2027-01-11 12:00:00+09:00", "2027-02-08 12:00:00+09:00"]),
        ("0 12 ? * SUN", ["2027-01-03 12:00:00+09:00", "2027-01-10 12:00:00+09:00"]),
        ("0 12 * * 7", ["2027-01-03 12:00:00+09:00", "2027-01-10 12:00:00+09:00"]),
        ("0 12 * * fri-sun", ["2027-01-02 12:00:00+09:00", "2027-01-03 12:00:00+09:00"]),
        ("0 0 13 * 5", ["2027-01-08 00:00:00+09:00", "2027-01-13 00:00:00+09:00"]),
        ("0 0 */2 * 1", ["2027-01-11 00:00:00+09:00", "2027-01-25 00:00:00+09:00"]),
        ("*/20 8-9 * jan,jul 1-5", ["2027-01-04 08:00:00+09:00", "2027-01-04 08:20:00+09:00"]),
        ("15 30 9 * * *", ["2027-01-02 09:30:15+09:00", "2027-01-03 09:30:15+09:00"]),
        ("5/25 * * * *", ["2027-01-01 12:05:00+09:00", "2027-01-01 12:30:00+09:00"]),
        ("@hourly", ["2027-01-01 13:00:00+09:00", "2027-01-01 14:00:00+09:00"]),
        ("@Weekly", ["2027-01-03 00:00:00+09:00", "2027-01-10 00:00:00+09:00"]),
        ("@yearly", ["2028-01-01 00:00:00+09:00", "2029-01-01 00:00:00+09:00"]),
        ("every 10m", ["2027-01-01 12:10:00+09:00", "2027-01-01 12:20:00+09:00"]),
        ("every 1d", ["2027-01-02 09:00:00+09:00", "2027-01-03 09:00:00+09:00"]),
    ],
)
def test_a_schedule_is_due(text: str, due: list[str]) -> None:
    assert times(text, NO_CHANGE, "2027-01-01 12:00:00", 2) == due


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a schedule"),
        ("* * * *", "is not a schedule"),
        ("60 * * * *", "'60' is not a minute: it goes from 0 to 59"),
        ("* 24 * * *", "'24' is not a hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * foo *", "'foo' is not a month: it goes from 1 to 12, or jan to dec"),
        ("* * * * 8", "day of the week"),
        ("*/0 * * * *", "step of 0"),
        ("30-10 * * * *", "goes backwards"),
        ("1,,2 * * * *", "'' is not a minute"),
        ("*-5 * * * *", "is not a minute"),
        ("* * * * 1#6", "after # comes 1 to 5"),
        ("* * W * *", "day of the month"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30W 2 *", "never comes"),
        ("@often", "is not one of @yearly"),
        ("@reboot", "is not one of"),
        ("every 0s", "from 1 second to 366 days"),
        ("every 500d", "from 1 second to 366 days"),
        ("every now and then", "is not an interval"),
        ("٣ * * * *", "ASCII"),
        ("*" * 300, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        parse(text)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["", "Europe", "Mars/Phobos", "../../etc/passwd", "/etc", "a\0b"])
def test_only_real_zones(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        zone_named(name)


@pytest.mark.parametrize(
    ("text", "zone", "since", "due"),
    [
        # Berlin, 28 March 2027: 02:00 to 03:00 does not exist.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2027-03-27 12:00",
            ["2027-03-28 03:00:00+02:00", "2027-03-29 02:30:00+02:00"],
        ),
        (
            "*/20 2 * * *",
            "Europe/Berlin",
            "2027-03-28 00:00",
            ["2027-03-28 03:00:00+02:00", "2027-03-29 02:00:00+02:00"],
        ),
        (
            "30 1-3 * * *",
            "Europe/Berlin",
            "2027-03-28 00:00",
            [
                "2027-03-28 01:30:00+01:00",
                "2027-03-28 03:00:00+02:00",
                "2027-03-28 03:30:00+02:00",
            ],
        ),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2027-03-28 00:30",
            [
                "2027-03-28 01:00:00+01:00",
                "2027-03-28 03:00:00+02:00",
                "2027-03-28 04:00:00+02:00",
            ],
        ),
        # Berlin, 31 October 2027: 02:00 to 03:00 comes twice.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2027-10-30 12:00",
            ["2027-10-31 02:30:00+02:00", "2027-11-01 02:30:00+01:00"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2027-10-31 01:45",
            [
                "2027-10-31 02:00:00+02:00",
                "2027-10-31 02:30:00+02:00",
                "2027-10-31 02:00:00+01:00",
                "2027-10-31 02:30:00+01:00",
                "2027-10-31 03:00:00+01:00",
            ],
        ),
        # New York, 14 March and 7 November 2027.
        (
            "15 2 * * 0",
            "America/New_York",
            "2027-03-14 00:00",
            ["2027-03-14 03:00:00-04:00", "2027-03-21 02:15:00-04:00"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2027-11-07 00:00",
            ["2027-11-07 01:30:00-04:00", "2027-11-08 01:30:00-05:00"],
        ),
        (
            "15 */1 * * *",
            "America/New_York",
            "2027-11-07 00:30",
            [
                "2027-11-07 01:15:00-04:00",
                "2027-11-07 01:15:00-05:00",
                "2027-11-07 02:15:00-05:00",
            ],
        ),
        # Lord Howe changes by half an hour: 3 October and 4 April 2027.
        (
            "0,30 2 * * *",
            "Australia/Lord_Howe",
            "2027-10-03 00:00",
            ["2027-10-03 02:30:00+11:00", "2027-10-04 02:00:00+11:00"],
        ),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2027-04-04 00:00",
            ["2027-04-04 01:45:00+11:00", "2027-04-05 01:45:00+10:30"],
        ),
        (
            "*/15 * * * *",
            "Australia/Lord_Howe",
            "2027-04-04 01:20",
            [
                "2027-04-04 01:30:00+11:00",
                "2027-04-04 01:45:00+11:00",
                "2027-04-04 01:30:00+10:30",
                "2027-04-04 01:45:00+10:30",
                "2027-04-04 02:00:00+10:30",
            ],
        ),
        # Havana changes at midnight: the day begins at one.
        (
            "0 0 * * *",
            "America/Havana",
            "2027-03-13 12:00",
            ["2027-03-14 01:00:00-04:00", "2027-03-15 00:00:00-04:00"],
        ),
        # Apia had no 30 December 2011 at all.
        (
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29 00:00",
            ["2011-12-29 12:00:00-10:00", "2011-12-31 00:00:00+14:00"],
        ),
        ("0 2 * * *", NO_CHANGE, "2027-03-28 00:00", ["2027-03-28 02:00:00+09:00"]),
    ],
)
def test_clocks_change(text: str, zone: str, since: str, due: list[str]) -> None:
    assert times(text, zone, since, len(due)) == due


def fits(cron: Cron, wall: datetime) -> bool:
    """Judge one time on the wall by itself, field by field."""
    weekday = (wall.weekday() + 1) % 7 in cron.weekdays.days
    day = wall.day in cron.days.days
    either = (day and weekday) if cron.days.star or cron.weekdays.star else (day or weekday)
    return either and wall.minute in cron.minutes and wall.hour in cron.hours


def flowing(cron: Times, zone: str, since: int, minutes: int) -> Iterator[float]:
    assert isinstance(cron, Cron)
    for at in range(since + 60, since + 60 * (minutes + 1), 60):
        if fits(cron, datetime.fromtimestamp(at, zone_named(zone))):
            yield float(at)


def fixed(cron: Times, zone: str, since: int, minutes: int) -> Iterator[float]:
    """Read the wall minute by minute: each time once, and what was jumped over at once."""
    assert isinstance(cron, Cron)
    where = zone_named(zone)
    seen = datetime.fromtimestamp(since, where).replace(tzinfo=None, fold=0)
    for at in range(since + 60, since + 60 * (minutes + 1), 60):
        wall = datetime.fromtimestamp(at, where).replace(tzinfo=None, fold=0)
        due = False
        while seen < wall:
            seen = datetime.fromtimestamp(seen.replace(tzinfo=UTC).timestamp() + 60, UTC)
            seen = seen.replace(tzinfo=None)
            due = due or fits(cron, seen)
        if due:
            yield float(at)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        number.map(str),
        st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}"),
        st.tuples(number, number).map(lambda two: f"{two[0]},{two[1]}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.just("*"),
    )


@settings(max_examples=60, deadline=None)
@given(
    minute=st.sampled_from(["0", "*/7", "15,45", "*", "3-50/9"]),
    hour=field(0, 4),
    weekday=st.sampled_from(["*", "0", "1-5", "0,6"]),
    where=st.sampled_from(
        [
            ("Europe/Berlin", "2027-03-27T23:00+00:00"),
            ("Europe/Berlin", "2027-10-30T21:30+00:00"),
            ("America/New_York", "2027-03-14T05:00+00:00"),
            ("America/New_York", "2027-11-07T03:00+00:00"),
            ("Australia/Lord_Howe", "2027-10-02T13:00+00:00"),
            ("Australia/Lord_Howe", "2027-04-03T13:00+00:00"),
            ("America/Havana", "2027-11-07T02:00+00:00"),
            (NO_CHANGE, "2027-03-27T15:00+00:00"),
        ]
    ),
)
def test_it_agrees_with_reading_the_wall_minute_by_minute(
    minute: str, hour: str, weekday: str, where: tuple[str, str]
) -> None:
    zone, begin = where
    since, minutes = int(datetime.fromisoformat(begin).timestamp()), 7 * 60
    cron = parse(f"{minute} {hour} * * {weekday}")
    assert isinstance(cron, Cron)
    expected = list((flowing if cron.flows else fixed)(cron, zone, since, minutes))
    at: float | None = float(since)
    found = []
    while at is not None and at <= since + minutes * 60:
        at = next_after(cron, at, zone_named(zone))
        if at is not None and at <= since + minutes * 60:
            found.append(at)
    assert found == expected


def test_the_end_of_time_is_no_error() -> None:
    assert next_after(parse("0 0 * * *"), 253_402_300_000.0, zone_named("UTC")) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        parse(text)
