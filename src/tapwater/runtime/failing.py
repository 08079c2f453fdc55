"""How a call that did not end well is told to the platform."""

import json
import traceback

from tapwater.runtime import wire

_TEXT_MAX = 64 << 10
_MESSAGE_MAX = 2000


def pack_fail(number: int, ending: str, message: str, trace: str = "") -> bytes:
    """A FAIL frame."""
    body = {"ending": ending, "message": message[:_MESSAGE_MAX], "trace": trace[-_TEXT_MAX:]}
    return wire.pack(wire.Kind.FAIL, number, json.dumps(body).encode())


def pack_error(number: int, error: BaseException) -> bytes:
    """The FAIL frame of an exception that the user's code let out."""
    return pack_fail(number, "user_error", summary(error), trace_of(error))


def summary(error: BaseException) -> str:
    """One line: the kind and the text.

    >>> summary(KeyError("x"))
    "KeyError: 'x'"
    """
    return traceback.format_exception_only(error)[-1].strip()


def trace_of(error: BaseException) -> str:
    """The traceback without our own frames at its top."""
    frames = error.__traceback__
    while frames is not None and "/tapwater/runtime/" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
