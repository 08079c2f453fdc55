"""The wall clock, as functions see it: the machine's own. Nothing of the platform depends on it."""

import time

_FORMAT = "%Y-%m-%dT%H:%M:%S"


def epoch_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def stamp() -> str:
    """The time for a log line, in seconds."""
    return time.strftime(f"{_FORMAT}Z", time.gmtime())


def fine_stamp() -> str:
    """The time for a line of the platform's, in milliseconds."""
    now_ms = epoch_ms()
    return f"{time.strftime(_FORMAT, time.gmtime(now_ms // 1000))}.{now_ms % 1000:03d}Z"
