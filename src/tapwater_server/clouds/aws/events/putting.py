"""The entries of PutEvents: checked, and made events. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.bridged import bridged_event

ENTRIES_MAX = 10
SIZE_BYTES_MAX = 1 << 18  # Of all entries of one call.
DEPTH_MAX = 100  # Of a detail.
_TIME_BYTES = 14


class BadEntry(ValueError):
    """One entry is refused; ``code`` is as AWS says it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def event_of(entry: Mapping[str, Any], account: Account, *, id: str, now: float) -> dict[str, Any]:
    """Make an event of an entry.

    Raises:
        BadEntry: something is missing, or the detail is no object of JSON.
    """
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            reason = f"{name} is a required argument."
            raise BadEntry("InvalidArgument", f"Parameter {name} is not valid. Reason: {reason}")
    if entry["Source"].startswith("aws."):
        raise BadEntry(
            "NotAuthorizedForSourceException", "Not authorized for the source. aws. is reserved."
        )
    return bridged_event(
        account,
        id=id,
        source=entry["Source"],
        kind=entry["DetailType"],
        at=entry.get("Time") or now,
        resources=entry.get("Resources") or (),
        detail=_detail(entry["Detail"]),
    )


def _detail(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadEntry("MalformedDetail", "Detail is malformed.") from None
    if not isinstance(said, dict) or _is_deeper(said, DEPTH_MAX):
        raise BadEntry("MalformedDetail", "Detail is malformed.")
    return said


def _is_deeper(said: Any, most: int) -> bool:
    """Say whether something is nested so deeply that writing it again might fail."""
    level = [said]
    for _ in range(most):
        level = [
            below
            for one in level
            if isinstance(one, (dict, list))
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def size_of(entry: Mapping[str, Any]) -> int:
    """Count an entry's bytes as AWS does.

    >>> size_of({"Source": "shop", "Detail": "{}"})
    6
    """
    size = _TIME_BYTES if entry.get("Time") else 0
    size += sum(
        len((entry.get(name) or "").encode()) for name in ("Source", "DetailType", "Detail")
    )
    return size + sum(len(one.encode()) for one in entry.get("Resources") or ())


def check_size(entries: list[Mapping[str, Any]]) -> None:
    """Refuse too much at once.

    Raises:
        AwsError: it is.
    """
    if sum(map(size_of, entries)) > SIZE_BYTES_MAX:
        raise AwsError(
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
            400,
        )
