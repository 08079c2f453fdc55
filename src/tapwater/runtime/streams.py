"""Bodies in pieces, both ways, each side waiting for the other by windows."""

from collections.abc import AsyncIterator, Callable, Iterator

from tapwater.runtime import wire
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.logs import SINK
from tapwater.runtime.multipart import FormFields, FormParser, close_files

PIECE_BYTES_MAX = 64 << 10  # of one BODY frame: the other end may begin early


def _arrived(call: Call) -> Callable[[], bool]:
    return lambda: bool(call.parts) or call.finished or call.cancelled is not None


def _next_piece(call: Call) -> bytes:
    """The next piece that is here; empty at the end."""
    if call.cancelled is not None:
        raise CallerGone(call.cancelled)
    if not call.parts:
        return b""
    data = call.parts.popleft()
    if not call.finished:
        call.link.send(wire.pack_window(call.number, len(data)))
    return data


def pieces(call: Call) -> Iterator[bytes]:
    """The request's body, piece by piece, for a handler that may block."""
    first = call.invoke.body
    if first:
        yield first
    arrived = _arrived(call)
    while True:
        if not call.parts and not call.finished:
            call.link.wait(call, arrived)
        data = _next_piece(call)
        if not data:
            return
        yield data


async def pieces_async(call: Call) -> AsyncIterator[bytes]:
    """The same for an async handler."""
    first = call.invoke.body
    if first:
        yield first
    arrived = _arrived(call)
    while True:
        if not call.parts and not call.finished:
            await call.link.wait_async(call, arrived)
        data = _next_piece(call)
        if not data:
            return
        yield data


def whole_body(call: Call) -> bytes:
    """The request's body, all of it; the gateway holds its ceiling."""
    return call.invoke.body if not call.invoke.more else b"".join(pieces(call))


def whole_form(call: Call, content_type: str) -> FormFields:
    """A form, its large files put into /tmp as they come; they go with the call."""
    parser = FormParser(content_type)
    try:
        for piece in pieces(call):
            parser.feed(piece)
        return _kept(call, parser.finish())
    except BaseException:
        parser.close()
        raise


def _kept(call: Call, form: FormFields) -> FormFields:
    call.files = [value for values in form.values() for value in values]
    return form


async def whole_body_async(call: Call) -> bytes:
    """As ``whole_body``."""
    if not call.invoke.more:
        return call.invoke.body
    return b"".join([piece async for piece in pieces_async(call)])


async def whole_form_async(call: Call, content_type: str) -> FormFields:
    """As ``whole_form``."""
    parser = FormParser(content_type)
    try:
        async for piece in pieces_async(call):
            parser.feed(piece)
        return _kept(call, parser.finish())
    except BaseException:
        parser.close()
        raise


def release(call: Call) -> None:
    """The call is over: its files go."""
    if call.files:
        close_files(call.files)


def writable(call: Call) -> Callable[[], bool]:
    """Whether a piece of the answer may be sent now, or never again."""
    return lambda: call.credit > 0 or call.cancelled is not None


def send_piece(call: Call, data: bytes, at: int) -> int:
    """Send as much from ``at`` on as may be sent now; gives where to go on."""
    if call.cancelled is not None:
        raise CallerGone(call.cancelled)
    end = at + min(len(data) - at, call.credit, PIECE_BYTES_MAX)
    call.credit -= end - at
    call.link.send(wire.pack_body(call.number, data[at:end], last=False))
    return end


def write(call: Call, data: bytes) -> None:
    """Send a piece of the answer, waiting for room."""
    may, at = writable(call), 0
    while at < len(data):
        if not may():
            call.link.wait(call, may)
        at = send_piece(call, data, at)


async def write_async(call: Call, data: bytes) -> None:
    """As ``write``."""
    may, at = writable(call), 0
    while at < len(data):
        if not may():
            await call.link.wait_async(call, may)
        at = send_piece(call, data, at)


def begin(call: Call, status: int, headers: wire.Headers) -> None:
    """Send status and headers of an answer that comes in pieces."""
    call.started = True
    call.link.send(wire.pack_result(call.number, status, headers, b"", more=True))


def begin_packed(call: Call, status: int, headers: tuple[int, bytes]) -> None:
    """As ``begin``, with headers that are packed."""
    call.started = True
    call.link.send(wire.pack_whole(call.number, status, headers, b"", more=True))


def finish(call: Call) -> None:
    """End an answer that came in pieces."""
    number = call.number
    SINK.finish(call)
    call.ended = True
    call.link.send(wire.pack_body(number, b"", last=True) + wire.pack_done(number))
