"""An invocation as the one frame that begins it. Pure; on the hot path."""

import json
import struct

from tapwater.runtime.wire import (
    FRAME_BYTES_MAX,
    HEAD_SIZE,
    Invoke,
    Verb,
    pack_invoke,
)
from tapwater_server.model import invocation as model
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX

_VERBS = {
    model.Verb.HTTP: int(Verb.HTTP),
    model.Verb.WEBSOCKET: int(Verb.WEBSOCKET),
    model.Verb.EVENT: int(Verb.EVENT),
}
_make = Invoke._make


def invoke_frame(
    call: int, invocation: model.Invocation, *, timeout_s: float, flags: int = 0
) -> bytes:
    """Make the INVOKE frame. A body beyond ``BODY_INLINE_BYTES_MAX`` is cut there.

    Raises:
        TooLarge: path, query or another text is too long for the wire.
    """
    body = invocation.body
    more = invocation.body_follows
    if len(body) > BODY_INLINE_BYTES_MAX:
        body, more = body[:BODY_INLINE_BYTES_MAX], True
    params = invocation.params
    try:
        frame = pack_invoke(
            call,
            _make(
                (
                    _VERBS[invocation.verb],
                    more,
                    timeout_s,
                    invocation.depth,
                    invocation.id.encode(),
                    invocation.method.encode(),
                    invocation.path.encode(),
                    invocation.root_path.encode(),
                    invocation.query,
                    invocation.scheme.encode(),
                    invocation.client.encode(),
                    json.dumps(params).encode() if params else b"",
                    invocation.user,
                    invocation.traceparent,
                    invocation.headers,
                    body,
                )
            ),
            flags=flags,
        )
    except struct.error as error:
        raise TooLarge("the path, the query or a header is longer than 64 KiB") from error
    if len(frame) > FRAME_BYTES_MAX + HEAD_SIZE - 5:
        raise TooLarge("the request's head does not fit into a frame")
    return frame
