"""The day or month that a moment lies in, by the clock of a time zone. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from tapwater_server.model.budget import Every

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From ``since`` up to, and without, ``until``; both seconds since the epoch."""

    since: float
    until: float

    def holds(self, at: float) -> bool:
        return self.since <= at < self.until


def period_of(at: float, every: Every, zone: tzinfo) -> Period:
    """Give the period around a moment.

    Sums are kept by the hour, so that a period begins with a whole hour of UTC: where a zone's
    midnight lies within one (Kathmandu, Kolkata), it begins with that hour.

    >>> from datetime import UTC
    >>> period_of(1_800_000_000.0, Every.DAY, UTC)
    Period(since=1799971200.0, until=1800057600.0)
    """
    day = datetime.fromtimestamp(at, zone).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0
    )
    begins = day if every is Every.DAY else day.replace(day=1)
    found = Period(since=_at(begins, zone), until=_at(_next(begins, every), zone))
    if at >= found.until:  # In the rest of an hour that belongs to the next one already.
        begins = _next(begins, every)
        return Period(since=found.until, until=_at(_next(begins, every), zone))
    return found


def _next(begins: datetime, every: Every) -> datetime:
    if every is Every.DAY:
        return begins + timedelta(days=1)
    return (begins.replace(day=28) + timedelta(days=4)).replace(day=1)


def _at(begins: datetime, zone: tzinfo) -> float:
    """When it begins, by the epoch. A midnight that is skipped is the moment after the gap."""
    moment = begins.replace(tzinfo=zone).timestamp()
    return moment // HOUR_S * HOUR_S
