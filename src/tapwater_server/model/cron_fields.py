"""What the five or six fields of a cron expression say. Pure."""

import re
from dataclasses import dataclass

from tapwater_server.model.cron_days import DaysOfMonth, DaysOfWeek

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PIECE = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d{1,4}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed expression; the tuples are sorted."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: DaysOfMonth
    months: tuple[int, ...]
    weekdays: DaysOfWeek
    flows: bool  # the hour field begins with *


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: what it is called in a complaint, its bounds, the names it knows."""

    says: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    names_from: int = 0


_SECONDS = _Field("second", 0, 59)
_MINUTES = _Field("minute", 0, 59)
_HOURS = _Field("hour", 0, 23)
_DAYS = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS, 1)
_WEEKDAY = _Field("day of the week", 0, 7, _WEEKDAYS)


def read_fields(text: str, fields: list[str]) -> Cron:
    """Read fields in lower case; ``text`` is what the user wrote.

    Raises:
        ValueError: a field is wrong; the message names what in it.
    """
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise ValueError(
            f"{text!r} is not a schedule: write minute, hour, day of month, month and day of "
            "week (with seconds before them, if you need those), @daily, or every 5m"
        )
    second, minute, hour, day, month, weekday = fields
    return Cron(
        text=text,
        seconds=tuple(sorted(_numbers(_SECONDS, second))),
        minutes=tuple(sorted(_numbers(_MINUTES, minute))),
        hours=tuple(sorted(_numbers(_HOURS, hour))),
        days=_days_of_month(day),
        months=tuple(sorted(_numbers(_MONTH, month))),
        weekdays=_days_of_week(weekday),
        flows=hour.startswith("*"),
    )


def _days_of_month(text: str) -> DaysOfMonth:
    star = text.startswith("*") or text == "?"
    pieces = ["*"] if text == "?" else text.split(",")
    nearest = {piece[:-1] for piece in pieces if piece != "lw" and piece.endswith("w")}
    plain = [piece for piece in pieces if piece not in {"l", "lw"} and not piece.endswith("w")]
    return DaysOfMonth(
        days=_numbers(_DAYS, ",".join(plain)) if plain else frozenset(),
        last="l" in pieces,
        last_working="lw" in pieces,
        nearest_working=frozenset(_number(_DAYS, piece) for piece in nearest),
        star=star,
    )


def _days_of_week(text: str) -> DaysOfWeek:
    star = text.startswith("*") or text == "?"
    pieces = ["*"] if text == "?" else text.split(",")
    last = [piece[:-1] for piece in pieces if piece.endswith("l") and piece != "l"]
    nth = [piece for piece in pieces if "#" in piece]
    plain = [piece for piece in pieces if "#" not in piece and not piece.endswith("l")]
    if "l" in pieces:
        plain.append("sat")  # As in Quartz: the last day of a week that begins on Sunday.
    days = _numbers(_WEEKDAY, ",".join(plain)) if plain else frozenset()
    return DaysOfWeek(
        days=frozenset(day % 7 for day in days),
        last=frozenset(_number(_WEEKDAY, piece) % 7 for piece in last),
        nth=frozenset(_nth(piece) for piece in nth),
        star=star,
    )


def _nth(piece: str) -> tuple[int, int]:
    weekday, _, number = piece.partition("#")
    if number not in {"1", "2", "3", "4", "5"}:
        raise ValueError(f"{piece!r} is not a day of the week: after # comes 1 to 5")
    return _number(_WEEKDAY, weekday) % 7, int(number)


def _numbers(field: _Field, text: str) -> frozenset[int]:
    """Read a list of numbers, names, ranges and steps."""
    found: set[int] = set()
    for piece in text.split(","):
        match = _PIECE.fullmatch(piece)
        if match is None:
            raise ValueError(f"{piece!r} is not a {field.says}")
        first, last, step = match.groups()
        found.update(_range(field, piece, first, last, step))
    return frozenset(found)


def _range(field: _Field, piece: str, first: str, last: str | None, step: str | None) -> range:
    if first == "*":
        if last is not None:
            raise ValueError(f"{piece!r} is not a {field.says}")
        low, high = field.low, field.high - (field is _WEEKDAY)
    else:
        low = _number(field, first)
        high = _number(field, last) if last is not None else (field.high if step else low)
    if field is _WEEKDAY and last is not None and high == 0 < low:
        high = 7  # fri-sun
    if high < low:
        raise ValueError(f"{piece!r} goes backwards: write two ranges with a comma instead")
    width = int(step) if step is not None else 1
    if width < 1:
        raise ValueError(f"{piece!r} has a step of 0")
    return range(low, high + 1, width)


def _number(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.names_from
    if not text.isdigit() or len(text) > 2 or not field.low <= int(text) <= field.high:
        raise ValueError(
            f"{text!r} is not a {field.says}: it goes from {field.low} to {field.high}"
            + (f", or {field.names[0]} to {field.names[-1]}" if field.names else "")
        )
    return int(text)
