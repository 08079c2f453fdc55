"""Asks a service over the socket that a running function inherited: no URL, no token.

The host knows from the socket who asks. See the frame in tapwater_server/assembly/service_asks.py.
"""

import json
import struct
import threading
from typing import Any

from tapwater.runtime.asking import next_ask
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.steps import current_step
from tapwater.runtime.wire import FRAME_BYTES_MAX, pack_ask
from tapwater.services.transport import Reply, Request, ServiceError, refused

BODY_BYTES_MAX = FRAME_BYTES_MAX - (64 << 10)  # What fits a frame beside its head.
_ASK_BYTES_MAX = FRAME_BYTES_MAX - 64
ASKS_MAX = 24  # The host hangs up on who has more than 32 questions open.
_SIZE = struct.Struct(">I")
_OPEN = threading.BoundedSemaphore(ASKS_MAX)


class SocketTransport:
    """Carries requests for one call."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def send(self, request: Request) -> Reply:
        if len(request.body) > BODY_BYTES_MAX:
            raise ServiceError(
                f"a function sends {BODY_BYTES_MAX} bytes at a time at most: send it in parts",
                code="too_large",
                status=413,
            )
        call = self._call
        # In an async handler that does not await, on the loop's thread: one at a time anyway.
        if call.link.blocks_others():
            number = self._ask(request)
            call.link.pump(lambda: number in call.answers or call.cancelled is not None)
            return self._take(number)
        with _OPEN:
            number = self._ask(request)
            try:
                call.link.wait(call, lambda: number in call.answers or call.cancelled is not None)
            except CallerGone as gone:
                raise _over(gone) from None
            return self._take(number)

    def _ask(self, request: Request) -> int:
        packed = _pack(request)
        if len(packed) > _ASK_BYTES_MAX:
            raise ServiceError("the request's head is too large", code="too_large", status=413)
        number = next_ask(self._call)
        self._call.link.send(pack_ask(self._call.number, number, "service", packed))
        return number

    def _take(self, number: int) -> Reply:
        call = self._call
        if number not in call.answers:
            raise _over(call.cancelled)
        fine, raw = call.answers.pop(number)
        if not fine:
            said: Any = json.loads(raw)
            raise ServiceError(
                str(said.get("message", "refused")), code=str(said.get("code", "internal"))
            )
        reply = _read(raw)
        if reply.status >= 400:
            raise refused(reply)
        return reply


def _over(why: object) -> ServiceError:
    return ServiceError(f"the call is over: {why}", code="cancelled", status=499)


def _pack(request: Request) -> bytes:
    headers = dict(request.headers)
    step = current_step()
    if step:
        headers["traceparent"] = step
    head = json.dumps(
        {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": headers,
        }
    ).encode()
    return _SIZE.pack(len(head)) + head + request.body


def _read(raw: bytes) -> Reply:
    end = _SIZE.size + _SIZE.unpack_from(raw)[0]
    head = json.loads(raw[_SIZE.size : end])
    return Reply(status=head["status"], headers=head["headers"], body=raw[end:])
