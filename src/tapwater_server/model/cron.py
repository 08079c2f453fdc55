"""When a schedule is due: cron expressions and intervals, in time zones that change their clocks.

Five fields (minute, hour, day of month, month, day of week), or six with seconds first; names,
ranges, steps, lists, ``L``, ``LW``, ``15W``, ``5L``, ``5#2``, ``?``; ``@hourly`` and the like; and
``every 5m``. Where both day fields say something, either is enough, as in every cron since 1987.

What happens when clocks change is one rule with two halves:

* The hour field begins with ``*``: the schedule means real time. It runs through both passes of
  an hour that comes twice, and not at times that do not exist.
* Any other hour field means what the clock on the wall says, once: a time that comes twice is
  due the first time only; times that do not exist are due, together, the moment the gap ends.

``every`` counts seconds since the epoch, so it knows nothing of clocks on walls.
"""

import math
import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from tapwater_server.model.cron_fields import Cron, read_fields

TEXT_LENGTH_MAX = 200
YEARS_MAX = 40  # From one 29 February that is a Monday to the next, with 2100 in between.
EVERY_S_MIN = 1
EVERY_S_MAX = 366 * 86_400
_MONTHS_IN_A_YEAR = 12
_DAYS_MAX, _WEEKDAYS = 31, 7
_SECOND = timedelta(seconds=1)
_WHOLE_DAY = (0, 0, 0)

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EVERY = re.compile(r"every\s+((?:\d{1,8}[smhd])+)")
_EVERY_PART = re.compile(r"(\d+)([smhd])")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """An interval, counted from the epoch: ``every 1h`` is due at each full hour of UTC."""

    text: str
    seconds: int


Times = Cron | Every


def parse(text: str) -> Times:
    """Read when something is due.

    >>> parse("*/15 9-17 * * mon-fri").minutes
    (0, 15, 30, 45)
    >>> parse("every 1h30m").seconds
    5400

    Raises:
        ValueError: it is no such text; the message says what is wrong with it.
    """
    said = " ".join(text.split())
    if len(text) > TEXT_LENGTH_MAX or not said.isascii():
        raise ValueError(f"a schedule is ASCII text of at most {TEXT_LENGTH_MAX} characters")
    lower = said.lower()
    if lower.startswith("every"):
        return _parse_every(lower)
    if lower.startswith("@"):
        if lower not in NICKNAMES:
            raise ValueError(f"{said!r} is not one of {', '.join(NICKNAMES)}")
        lower = NICKNAMES[lower]
    cron = read_fields(said, lower.split(" "))
    if _next_wall(cron, datetime(2000, 1, 1)) is None:
        raise ValueError(f"{said!r} never comes: no such day exists")
    return cron


def zone_named(name: str) -> ZoneInfo:
    """Find a time zone of the IANA database.

    Raises:
        ValueError: there is none of that name.
    """
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # OSError: "Europe" is a folder
            pass
    raise ValueError(f"there is no time zone {name[:64]!r}: write one like Europe/Berlin or UTC")


def next_after(times: Times, at: float, zone: tzinfo) -> float | None:
    """Say when it is due next, strictly after ``at`` (seconds since the epoch, as the answer is).

    >>> berlin = zone_named("Europe/Berlin")
    >>> next_after(parse("30 2 * * *"), 1_774_738_800.0, berlin)  # 29 March: there is no 02:30
    1774746000.0
    """
    if isinstance(times, Every):
        return float((math.floor(at / times.seconds) + 1) * times.seconds)
    whole = math.floor(at)
    try:
        return _next_flowing(times, whole, zone) if times.flows else _next_fixed(times, whole, zone)
    except (OverflowError, ValueError):
        return None  # beyond the year 9999, or before the year 1


def _next_fixed(cron: Cron, at: int, zone: tzinfo) -> float | None:
    """Each time on the wall counts once. Moments rise with times on the wall, so walk those."""
    wall: datetime | None = _wall(at, zone)
    while wall is not None:
        wall = _next_wall(cron, wall)
        if wall is None:
            return None
        moment = _moment(wall, zone)
        if not _exists(wall, zone):
            moment = _end_of_gap(wall, zone)
        if moment > at:
            return float(moment)
    return None


def _next_flowing(cron: Cron, at: int, zone: tzinfo) -> float | None:
    """Each moment counts whose time on the wall fits."""
    wall = _wall(at, zone)
    back = _moment(wall.replace(fold=1), zone) - _moment(wall.replace(fold=0), zone)
    if back > 0 and wall.fold == 0:  # This time on the wall will come again.
        turn = _turn(at, at + back, zone)
        found = _first_fitting(cron, wall, at, zone)
        if found is not None and found < turn:
            return float(found)
        return _first_fitting(cron, _wall(turn, zone) - _SECOND, turn - 1, zone)
    return _first_fitting(cron, wall, at, zone)


def _first_fitting(cron: Cron, wall: datetime, after: int, zone: tzinfo) -> float | None:
    """Find the first existing moment after ``after`` whose time on the wall is after ``wall``."""
    fitting = _next_wall(cron, wall)
    while fitting is not None:
        if _exists(fitting, zone):
            for fold in (0, 1):
                moment = _moment(fitting.replace(fold=fold), zone)
                if moment > after:
                    return float(moment)
        fitting = _next_wall(cron, fitting)
    return None


def _wall(at: int, zone: tzinfo) -> datetime:
    """Give what the clock shows: naive, with ``fold`` set in the second pass of an hour."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None)


def _moment(wall: datetime, zone: tzinfo) -> int:
    return int(wall.replace(tzinfo=zone).timestamp())


def _exists(wall: datetime, zone: tzinfo) -> bool:
    return _wall(_moment(wall.replace(fold=0), zone), zone).replace(fold=0) == wall.replace(fold=0)


def _end_of_gap(wall: datetime, zone: tzinfo) -> int:
    """Find the moment at which the clock jumped over ``wall``.

    With fold 1 a time in a gap is read by the new offset, which is before the jump; with fold 0
    by the old one, which is after it.
    """
    before = _moment(wall.replace(fold=1), zone)
    after = _moment(wall.replace(fold=0), zone)
    return _turn(before, after, zone)


def _turn(before: int, after: int, zone: tzinfo) -> int:
    """Find the first second with the later one's offset."""
    new = _offset(after, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == new:
            after = middle
        else:
            before = middle
    return after


def _offset(at: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()


def _next_wall(cron: Cron, wall: datetime) -> datetime | None:
    """Find the next fitting time, as if clocks never changed."""
    start = (wall + _SECOND).replace(fold=0)
    first = start.year * _MONTHS_IN_A_YEAR + start.month - 1
    for number in range(first, first + YEARS_MAX * _MONTHS_IN_A_YEAR):
        year, month = number // _MONTHS_IN_A_YEAR, number % _MONTHS_IN_A_YEAR + 1
        if month not in cron.months:
            continue
        today = start.day if number == first else 0
        for day in _days(cron, year, month):
            if day < today:
                continue
            low = (start.hour, start.minute, start.second) if day == today else _WHOLE_DAY
            time = _next_time(cron, low)
            if time is not None:
                return datetime(year, month, day, *time)
    return None


def _days(cron: Cron, year: int, month: int) -> Sequence[int]:
    """Both day fields must fit if one begins with a star; else either is enough."""
    if len(cron.days.days) == _DAYS_MAX and len(cron.weekdays.days) == _WEEKDAYS:
        return range(1, monthrange(year, month)[1] + 1)  # Nearly always: any day.
    of_month, of_week = cron.days.matches(year, month), cron.weekdays.matches(year, month)
    if cron.days.star or cron.weekdays.star:
        return sorted(of_month & of_week)
    return sorted(of_month | of_week)


def _next_time(cron: Cron, low: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Find the first time of day that fits and is not before ``low``."""
    hour, minute, second = low
    if hour in cron.hours:
        if minute in cron.minutes:
            at = bisect_left(cron.seconds, second)
            if at < len(cron.seconds):
                return hour, minute, cron.seconds[at]
        at = bisect_left(cron.minutes, minute + 1)
        if at < len(cron.minutes):
            return hour, cron.minutes[at], cron.seconds[0]
    at = bisect_left(cron.hours, hour + (hour in cron.hours))
    if at < len(cron.hours):
        return cron.hours[at], cron.minutes[0], cron.seconds[0]
    return None


def _parse_every(text: str) -> Every:
    match = _EVERY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an interval: write one like every 5m or every 1h30m")
    parts = _EVERY_PART.findall(match[1])
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not EVERY_S_MIN <= seconds <= EVERY_S_MAX:
        raise ValueError("an interval is from 1 second to 366 days")
    return Every(text=text, seconds=seconds)
