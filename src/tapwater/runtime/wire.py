"""Frames between host and guest: bytes in, frames out. No sockets, no threads, no clock.

One frame is ``u32 size | u8 kind | u32 call | payload``, little endian; ``size`` counts what
follows it. A connection begins with the guest's HELLO (which carries the wire's version). Calls
are numbered by the host. Both ends use this file, so that there is one place to read.

    host -> guest
    INVOKE   a call, see ``Invoke``; MORE flag: the body goes on in BODY frames
    BODY     a piece of the request's body; first byte 1: the last one
    WINDOW   u32: so many more bytes of the answer may be sent
    MESSAGE  one WebSocket message: u8 (1 text, 2 binary), data
    CANCEL   text: the caller has gone (WebSocket: the peer has closed)
    ANSWER   to an ASK: u32 ask, u8 (1 fine, 0 not), JSON
    STOP     finish what is running, then exit
    AHEAD    comes first where it comes, with the reading ends of two pipes (SCM_RIGHTS): an INVOKE
             with the flag AHEAD may be begun only by who reads its number from the first, or
             from the second if it has the flag SECOND, too
    PROFILE  look at stacks for a while: JSON {"number", "seconds" (0: stop), "rate", "mode"}

    guest -> host
    HELLO    JSON: {"wire": 1, "guest": "<version>", ...}; from a zygote with its manifest
    RESULT   u16 status, u8 flags (MORE), u16 header count, headers, body
    BODY     a piece of the answer; first byte 1: the last one
    MESSAGE  one WebSocket message, as above
    WINDOW   u32: so many more bytes of the request may be sent
    FAIL     JSON: {"ending": "user_error", "message": "...", "trace": "..."}; ends the call
    DONE     ends a call whose answer had MORE (after the last BODY) or a WebSocket (u16 code)
    LOG      u8 level (low digit) and stream (high digit: 0 log, 1 print, 2 stderr), text in UTF-8;
             call 0: outside any call
    SAID     a LOG with fields: the same byte, u32 length, text, JSON object
    SPAN     a step of the call has ended: JSON {"id", "parent", "name", "ms", "ok", "facts"}, or
             {"more"}: so many that are not told one by one
    ASK      the function wants something: u32 ask, u16 length, name, JSON
    STACKS   what was seen since the last: JSON {"number", "looks", "last", "stacks"}

A RESULT without MORE ends its call by itself: the hot path is one frame each way.
Headers are ``u16 name length | u32 value length`` and the bytes, names in lower case.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

VERSION = 1
FRAME_BYTES_MAX = 2 << 20  # A document of 1 MiB and its head; a larger frame is an attack.
WINDOW_BYTES = 256 << 10
HEADERS_MAX = 256
MORE = 1  # flag: body frames follow
AHEAD = 2  # flag: sent while another call runs; must be claimed before it is begun
SECOND = 4  # flag, with AHEAD: the claim is in the second pipe
HEAD = struct.Struct("<IBI")
HEAD_SIZE = HEAD.size
_AFTER_SIZE = HEAD_SIZE - 4
_RESULT = struct.Struct("<HBH")
_HEADER = struct.Struct("<HI")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_ASK = struct.Struct("<IH")
_ANSWER = struct.Struct("<IB")
INVOKE_HEAD = struct.Struct("<BBHdHHHHHHHHHII")
_WHOLE = struct.Struct("<IBIHBH")  # head and result in one

Headers = list[tuple[bytes, bytes]]


class WireError(Exception):
    """The other end broke the protocol."""


class Kind(IntEnum):
    """What a frame is."""

    INVOKE = 1
    BODY = 2
    WINDOW = 3
    MESSAGE = 4
    CANCEL = 5
    ANSWER = 6
    STOP = 7
    AHEAD = 8
    PROFILE = 9
    HELLO = 16
    RESULT = 17
    FAIL = 18
    DONE = 19
    LOG = 20
    ASK = 21
    STACKS = 22
    SAID = 23
    SPAN = 24
    COMING = 25


class Verb(IntEnum):
    """What kind of call an INVOKE asks for."""

    HTTP = 1
    WEBSOCKET = 2
    EVENT = 3


class Level(IntEnum):
    """Levels of a LOG frame: the low digit of its first byte."""

    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4


class Frame(NamedTuple):
    """One frame, its payload not yet read."""

    kind: int
    call: int
    payload: bytes


class Invoke(NamedTuple):
    """What an INVOKE carries. ``timeout_s`` 0: none. ``params`` and ``user`` are JSON or empty."""

    verb: int
    more: bool
    timeout_s: float
    depth: int
    id: bytes
    method: bytes
    path: bytes
    root_path: bytes
    query: bytes
    scheme: bytes
    client: bytes
    params: bytes
    user: bytes
    trace: bytes
    headers: Headers
    body: bytes


def pack(kind: int, call: int, payload: bytes = b"") -> bytes:
    """Make one frame.

    >>> pack(Kind.STOP, 0).hex()
    '050000000700000000'
    """
    return HEAD.pack(_AFTER_SIZE + len(payload), kind, call) + payload


def pack_invoke(call: int, invoke: Invoke, *, flags: int = 0) -> bytes:
    """Make an INVOKE frame. The texts must each be shorter than 64 KiB."""
    trace_and_headers = _pack_headers(invoke.headers)
    texts = invoke[4:14]
    fixed = INVOKE_HEAD.pack(
        invoke.verb,
        (MORE if invoke.more else 0) | flags,
        invoke.depth,
        invoke.timeout_s,
        *[len(text) for text in texts[:9]],
        len(texts[9]),
        len(trace_and_headers),
    )
    payload = b"".join((fixed, *texts, trace_and_headers, invoke.body))
    return HEAD.pack(_AFTER_SIZE + len(payload), Kind.INVOKE, call) + payload


def read_invoke(payload: bytes) -> Invoke:
    """Read an INVOKE's payload.

    Raises:
        WireError: it is cut short.
    """
    try:
        verb, flags, depth, timeout_s, *sizes = INVOKE_HEAD.unpack_from(payload)
    except struct.error as error:
        raise WireError("an invocation that is cut short") from error
    at = INVOKE_HEAD.size
    texts: list[bytes] = []
    for size in sizes[:10]:
        texts.append(payload[at : at + size])
        at += size
    end = at + sizes[10]
    if end > len(payload):
        raise WireError("an invocation that is cut short")
    headers = read_headers(payload, at, end)
    first = (verb, bool(flags & MORE), timeout_s, depth)
    return Invoke._make((*first, *texts, headers, payload[end:]))


def pack_claim(call: int) -> bytes:
    """Make what lets a guest begin a call that was sent ahead: its number, four bytes."""
    return _U32.pack(call)


def pack_result(call: int, status: int, headers: Headers, body: bytes, *, more: bool) -> bytes:
    """Make a RESULT frame."""
    payload = b"".join(
        (_RESULT.pack(status, MORE if more else 0, len(headers)), _pack_headers(headers), body)
    )
    return HEAD.pack(_AFTER_SIZE + len(payload), Kind.RESULT, call) + payload


def read_result(payload: bytes) -> tuple[int, bool, Headers, bytes]:
    """Read a RESULT's payload: status, whether more follows, headers, body.

    Raises:
        WireError: it is cut short, or has too many headers. Status and header bytes are NOT
            judged here: what may go out on HTTP is the gateway's to say.
    """
    if len(payload) < _RESULT.size:
        raise WireError("a result that is cut short")
    status, flags, count = _RESULT.unpack_from(payload)
    if count > HEADERS_MAX:
        raise WireError(f"{count} headers; the most is {HEADERS_MAX}")
    at = _RESULT.size
    headers: Headers = []
    for _ in range(count):
        if at + _HEADER.size > len(payload):
            raise WireError("headers that are cut short")
        name_size, value_size = _HEADER.unpack_from(payload, at)
        at += _HEADER.size
        end = at + name_size + value_size
        if end > len(payload):
            raise WireError("a header that is cut short")
        headers.append((payload[at : at + name_size], payload[at + name_size : end]))
        at = end
    return status, bool(flags & MORE), headers, payload[at:]


def pack_body(call: int, data: bytes, *, last: bool) -> bytes:
    """Make a BODY frame; cut larger data before."""
    return pack(Kind.BODY, call, (b"\x01" if last else b"\x00") + data)


def read_body(payload: bytes) -> tuple[bytes, bool]:
    """Read a BODY's payload: data, whether it is the last."""
    if not payload:
        raise WireError("an empty body frame")
    return payload[1:], payload[0] == 1


def pack_message(call: int, data: str | bytes) -> bytes:
    """Make a MESSAGE frame."""
    said = b"\x01" + data.encode() if isinstance(data, str) else b"\x02" + data
    return pack(Kind.MESSAGE, call, said)


def read_message(payload: bytes) -> str | bytes:
    """Read a MESSAGE's payload."""
    if payload[:1] == b"\x01":
        try:
            return payload[1:].decode()
        except UnicodeDecodeError as error:
            raise WireError("a text message that is not UTF-8") from error
    if payload[:1] == b"\x02":
        return payload[1:]
    raise WireError("a message that is neither text nor binary")


def pack_window(call: int, count: int) -> bytes:
    """Make a WINDOW frame: ``count`` more bytes may come."""
    return pack(Kind.WINDOW, call, _U32.pack(count))


def pack_coming(call: int, took_ms: int | None) -> bytes:
    """Make a COMING frame: so long a runtime of its own took to come up; None: it has not yet."""
    return pack(Kind.COMING, call, _U32.pack(0xFFFFFFFF if took_ms is None else took_ms))


def read_u32(payload: bytes) -> int:
    """Read the number of a WINDOW or a COMING."""
    if len(payload) != _U32.size:
        raise WireError("a number that is cut short")
    return int(_U32.unpack(payload)[0])


def pack_done(call: int, code: int = 0) -> bytes:
    """Make a DONE frame; ``code`` is the WebSocket close code (RFC 6455, 7.4)."""
    return pack(Kind.DONE, call, _U16.pack(code))


def read_u16(payload: bytes) -> int:
    """Read the code of a DONE."""
    if len(payload) != _U16.size:
        raise WireError("a number that is cut short")
    return int(_U16.unpack(payload)[0])


def pack_ask(call: int, ask: int, name: str, body: bytes) -> bytes:
    """Make an ASK frame."""
    encoded = name.encode()
    return pack(Kind.ASK, call, _ASK.pack(ask, len(encoded)) + encoded + body)


def read_ask(payload: bytes) -> tuple[int, str, bytes]:
    """Read an ASK's payload: number, name, JSON."""
    if len(payload) < _ASK.size:
        raise WireError("a question that is cut short")
    ask, size = _ASK.unpack_from(payload)
    end = _ASK.size + size
    try:
        return ask, payload[_ASK.size : end].decode(), payload[end:]
    except UnicodeDecodeError as error:
        raise WireError("a question whose name is not UTF-8") from error


def pack_answer(call: int, ask: int, body: bytes, *, fine: bool) -> bytes:
    """Make an ANSWER frame."""
    return pack(Kind.ANSWER, call, _ANSWER.pack(ask, 1 if fine else 0) + body)


def read_answer(payload: bytes) -> tuple[int, bool, bytes]:
    """Read an ANSWER's payload: number, whether it went well, JSON."""
    if len(payload) < _ANSWER.size:
        raise WireError("an answer that is cut short")
    ask, fine = _ANSWER.unpack_from(payload)
    return ask, fine == 1, payload[_ANSWER.size :]


def pack_headers(headers: Headers) -> tuple[int, bytes]:
    """Pack headers once, for many answers: see ``pack_whole``."""
    return len(headers), _pack_headers(headers)


def pack_whole(
    call: int, status: int, headers: tuple[int, bytes], body: bytes, *, more: bool = False
) -> bytes:
    """Make a RESULT frame from headers packed before: the hot path's form.

    >>> pack_whole(1, 200, pack_headers([(b"a", b"b")]), b"c") == pack_result(
    ...     1, 200, [(b"a", b"b")], b"c", more=False)
    True
    """
    count, packed = headers
    size = _AFTER_SIZE + _RESULT.size + len(packed) + len(body)
    return b"".join((_WHOLE.pack(size, 17, call, status, more, count), packed, body))


def _pack_headers(headers: Headers) -> bytes:
    parts: list[bytes] = []
    for name, value in headers:
        parts += (_HEADER.pack(len(name), len(value)), name, value)
    return b"".join(parts)


def read_headers(payload: bytes, at: int, end: int) -> Headers:
    """Read the headers between two places of an INVOKE.

    Raises:
        WireError: they do not end there.
    """
    headers: Headers = []
    while at < end:
        try:
            name_size, value_size = _HEADER.unpack_from(payload, at)
        except struct.error as error:
            raise WireError("headers that are cut short") from error
        at += _HEADER.size
        middle = at + name_size
        headers.append((payload[at:middle], payload[middle : middle + value_size]))
        at = middle + value_size
    if at > end:
        raise WireError("a header that is cut short")
    return headers


class Decoder:
    """Turns a stream of bytes into frames. Feed it what a socket gave.

    >>> decoder = Decoder()
    >>> decoder.feed(pack(Kind.STOP, 0) + b"\\x05")
    [Frame(kind=7, call=0, payload=b'')]
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes, *, most: int = FRAME_BYTES_MAX) -> list[Frame]:
        """Take bytes, give the frames that are whole, but no more than ``most``: given so many,
        there may be others. Feed it nothing to get those.

        Raises:
            WireError: a frame is larger than allowed, or smaller than its own head.
        """
        if self._rest:
            data = self._rest + data
        frames: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= HEAD_SIZE and len(frames) < most:
            size, kind, call = HEAD.unpack_from(data, at)
            if size > FRAME_BYTES_MAX or size < _AFTER_SIZE:
                raise WireError(f"a frame of {size} bytes; the most is {FRAME_BYTES_MAX}")
            stop = at + 4 + size
            if stop > end:
                break
            frames.append(Frame(kind, call, data[at + HEAD_SIZE : stop]))
            at = stop
        self._rest = data[at:] if at else data
        return frames
