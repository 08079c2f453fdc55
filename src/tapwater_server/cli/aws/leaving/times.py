"""Times of schedules in AWS' words: ``cron(0 3 * * ? *)``, ``rate(5 minutes)``. Pure."""

import re

from tapwater_server.model.cron import NICKNAMES

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_EVERY = re.compile(r"every\s+(\d+)([mhd])")


def expression(said: str) -> str | None:
    """Translate; None: AWS cannot say it.

    >>> expression("*/5 9-17 * * 1-5"), expression("0 3 * * *"), expression("every 5m")
    ('cron(*/5 9-17 ? * MON-FRI *)', 'cron(0 3 * * ? *)', 'rate(5 minutes)')
    >>> expression("every 10s") is None, expression("0 0 13 * 5") is None
    (True, True)
    """
    said = NICKNAMES.get(said.strip(), said.strip())
    every = _EVERY.fullmatch(said)
    if every is not None:
        count = int(every[1])
        return f"rate({count} {_UNITS[every[2]]}{'' if count == 1 else 's'})"
    fields = said.split()
    if len(fields) != 5:
        return None  # Seconds, or "every 10s": minutes are the finest there.
    minute, hour, day, month, weekday = fields
    if weekday in ("*", "?"):
        day, weekday = ("*" if day == "?" else day), "?"
    elif day in ("*", "?"):
        day, weekday = "?", _weekday(weekday)
    else:
        return None  # Either day is enough with us; AWS takes only one of them.
    return f"cron({minute} {hour} {day} {month} {weekday} *)"


def _weekday(said: str) -> str:
    """Ours begin with Sunday as 0, theirs as 1: names are the same everywhere."""
    head, mark, tail = said.partition("#")
    named = re.sub(r"(?<![/\d])[0-7](?!\d)", lambda match: _DAYS[int(match[0])], head)
    return f"{named}{mark}{tail}"


def seconds(said: object, default: int) -> int:
    """Read a duration: ``"30s"``, ``"5m"``, a number; rounded up.

    >>> seconds("5m", 0), seconds(2.5, 0), seconds(None, 7)
    (300, 3, 7)
    """
    if isinstance(said, bool) or said is None:
        return default
    if isinstance(said, int | float):
        return -int(-said // 1)
    match = re.fullmatch(r"([\d.]+)\s*(ms|s|m|h|d)?", str(said).strip())
    if match is None:
        return default
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
    return -int(-(float(match[1]) * units[match[2] or "s"]) // 1)


def megabytes(said: object, default: int) -> int:
    """Read a size: ``"256MB"``.

    >>> megabytes("1GB", 0), megabytes("64MiB", 0), megabytes(None, 5)
    (1024, 64, 5)
    """
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?)i?B?", str(said or "").strip(), re.I)
    if match is None:
        return default
    factors = {"": 1 / (1 << 20), "K": 1 / 1024, "M": 1, "G": 1024}
    return max(1, round(float(match[1]) * factors[match[2].upper()]))
