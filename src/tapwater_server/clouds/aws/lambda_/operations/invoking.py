"""Invoke and InvokeAsync."""

import base64
import binascii
import json
from collections.abc import Mapping

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.lambda_.calling import Request
from tapwater_server.clouds.aws.lambda_.refusals import (
    invalid,
    refused,
    unreadable,
    violated,
)
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.traces import amazon_trace, step_of
from tapwater_server.clouds.aws.post.lineage import chain_of, read_lineage, with_lineage
from tapwater_server.clouds.aws.reaching import PAYLOAD_BYTES_MAX, Called

CONTEXT_BYTES_MAX = 3_583
_JSON = ("Content-Type", "application/json")


async def invoke(room: Room, asked: AwsAsked, args: Mapping[str, str]) -> AwsAnswer:
    headers = asked.headers
    kind = headers.get("x-amz-invocation-type", "RequestResponse")
    callee = room.resolving.find(
        asked.account, args["FunctionName"], asked.text("Qualifier") or "" if asked.query else ""
    )
    payload = await read_payload(asked)
    if kind == "RequestResponse":
        tail = headers.get("x-amz-log-type") == "Tail"
        called = await room.calling.call(callee, payload, request_of(room, asked), tail=tail)
        return answer_of(called, tail=tail)
    if kind == "Event":
        room.calling.throttling.check(callee)
        context = read_context(headers.get("x-amz-client-context", "")).decode()
        chain = chain_of(asked)
        id = await room.later().call(
            asked.account,
            callee.arn,
            payload,
            trace=asked.trace,
            root=chain.root,
            depth=chain.depth,
            client_context=context,
        )
        return AwsAnswer(status=202, headers=[_JSON, ("x-amzn-RequestId", id)])
    if kind == "DryRun":
        return AwsAnswer(status=204, headers=[("X-Amz-Executed-Version", callee.version)])
    must = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
    raise violated([(kind[:80], "invocationType", must)])


def answer_of(called: Called, *, tail: bool = False) -> AwsAnswer:
    """Write how a call ended."""
    said = [_JSON, ("X-Amz-Executed-Version", called.version)]
    if called.error:
        said.append(("X-Amz-Function-Error", called.error))
    if tail:
        said.append(("X-Amz-Log-Result", base64.b64encode(called.log_tail).decode("ascii")))
    return AwsAnswer(headers=said, body=called.payload)


async def invoke_async(room: Room, asked: AwsAsked, args: Mapping[str, str]) -> AwsAnswer:
    callee = room.resolving.find(asked.account, args["FunctionName"])
    payload = await read_payload(asked)
    await room.later().call(asked.account, callee.arn, payload, trace=asked.trace)
    return AwsAnswer(status=202, headers=[_JSON], body=b'{"Status":202}')


async def read_payload(asked: AwsAsked) -> bytes:
    """Read what a function is told.

    Raises:
        AwsError: it is no JSON, or too large.
    """
    payload = asked.whole
    if payload is None:
        payload = await asked.raw(bytes_max=PAYLOAD_BYTES_MAX + 1)
    return checked(payload)


def checked(payload: bytes) -> bytes:
    """Give what a function is told.

    Raises:
        AwsError: it is no JSON, or too large.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise refused(
            "RequestTooLargeException",
            f"Request must be smaller than {PAYLOAD_BYTES_MAX} bytes for the InvokeFunction "
            "operation",
            413,
        )
    if not payload:
        return b"{}"
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"Could not parse request body into json: {error}"[:300]) from None
    return payload


def request_of(room: Room, asked: AwsAsked) -> Request:
    """Gather what the function's context has of the request."""
    context = asked.headers.get("x-amz-client-context", "")
    traceparent, parent = step_of(room.traces, asked.trace)
    said = asked.headers.get("x-amzn-trace-id", "")
    root, depth = read_lineage(said) if said else ("", 0)
    trace = amazon_trace(traceparent)
    if depth:
        trace = with_lineage(trace.decode(), root=root, depth=depth).encode()
    return Request(
        id=asked.id,
        trace=trace,
        root=root,
        depth=depth,
        client_context=read_context(context) if context else b"",
        traceparent=traceparent,
        parent=parent,
        client=asked.client,
    )


def read_context(said: str) -> bytes:
    """Read a client context: base64 of JSON.

    Raises:
        AwsError: it is none.
    """
    if not said:
        return b""
    if len(said) > CONTEXT_BYTES_MAX:
        raise invalid(f"The client context has more than {CONTEXT_BYTES_MAX} bytes")
    try:
        context = base64.b64decode(said, validate=True)
        json.loads(context)
    except (binascii.Error, ValueError, RecursionError):
        raise unreadable("Client context must be a valid Base64-encoded JSON object.") from None
    return context
