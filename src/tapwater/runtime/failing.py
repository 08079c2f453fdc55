"""How a call that did not end well is told to the platform."""

import json
import traceback

from tapwater.runtime import wire

_TEXT_MAX = 64 << 10
_MESSAGE_MAX = 2000
_APP = "/app/"  # Where the user's own code is, and nothing else.
_FRAMES_MAX = 8  # The innermost: where it went wrong, not how it got there.
_NAME_MAX = 200


def pack_fail(
    number: int,
    ending: str,
    message: str,
    trace: str = "",
    *,
    error: str = "",
    frames: list[str] | None = None,
) -> bytes:
    """A FAIL frame. ``error`` is the type of an exception, ``frames`` where it came from."""
    body = {"ending": ending, "message": message[:_MESSAGE_MAX], "trace": trace[-_TEXT_MAX:]}
    if error:
        body["error"] = error[:_NAME_MAX]
        body["frames"] = "\n".join(frames or ())
    return wire.pack(wire.Kind.FAIL, number, json.dumps(body).encode())


def pack_error(number: int, error: BaseException) -> bytes:
    """The FAIL frame of an exception that the user's code let out."""
    return pack_fail(
        number,
        "user_error",
        summary(error),
        trace_of(error),
        error=type_of(error),
        frames=frames_of(error),
    )


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


def type_of(error: BaseException) -> str:
    """The type's name, with its module unless it is built in.

    >>> type_of(KeyError("x")), type_of(json.JSONDecodeError("no", "", 0))
    ('KeyError', 'json.decoder.JSONDecodeError')
    """
    kind = type(error)
    module: object = kind.__module__  # A class may say anything here.
    plain = not isinstance(module, str) or module in ("builtins", "__main__")
    return kind.__qualname__ if plain else f"{module}.{kind.__qualname__}"


def frames_of(error: BaseException) -> list[str]:
    """Where in the user's own code it came from, ``file:function``, the innermost last."""
    found: list[str] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if code.co_filename.startswith(_APP):
            file = code.co_filename[len(_APP) :].replace("\n", " ")
            found.append(f"{file[-_NAME_MAX:]}:{code.co_qualname[-_NAME_MAX:]}")
            del found[:-_FRAMES_MAX]
        at = at.tb_next
    return found
