"""The one table from what went wrong to an HTTP status, and the body that says it (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec

from tapwater_server.model.invocation import Ending, Headers, Outcome

STATUS: Mapping[str, int] = {
    "invalid": 400,
    "malformed": 400,
    "host": 400,
    "unauthenticated": 401,
    "budget_exhausted": 402,
    "not_allowed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "conflict": 409,
    "precondition_failed": 412,
    "too_large": 413,
    "url_too_long": 414,
    "range": 416,
    "expectation": 417,
    "upgrade_required": 426,
    "budget_slowed": 429,
    "rate_limited": 429,
    "headers_too_large": 431,
    "internal": 500,
    "user_error": 500,
    "start_failed": 500,
    "not_implemented": 501,
    "broken": 502,
    "crashed": 502,
    "out_of_memory": 502,
    "overloaded": 503,
    "cancelled": 503,
    "stopping": 503,
    "timed_out": 504,
    "http_version": 505,
    "storage_full": 507,
}

_SENTENCES: Mapping[Ending, str] = {
    Ending.OK: "The function ended without an answer.",
    Ending.USER_ERROR: "The function raised an error.",
    Ending.TIMED_OUT: "The function took longer than its time limit.",
    Ending.CRASHED: "The function's process died.",
    Ending.OUT_OF_MEMORY: "The function used more memory than it may.",
    Ending.OVERLOADED: "There is no room for this call now.",
    Ending.START_FAILED: "The function could not be started.",
    Ending.CANCELLED: "The call was cancelled.",
    Ending.BROKEN: "The function's process did not keep to the protocol.",
    Ending.BUDGET: "A budget is used up.",
    Ending.SLOWED: "A budget is nearly used up.",
}
# What the platform says of these is for the caller, too.
_TOLD = frozenset({Ending.OVERLOADED, Ending.BUDGET, Ending.SLOWED})

JSON_TYPE = (b"content-type", b"application/problem+json")


class Refusal(Exception):
    """The door answers by itself: a code of the table, a sentence, perhaps more headers."""

    def __init__(self, code: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers: Headers = list(headers)

    @property
    def status(self) -> int:
        return STATUS[self.code]


def problem(
    code: str,
    detail: str,
    *,
    status: int | None = None,
    invocation: str = "",
    problems: Sequence[Mapping[str, str]] = (),
) -> bytes:
    """Write a problem+json body.

    >>> problem("not_found", "Nothing answers here.")[:40]
    b'{"type":"about:blank","title":"Not Found'
    """
    number = STATUS[code] if status is None else status
    said: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(number).phrase,
        "status": number,
        "detail": detail,
        "code": code,
    }
    if invocation:
        said["invocation"] = invocation
    if problems:
        said["problems"] = list(problems)
    return msgspec.json.encode(said)


def refusal_answer(refusal: Refusal, *, invocation: str = "") -> tuple[int, Headers, bytes]:
    """Turn a refusal into status, headers and body."""
    body = problem(refusal.code, refusal.detail, invocation=invocation)
    return refusal.status, [JSON_TYPE, *refusal.headers], body


def outcome_answer(outcome: Outcome, *, invocation: str, dev: bool) -> tuple[int, Headers, bytes]:
    """Turn the outcome of a call that gave no answer into one. ``dev``: say why it failed."""
    code = "broken" if outcome.ending is Ending.OK else outcome.ending.value
    detail = _SENTENCES[outcome.ending]
    if outcome.message and (dev or outcome.ending in _TOLD):
        detail = outcome.message
    headers: Headers = [JSON_TYPE]
    if outcome.retry_after_s > 0:
        headers.append((b"retry-after", retry_after(outcome.retry_after_s)))
    return STATUS[code], headers, problem(code, detail, invocation=invocation)


def retry_after(seconds: float) -> bytes:
    """Write whole seconds, rounded up, at least one.

    >>> retry_after(0.2)
    b'1'
    """
    return b"%d" % max(1, -int(-seconds // 1))
