"""Schedule expressions: ``rate(5 minutes)``, ``cron(0 12 ? * MON-FRI *)``, ``at(…)``. Pure.

A cron expression of AWS has six fields: minutes, hours, day of month, month, day of week (1 is
Sunday), year; one of the two day fields is ``?``. It is read as one of ours, and a set of years.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from tapwater_server.model.cron import Times, next_after, parse

EXPRESSION_LENGTH_MAX = 256
YEAR_MIN, YEAR_MAX = 1970, 2199
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"rate\((\d{1,8}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = re.compile(r"(\*|\d{4})(?:-(\d{4}))?(?:/(\d{1,4}))?")

NextAfter = Callable[[float], float | None]


class BadExpression(ValueError):
    """This says no times; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Every so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Times on the clock, in some years."""

    times: Times
    years: frozenset[int] | None  # None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One time, as the clock in some zone shows it."""

    wall: datetime


Expression = Rate | Calendar | Once


def read_expression(text: str, *, once: bool = False) -> Expression:
    """Read an expression; ``once``: at() is one, too.

    >>> read_expression("rate(5 minutes)")
    Rate(seconds=300)

    Raises:
        BadExpression: it is none.
    """
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise BadExpression("it is too long")
    if rate := _RATE.fullmatch(text):
        return _rate(int(rate[1]), rate[2], plural=bool(rate[3]))
    if cron := _CRON.fullmatch(text):
        return _calendar(cron[1])
    if once and (at := _AT.fullmatch(text)):
        return _once(at[1])
    raise BadExpression("it is neither rate(…) nor cron(…)" + (", nor at(…)" if once else ""))


def _rate(value: int, unit: str, *, plural: bool) -> Rate:
    if value < 1 or plural != (value > 1):
        raise BadExpression("a rate is 1 minute, 2 minutes, and so on")
    return Rate(seconds=value * _UNITS[unit])


def _once(text: str) -> Once:
    try:
        return Once(wall=datetime.fromisoformat(text))
    except ValueError:
        raise BadExpression(f"{text} is no time") from None


def _calendar(text: str) -> Calendar:
    fields = text.upper().split()
    if len(fields) != 6:
        raise BadExpression("a cron expression has six fields")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise BadExpression("one of the two day fields is ?, and the other one is not")
    try:
        times = parse(f"{minutes} {hours} {days} {months} {_weekdays(weekdays)}")
    except ValueError as error:
        raise BadExpression(str(error)) from None
    return Calendar(times=times, years=_years(years))


def _weekdays(text: str) -> str:
    """Write the days of the week as we do, where Sunday is 0."""
    if text in {"?", "*"}:
        return text
    return ",".join(_weekday_piece(piece) for piece in text.split(","))


def _weekday_piece(piece: str) -> str:
    if piece == "L":
        return "SAT"
    if piece.endswith("L"):
        return f"{_day(piece[:-1])}L"
    if "#" in piece:
        day, _, number = piece.partition("#")
        return f"{_day(day)}#{number}"
    span, _, step = piece.partition("/")
    first, dash, last = span.partition("-")
    low = 0 if first == "*" else _day(first)
    high = _day(last) if dash else (6 if step or first == "*" else low)
    width = int(step) if step.isdigit() and int(step) else (1 if not step else 0)
    if not width:
        raise BadExpression(f"{piece} is no day of the week")
    length = (high - low) % 7
    return ",".join(str((low + days) % 7) for days in range(0, length + 1, width))


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and 1 <= int(text) <= 7:
        return int(text) - 1
    raise BadExpression(f"{text} is no day of the week: it goes from 1 to 7, or SUN to SAT")


def _years(text: str) -> frozenset[int] | None:
    if text == "*":
        return None
    found = set[int]()
    for piece in text.split(","):
        match = _YEARS.fullmatch(piece)
        if match is None:
            raise BadExpression(f"{piece} is no year")
        first, last, step = match.groups()
        low = YEAR_MIN if first == "*" else int(first)
        high = int(last) if last else (YEAR_MAX if step or first == "*" else low)
        if not YEAR_MIN <= low <= high <= YEAR_MAX:
            raise BadExpression(f"years go from {YEAR_MIN} to {YEAR_MAX}")
        found.update(range(low, high + 1, max(1, int(step or 1))))
    return frozenset(found)


def follower(
    expression: Expression,
    zone: tzinfo,
    *,
    since: float,
    first_at_once: bool = False,
    until: float | None = None,
) -> NextAfter:
    """Make what says when something is due next. A rate counts from ``since``, and begins there
    only with ``first_at_once``; nothing is due after ``until``.
    """

    def next_due(at: float) -> float | None:
        due = _next(expression, zone, max(at, since - 1), since, first=0 if first_at_once else 1)
        return due if due is None or until is None or due <= until else None

    return next_due


def _next(
    expression: Expression, zone: tzinfo, at: float, since: float, *, first: int
) -> float | None:
    match expression:
        case Rate(seconds=seconds):
            count = max(first, int((at - since) // seconds) + 1)
            return since + count * seconds
        case Once(wall=wall):
            due = wall.replace(tzinfo=zone).timestamp()
            return due if due > at else None
        case Calendar(times=times, years=years):
            return _next_in(times, years, zone, at)


def _next_in(times: Times, years: frozenset[int] | None, zone: tzinfo, at: float) -> float | None:
    due = next_after(times, at, zone)
    while due is not None and years is not None:
        year = datetime.fromtimestamp(due, zone).year
        if year in years:
            break
        later = min((one for one in years if one > year), default=None)
        if later is None:
            return None
        due = next_after(times, datetime(later, 1, 1, tzinfo=zone).timestamp() - 1, zone)
    return due


def moment_of(once: Once, zone: tzinfo = UTC) -> float:
    """Say which moment at() means.

    >>> moment_of(Once(wall=datetime(1970, 1, 1, 0, 1)))
    60.0
    """
    return once.wall.replace(tzinfo=zone).timestamp()
