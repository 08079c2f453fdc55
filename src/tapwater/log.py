"""Log lines with fields: ``tapwater.log.info("paid", order=7, cents=1200)``.

They can be searched by field (``tapwater logs --field order=7``). It is ``logging`` underneath:
outside the platform, and in tests, whatever handles logs there handles these.
"""

import logging
from typing import Any

_LOGGER = logging.getLogger("tapwater.log")


def debug(text: str, /, **fields: Any) -> None:
    """Shown where the level of logging is set to DEBUG."""
    _say(logging.DEBUG, text, fields)


def info(text: str, /, **fields: Any) -> None:
    """Say what happened."""
    _say(logging.INFO, text, fields)


def warning(text: str, /, **fields: Any) -> None:
    """Say what should not happen, and did no harm."""
    _say(logging.WARNING, text, fields)


def error(text: str, /, **fields: Any) -> None:
    """Say what went wrong."""
    _say(logging.ERROR, text, fields)


def exception(text: str, /, **fields: Any) -> None:
    """Say what went wrong, with the traceback of the exception that is being handled."""
    _say(logging.ERROR, text, fields, traceback=True)


def _say(level: int, text: str, fields: dict[str, Any], *, traceback: bool = False) -> None:
    if _LOGGER.isEnabledFor(level):
        extra = {"tapwater_fields": fields}
        _LOGGER.log(level, "%s", text, exc_info=traceback, extra=extra, stacklevel=3)
