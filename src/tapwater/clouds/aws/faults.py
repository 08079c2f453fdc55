"""How a Lambda function's error is told: as its runtime for Python tells it. Pure."""

import traceback
from types import TracebackType
from typing import Any

Told = dict[str, Any]  # errorMessage, errorType, requestId, stackTrace

_OURS = "/tapwater/clouds/aws/"  # Frames above the handler's own: nobody's business.
_LINE_END = "\r"  # Lines of one entry of the log
_INDENT = "\u00a0"


class Fault(Exception):
    """An error of the runtime itself, not of the handler."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = f"Runtime.{kind}"
        self.message = message
        self.trace = trace or []


def told(message: str, kind: str, trace: list[str], *, request: str = "") -> Told:
    """Make what the caller is answered."""
    return {"errorMessage": message, "errorType": kind, "requestId": request, "stackTrace": trace}


def tell(error: BaseException, *, request: str = "") -> Told:
    """Tell an error: the runtime's own, or one that the user's code let out.

    >>> tell(KeyError("x"), request="1")["errorMessage"]
    "'x'"
    """
    if isinstance(error, Fault):
        return told(error.message, error.kind, error.trace, request=request)
    trace = stack(error.__traceback__)
    return told(str(error), type(error).__name__, trace, request=request)


def stack(at: TracebackType | None) -> list[str]:
    """Give the frames of a traceback as text, from the user's own first one on."""
    frames = traceback.extract_tb(at)
    first = next((i for i, one in enumerate(frames) if not _is_ours(one.filename)), len(frames))
    # Made anew of four parts: what Python 3.13 would underline in a line, Lambda does not.
    parts = [(one.filename, one.lineno or 0, one.name, one.line) for one in frames[first:]]
    return traceback.format_list(parts)


def _is_ours(file: str) -> bool:
    return _OURS in file


def exit_fault(code: object) -> Fault:
    """Say that the process ended by itself.

    >>> exit_fault(3).message
    'Runtime exited with error: exit status 3'
    """
    number = code if isinstance(code, int) else int(code is not None)
    if number == 0:
        return Fault("ExitError", "Runtime exited without providing a reason")
    return Fault("ExitError", f"Runtime exited with error: exit status {number}")


def signal_fault(name: str) -> Fault:
    """Say that a signal ended the process.

    >>> signal_fault("killed").message
    'Runtime exited with error: signal: killed'
    """
    return Fault("ExitError", f"Runtime exited with error: signal: {name}")


def entry(error: Told) -> str:
    """Write an error for the log in text: one entry of several lines.

    >>> entry(told("no", "ValueError", [], request="1"))
    '[ERROR] ValueError: no\\rTraceback (most recent call last):'
    """
    head = "[ERROR]"
    if error["errorType"]:
        head += f" {error['errorType']}"
    if error["errorMessage"]:
        head += f"{':' if error['errorType'] else ''} {error['errorMessage']}"
    lines = [head, "Traceback (most recent call last):"]
    for element in error["stackTrace"]:
        lines += [_indented(line) for line in element.splitlines()] or [""]
    return _LINE_END.join(lines)


def _indented(line: str) -> str:
    bare = line.lstrip(" ")
    return _INDENT * (len(line) - len(bare)) + bare


def too_large(size: int, bytes_max: int) -> Fault:
    """Say that an answer has too many bytes."""
    fault = Fault(
        "",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({bytes_max} bytes).",
    )
    fault.kind = "Function.ResponseSizeTooLarge"
    return fault
