"""InvokeWithResponseStream."""

import base64
import json
from collections.abc import AsyncIterator, Mapping

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_ import eventstream
from tapwater_server.clouds.aws.lambda_.endings import (
    ERROR_HEADER,
    UNHANDLED,
    header_of,
    read_outcome,
    too_large,
)
from tapwater_server.clouds.aws.lambda_.operations.invoking import read_payload, request_of
from tapwater_server.clouds.aws.lambda_.refusals import violated
from tapwater_server.clouds.aws.lambda_.resolving import Callee
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.streaming import STREAM_BYTES_MAX, Streamed
from tapwater_server.model.invocation import Ending

_BYTES, _JSON = "application/octet-stream", "application/json"


async def invoke(room: Room, asked: AwsAsked, args: Mapping[str, str]) -> AwsAnswer:
    callee = room.resolving.find(asked.account, args["FunctionName"], asked.text("Qualifier") or "")
    kind = asked.headers.get("x-amz-invocation-type", "RequestResponse")
    if kind not in ("RequestResponse", "DryRun"):
        must = "Member must satisfy enum value set: [RequestResponse, DryRun]"
        raise violated([(kind[:80], "invocationType", must)])
    headers = [("X-Amz-Executed-Version", callee.version)]
    if kind == "DryRun":
        return AwsAnswer(status=204, headers=headers)
    payload = await read_payload(asked)
    request = request_of(room, asked)
    streamed = room.calling.stream(callee, payload, request)
    if asked.headers.get("x-amz-log-type") == "Tail":
        room.calling.tails.open(streamed.invocation)
    await streamed.wait_head()
    if not streamed.status:
        _check_ran(callee, streamed, request.id)
    return AwsAnswer(
        headers=[("Content-Type", eventstream.MEDIA), *headers],
        chunks=_frames(room, callee, streamed, request.id),
    )


def _check_ran(callee: Callee, streamed: Streamed, request: str) -> None:
    """Raise what Invoke would raise for a call that never began."""
    assert streamed.outcome is not None
    read_outcome(
        streamed.outcome,
        request=request,
        timeout_s=callee.function.limits.timeout_s,
        reserved=callee.reserved is not None,
    )


async def _frames(
    room: Room, callee: Callee, streamed: Streamed, request: str
) -> AsyncIterator[bytes]:
    """Write what the function answers as events, and how it ended as the last one."""
    failed = streamed.status != 0 and streamed.status != 200
    said = b""
    try:
        async for piece in streamed.pieces():
            if failed:
                said += piece
            else:
                yield eventstream.event("PayloadChunk", _BYTES, piece)
        end = _end(callee, streamed, said, request)
        tail = room.calling.tails.close(streamed.invocation)
        if tail:
            end["LogResult"] = base64.b64encode(tail).decode("ascii")
        yield eventstream.event("InvokeComplete", _JSON, json.dumps(end).encode())
    finally:
        room.calling.tails.close(streamed.invocation)
        streamed.close()


def _end(callee: Callee, streamed: Streamed, said: bytes, request: str) -> dict[str, str]:
    outcome = streamed.outcome
    assert outcome is not None
    if streamed.overflowed:
        return {"ErrorCode": UNHANDLED, "ErrorDetails": too_large(STREAM_BYTES_MAX).decode()}
    if outcome.ending is Ending.OK and not said:
        return {}
    if outcome.ending is Ending.OK:
        error = header_of(streamed.headers, ERROR_HEADER).decode("latin-1")
        return {"ErrorCode": error or UNHANDLED, "ErrorDetails": said.decode("utf-8", "replace")}
    payload, error = read_outcome(
        outcome, request=request, timeout_s=callee.function.limits.timeout_s
    )
    return {"ErrorCode": error, "ErrorDetails": payload.decode("utf-8", "replace")}
