"""A month of a bill: which it is, when it begins and ends (UTC). Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from tapwater_server.model.errors import Invalid

_FORM = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """``name`` is "2026-11"; it lasts from ``since`` up to ``until``, seconds since the epoch."""

    name: str
    since: float
    until: float

    @property
    def before(self) -> str:
        """The name of the month before."""
        return datetime.fromtimestamp(self.since - 1, UTC).strftime("%Y-%m")

    @property
    def after(self) -> str:
        """The name of the month after."""
        return datetime.fromtimestamp(self.until, UTC).strftime("%Y-%m")


def month_at(now: float) -> Month:
    """Give the month that a moment is in.

    >>> month_at(0).name
    '1970-01'
    """
    at = datetime.fromtimestamp(now, UTC)
    return _month(at.year, at.month)


def read_month(text: str) -> Month:
    """Read a month.

    >>> read_month("2026-12").after
    '2027-01'

    Raises:
        Invalid: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise Invalid(f"{text[:20]!r} is not a month: write 2026-11")
    return _month(int(found[1]), int(found[2]))


def _month(year: int, month: int) -> Month:
    began = datetime(year, month, 1, tzinfo=UTC)
    ended = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Month(name=began.strftime("%Y-%m"), since=began.timestamp(), until=ended.timestamp())
