"""Times as AWS writes them. Pure."""

from datetime import UTC, datetime


def in_millis(at: float) -> str:
    """Write a time to the millisecond.

    >>> in_millis(1.5)
    '1970-01-01T00:00:01.500Z'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}.{int(at * 1000) % 1000:03d}Z"


def in_seconds(at: float) -> str:
    """Write a time to the second.

    >>> in_seconds(1.5)
    '1970-01-01T00:00:01Z'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
