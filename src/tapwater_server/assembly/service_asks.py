"""A running function asks a service: its frame becomes a request to the same table as HTTP's.

The body of the question and of its answer: four bytes (the head's length, big endian), the head
in JSON (``method``, ``path``, ``query``, ``headers``; in the answer ``status``, ``headers``), and
the body as it is.
"""

import struct
from collections.abc import Callable

import msgspec

from tapwater_server.model.errors import Invalid, NotFound, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.limits import FRAME_BYTES_MAX
from tapwater_server.model.principal import Principal
from tapwater_server.web.asked import Asked, in_one
from tapwater_server.web.dispatch import Said, Table, refuse
from tapwater_server.web.using import Using

HEAD_BYTES_MAX = 64 << 10
ANSWER_BYTES_MAX = FRAME_BYTES_MAX - HEAD_BYTES_MAX  # Its head must fit the frame, too.
_SIZE = struct.Struct(">I")


class _Head(msgspec.Struct):
    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}


class ServiceAsks:
    """Answers the questions called "service"."""

    def __init__(
        self, *, table: Callable[[], Table], exists: Callable[[AppId], bool], using: Using
    ) -> None:
        self._table, self._exists, self._using = table, exists, using

    async def answer(self, caller: Invocation, body: bytes) -> bytes:
        """Ask the table in the name of the calling function.

        Raises:
            Invalid: the frame is none.
            NotFound: the app was removed while its function ran: it must leave nothing behind.
        """
        head, rest = _read(body)
        table, function = self._table(), caller.function.id
        if not self._exists(function.app):
            raise NotFound(f"there is no app {function.app} any more")
        asked = Asked(
            app=function.app,
            who=Principal(
                name=str(function), apps=frozenset({function.app}), function=function.name
            ),
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            chunks=lambda: in_one(rest),
            whole=rest,
            client="function",
            caller=caller,
        )
        try:
            return await _pack(await table.answer(asked))
        finally:
            self._using.take(asked)


def _read(body: bytes) -> tuple[_Head, bytes]:
    if len(body) < _SIZE.size:
        raise Invalid("a question to a service that is cut short")
    end = _SIZE.size + _SIZE.unpack_from(body)[0]
    if end > min(len(body), HEAD_BYTES_MAX):
        raise Invalid("a question to a service whose head is cut short, or too large")
    try:
        head = msgspec.json.decode(body[_SIZE.size : end], type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"a question to a service that cannot be read: {error}") from error
    return head, body[end:]


async def _pack(said: Said) -> bytes:
    body = await _gather(said)
    if body is None:
        said = refuse(
            TooLarge(
                f"the answer has more than {ANSWER_BYTES_MAX} bytes, more than fits a function's "
                "line: ask for less, or for a range at a time"
            )
        )
        assert isinstance(said.body, bytes)
        body = said.body
    head = msgspec.json.encode({"status": said.status, "headers": dict(said.headers)})
    return _SIZE.pack(len(head)) + head + body


async def _gather(said: Said) -> bytes | None:
    """Give the whole body; None: it does not fit."""
    if isinstance(said.body, bytes):
        return said.body if len(said.body) <= ANSWER_BYTES_MAX else None
    parts = bytearray()
    try:
        async for part in said.body:
            parts += part
            if len(parts) > ANSWER_BYTES_MAX:
                return None
    finally:
        close = getattr(said.body, "aclose", None)
        if close is not None:
            await close()
    return bytes(parts)
