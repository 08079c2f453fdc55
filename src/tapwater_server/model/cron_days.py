"""Which days of a month a cron expression means: plain ones, and those that depend on the month."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass

SUNDAY = 0  # Weekdays are counted as cron does: 0 is Sunday, 6 is Saturday.


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOfMonth:
    """The third field. ``last`` is L, ``last_working`` LW, ``nearest_working`` the days of 15W."""

    days: frozenset[int] = frozenset()
    last: bool = False
    last_working: bool = False
    nearest_working: frozenset[int] = frozenset()
    star: bool = False  # it began with *, or was ?

    def matches(self, year: int, month: int) -> frozenset[int]:
        """Give the days of that month that it means."""
        length = calendar.monthrange(year, month)[1]
        found = {day for day in self.days if day <= length}
        if self.last:
            found.add(length)
        if self.last_working:
            found.add(_nearest_working(year, month, length))
        for day in self.nearest_working:
            if day <= length:
                found.add(_nearest_working(year, month, day))
        return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOfWeek:
    """The fifth field. ``last`` are the weekdays of 5L, ``nth`` pairs as in 5#2."""

    days: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()
    star: bool = False

    def matches(self, year: int, month: int) -> frozenset[int]:
        """Give the days of that month that fall on such weekdays."""
        return frozenset(self._matches(year, month))

    def _matches(self, year: int, month: int) -> Iterator[int]:
        first, length = calendar.monthrange(year, month)
        for day in range(1, length + 1):
            weekday = (first + day) % 7  # calendar counts from Monday
            if (
                weekday in self.days
                or (weekday in self.last and day + 7 > length)
                or (weekday, (day + 6) // 7) in self.nth
            ):
                yield day


def _nearest_working(year: int, month: int, day: int) -> int:
    """Find the day from Monday to Friday next to ``day``, without leaving the month."""
    length = calendar.monthrange(year, month)[1]
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < length else day - 2
    return day
