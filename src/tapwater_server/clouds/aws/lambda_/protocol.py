"""Lambda's REST-JSON: bodies read, answers and errors written, lists cut into pages. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.lambda_.refusals import (
    invalid,
    message_member,
    refused,
    unreadable,
    violated,
)
from tapwater_server.clouds.aws.lambda_.shapes import check_types

BODY_BYTES_MAX = 72 << 20  # A zip file of 50 MB in base64, and a little.
PAGE_MAX = 50
_JSON = (("Content-Type", "application/json"),)

One = TypeVar("One")


async def read_body(asked: AwsAsked, *, bytes_max: int = BODY_BYTES_MAX) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        AwsError: it is none.
    """
    raw = await asked.raw(bytes_max=bytes_max)
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"Could not parse request body into json: {error}"[:300]) from None
    if not isinstance(body, dict):
        raise unreadable("Could not parse request body into json: it is no object")
    check_types(body)
    return body


def answer(value: Mapping[str, Any] | None = None, *, status: int = 200) -> AwsAnswer:
    """Answer with JSON, or with nothing."""
    if value is None:
        return AwsAnswer(status=status, headers=_JSON)
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return AwsAnswer(status=status, headers=_JSON, body=body.encode("utf-8", "replace"))


def refusal(error: AwsError) -> AwsAnswer:
    """Write an error as Lambda's clients read it."""
    if error.code == "RequestEntityTooLarge":
        error = refused("RequestTooLargeException", error.message, 413)
    told = {"Type": "User", **error.facts, message_member(error.code): error.message}
    body = json.dumps(told, separators=(",", ":")).encode()
    headers = (*_JSON, ("x-amzn-ErrorType", error.code), *error.headers)
    return AwsAnswer(status=error.status, headers=headers, body=body)


def page(
    items: Sequence[One], asked: AwsAsked, *, key: Callable[[One], str], count_max: int = PAGE_MAX
) -> tuple[Sequence[One], Mapping[str, str]]:
    """Cut a sorted list; gives the page, and ``NextMarker`` where there is more."""
    after, wanted = asked.text("Marker"), asked.text("MaxItems")
    if wanted is not None and not (wanted.isdecimal() and 1 <= int(wanted) <= 10_000):
        must = "Member must have value between 1 and 10000"
        raise violated([(wanted[:80], "maxItems", must)])
    count = min(int(wanted) if wanted else count_max, count_max)
    start = 0
    if after:
        keys = [key(item) for item in items]
        if after not in keys:
            raise invalid("Invalid marker")
        start = keys.index(after) + 1
    found = items[start : start + count]
    more = start + count < len(items)
    return found, {"NextMarker": key(found[-1])} if more else {}


def segments(path: str) -> Sequence[str]:
    """Take a path apart, decoded.

    >>> segments("/2015-03-31/functions/a%3Ab/")
    ['2015-03-31', 'functions', 'a:b']
    """
    return [unquote(part) for part in path.strip("/").split("/")]
