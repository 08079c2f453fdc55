"""Invoke in callbacks: for calls that only want the function's answer, which are nearly all."""

import re
from collections.abc import Mapping
from functools import partial

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, Known, Told
from tapwater_server.clouds.aws.lambda_.calling import Read, Request
from tapwater_server.clouds.aws.lambda_.operations.invoking import (
    answer_of,
    checked,
    request_of,
)
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.traces import amazon_trace
from tapwater_server.model.trace import span_of

FUNCTIONS, INVOCATIONS = "/2015-03-31/functions/", "/invocations"
_FUNCTIONS, _INVOCATIONS = FUNCTIONS.encode(), INVOCATIONS.encode()
# What ``request_of`` and ``hasten`` read of a request's head.
_LOOKED_AT = frozenset({"x-amzn-trace-id", "x-amz-client-context", "x-amz-log-type"})
_PLAIN = re.compile(r"[a-zA-Z0-9_-]+")  # A name with nothing in it to decode.


class HastyInvoke:
    """Keeps ``asked.Hasty``."""

    def __init__(self, *, room: Room) -> None:
        self._room = room

    def wants(self, method: bytes, url: bytes) -> bool:
        if method != b"POST" or not url.startswith(_FUNCTIONS):
            return False
        return url.endswith(_INVOCATIONS) or b"/invocations?Qualifier=" in url

    def hasten(self, asked: AwsAsked, told: Told) -> bool:
        headers, name = asked.headers, asked.path[len(FUNCTIONS) : -len(INVOCATIONS)]
        if not _PLAIN.fullmatch(name) or not asked.path.endswith(INVOCATIONS):
            return False
        if not _waits(headers):
            return False
        if "x-amz-log-type" in headers or asked.whole is None:
            return False
        room = self._room
        qualifier = asked.text("Qualifier") or "" if asked.query else ""
        callee = room.resolving.find(asked.account, name, qualifier)
        payload, request = checked(asked.whole), request_of(room, asked)
        room.calling.begin(callee, payload, request, partial(_tell, told))
        return True

    def known(self, asked: AwsAsked) -> Known | None:
        if asked.query or not _LOOKED_AT.isdisjoint(asked.headers) or not _waits(asked.headers):
            return None
        return partial(self._begin, asked.path[len(FUNCTIONS) : -len(INVOCATIONS)])

    def _begin(
        self,
        name: str,
        account: Account,
        body: bytes,
        told: Told,
        *,
        id: str,
        trace: bytes,
        client: str,
    ) -> None:
        room = self._room
        callee = room.resolving.find(account, name)
        payload, traceparent = checked(body), room.traces.child(trace)
        request = Request(
            id=id,
            trace=amazon_trace(traceparent),
            traceparent=traceparent,
            parent=span_of(trace),
            client=client,
        )
        room.calling.begin(callee, payload, request, partial(_tell, told))


def _waits(headers: Mapping[str, str]) -> bool:
    """Say whether the client wants the function's own answer."""
    return headers.get("x-amz-invocation-type", "RequestResponse") == "RequestResponse"


def _tell(told: Told, read: Read) -> None:
    told(lambda: answer_of(read()))
