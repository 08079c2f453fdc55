"""What a guest may say in an answer: status and headers, judged. Pure."""

import re

from tapwater.runtime.wire import Headers, WireError, read_result

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # RFC 9110, 5.6.2, in lower case
_BREAKS = re.compile(rb"[\r\n\0]")
_NAMES_KNOWN = frozenset(
    {
        b"cache-control", b"content-disposition", b"content-encoding", b"content-language",
        b"content-length", b"content-type", b"date", b"etag", b"expires", b"last-modified",
        b"link", b"location", b"retry-after", b"server", b"set-cookie", b"vary",
        b"www-authenticate", b"x-request-id",
    }
)  # fmt: skip
# The platform's own to say: a function must not tell its callers what calls cost.
_RESERVED = frozenset({b"tapwater-cost", b"tapwater-usage"})
STATUS_MIN, STATUS_MAX = 100, 599
_HEAD_BYTES_MAX = 4096  # A longer head is not worth remembering.


def check_headers(headers: Headers) -> None:
    """Refuse what could not go out on HTTP, or would go out as something else.

    Raises:
        WireError: a name is no token in lower case, or a value holds a line break or NUL.
    """
    for name, value in headers:
        if name not in _NAMES_KNOWN and _TOKEN.fullmatch(name) is None:
            raise WireError(f"a header name that is none: {name[:80]!r}")
        if _BREAKS.search(value) is not None:
            raise WireError(f"a line break or NUL in the header {name.decode()!r}")


class AnswerReader:
    """Reads RESULT payloads of one instance; remembers the last head, since most are alike."""

    __slots__ = ("_head", "_headers", "_more", "_status")

    def __init__(self) -> None:
        self._head = b"\0never"
        self._status = 0
        self._more = False
        self._headers: Headers = []

    def read(self, payload: bytes) -> tuple[int, bool, Headers, bytes]:
        """Give status, whether more follows, headers, body.

        Raises:
            WireError: any of it is not what may be sent.
        """
        # A head says itself where it ends, so the same bytes in front are the same head.
        if payload.startswith(self._head):
            return self._status, self._more, self._headers.copy(), payload[len(self._head) :]
        status, more, headers, body = read_result(payload)
        if not STATUS_MIN <= status <= STATUS_MAX:
            raise WireError(f"a status of {status}")
        check_headers(headers)
        headers = [pair for pair in headers if pair[0] not in _RESERVED]
        head_size = len(payload) - len(body)
        if head_size <= _HEAD_BYTES_MAX:
            self._head = payload[:head_size]
            self._status, self._more, self._headers = status, more, headers.copy()
        return status, more, headers, body
