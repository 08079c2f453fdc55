"""How a call that nobody waited for ended, as destinations and dead letters say it. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.clouds.aws.shapes.times import in_millis

SUCCESS, EXHAUSTED, TOO_OLD = "Success", "RetriesExhausted", "EventAgeExceeded"
MESSAGE_LENGTH_MAX = 1024  # Of an error, in the attribute of a dead letter.


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of one call. ``version`` is empty where it was never begun."""

    request: str  # id
    arn: str  # of the function, with its qualifier
    condition: str  # SUCCESS, EXHAUSTED, TOO_OLD
    count: int  # how often it was begun
    payload: bytes
    version: str = ""
    error: str = ""  # "Unhandled"
    answer: bytes = b""
    at: float

    @property
    def good(self) -> bool:
        return self.condition == SUCCESS


def ended_record(ended: Ended) -> dict[str, Any]:
    """Write what a destination is sent; payloads are ``msgspec.Raw`` in it."""
    said: dict[str, Any] = {
        "version": "1.0",
        "timestamp": in_millis(ended.at),
        "requestContext": {
            "requestId": ended.request,
            "functionArn": ended.arn,
            "condition": ended.condition,
            "approximateInvokeCount": ended.count,
        },
        "requestPayload": _payload(ended.payload),
    }
    if ended.version:
        answered: dict[str, Any] = {"statusCode": 200, "executedVersion": ended.version}
        if ended.error:
            answered["functionError"] = ended.error
        said |= {"responseContext": answered, "responsePayload": _payload(ended.answer)}
    return said


def ended_kind(ended: Ended) -> str:
    """Name it for EventBridge, where such an event's source is "lambda"."""
    return f"Lambda Function Invocation Result - {'Success' if ended.good else 'Failure'}"


def dead_attributes(ended: Ended) -> Mapping[str, Mapping[str, str]]:
    """Say why, beside the payload that goes to a dead-letter queue or topic."""
    return {
        "RequestID": {"DataType": "String", "StringValue": ended.request},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if ended.version else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": _message(ended)},
    }


def _message(ended: Ended) -> str:
    try:
        answer = json.loads(ended.answer)
    except (ValueError, RecursionError):
        answer = None
    said = answer.get("errorMessage") if isinstance(answer, dict) else None
    return (said if isinstance(said, str) and said else ended.condition)[:MESSAGE_LENGTH_MAX]


def _payload(data: bytes) -> Any:
    """Put JSON in as it is: however deep it is, it can be written again."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace") if data else None
    return msgspec.Raw(data)
