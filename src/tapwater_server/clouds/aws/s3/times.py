"""Moments as S3 writes and reads them. Pure."""

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from math import ceil


def iso(at: float) -> str:
    """Write a moment as XML has it; S3 knows whole seconds.

    >>> iso(0.5)
    '1970-01-01T00:00:00.000Z'
    """
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def iso_exact(at: float) -> str:
    """Write a moment to the millisecond, not before it.

    >>> iso_exact(0.0015)
    '1970-01-01T00:00:00.002Z'
    """
    ms = ceil(at * 1000)
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def http_date(at: float) -> str:
    """Write a moment as headers have it.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    return formatdate(int(at), usegmt=True)


def read_http_date(text: str) -> float | None:
    """Read a header's date; None: it is none, and counts as not sent (RFC 9110, 13.1.3)."""
    try:
        return _timestamp(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return read_iso(text)


def read_iso(text: str) -> float | None:
    """Read an ISO 8601 moment; one without a zone is in UTC. None: it is none.

    >>> read_iso("1970-01-01T00:00:10Z")
    10.0
    """
    try:
        return _timestamp(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _timestamp(found: datetime) -> float:
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
