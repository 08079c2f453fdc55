"""How a call ended, as Lambda tells it: an answer, an error of the function's, or an error of
Invoke itself. Pure.
"""

import json
from collections.abc import Sequence

from tapwater_server.clouds.aws.lambda_.refusals import refused, throttled
from tapwater_server.model.invocation import Ending, Headers, Outcome

ERROR_HEADER = b"lambda-function-error"
ANSWER_BYTES_MAX = 6_291_556
UNHANDLED = "Unhandled"
_THROTTLES = frozenset({Ending.OVERLOADED, Ending.BUDGET, Ending.SLOWED})


def header_of(headers: Headers, name: bytes) -> bytes:
    """Give a header's value; b"": there is none."""
    for known, value in headers:
        if known == name:
            return value
    return b""


def read_outcome(
    outcome: Outcome, *, request: str, timeout_s: float | None, reserved: bool = False
) -> tuple[bytes, str]:
    """Give the payload, and the kind of error ("": none).

    Raises:
        AwsError: the function did not run at all.
    """
    if outcome.ending is Ending.OK:
        if outcome.status == 200:
            return outcome.body, ""
        error = header_of(outcome.headers, ERROR_HEADER)
        return outcome.body, error.decode("latin-1") or UNHANDLED
    if outcome.ending in _THROTTLES:
        raise throttle(outcome, reserved=reserved)
    if outcome.ending is Ending.START_FAILED and not outcome.by_function:
        raise refused(
            "ServiceException", f"The function could not be started: {outcome.message}", 500
        )
    kind, message = explain(outcome, timeout_s=timeout_s)
    if outcome.ending is not Ending.USER_ERROR:
        message = f"RequestId: {request} Error: {message}"
    return error_payload(kind, message, request=request, trace=outcome.frames), UNHANDLED


def explain(outcome: Outcome, *, timeout_s: float | None) -> tuple[str, str]:
    """Give the type and the sentence of an error for which the function has no words of its own."""
    match outcome.ending:
        case Ending.TIMED_OUT:
            return "Sandbox.Timedout", f"Task timed out after {timeout_s or 0:.2f} seconds"
        case Ending.OUT_OF_MEMORY:
            return "Runtime.ExitError", "Runtime exited with error: signal: killed"
        case Ending.CRASHED:
            return "Runtime.ExitError", f"Runtime exited with error: {exit_of(outcome.message)}"
        case Ending.USER_ERROR:
            return outcome.error or "Error", outcome.message
        case Ending.CANCELLED:
            return "Sandbox.Cancelled", outcome.message or "The caller has gone"
        case Ending.BROKEN:
            return "Runtime.InvalidResponse", outcome.message
        case _:
            return "Runtime.Unknown", outcome.message


def exit_of(message: str) -> str:
    """Write the end of a process as Lambda does.

    >>> exit_of("the process ended by itself with exit code 3")
    'exit status 3'
    >>> exit_of("the process was killed by SIGSEGV (segmentation fault)")
    'signal: segmentation fault'
    """
    code = message.rpartition("exit code ")[2]
    if code.isdecimal():
        return f"exit status {code}"
    said = message.partition("killed by ")[2]
    return f"signal: {said.partition('(')[2].rstrip(')') or said}" if said else message


def error_payload(kind: str, message: str, *, request: str, trace: Sequence[str] = ()) -> bytes:
    """Write an error as a function's answer."""
    told: dict[str, object] = {"errorMessage": message, "errorType": kind}
    if trace:
        told |= {"requestId": request, "stackTrace": list(trace)}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


def too_large(size: int) -> bytes:
    """What is answered in place of an answer that no caller takes."""
    return error_payload(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
        f"({ANSWER_BYTES_MAX} bytes).",
        request="",
    )


def throttle(outcome: Outcome, *, reserved: bool) -> Exception:
    """There was no room, or no money left."""
    if outcome.ending is not Ending.OVERLOADED:
        return throttled(
            outcome.message, "CallerRateLimitExceeded", retry_after_s=outcome.retry_after_s
        )
    what = "ReservedFunction" if reserved else ""
    return throttled(
        "Rate Exceeded.",
        f"{what}ConcurrentInvocationLimitExceeded",
        retry_after_s=outcome.retry_after_s,
    )
