"""Reads a connection's bytes into exchanges: framing, ceilings, and what smugglers try.

The parser (llhttp, strict) refuses bare line feeds, folded headers, control characters, repeated
lengths and lengths beside chunks. What it lets pass and we do not, is refused here.
"""

from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from tapwater_server.gateway.errors import Refusal
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.model.invocation import Headers

if TYPE_CHECKING:
    from tapwater_server.gateway.connection import Connection

SLICE_BYTES = 16 << 10  # So much is parsed before we look whether to go on.
# Headers that are not the function's: about the connection, or about a proxy before us.
_HELD_BACK = frozenset(
    {
        b"transfer-encoding",
        b"expect",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
    }
)
_CONTINUE = b"100-continue"
_ONCE = frozenset({b"host", b"transfer-encoding", b"content-length"})


class _Fatal(Refusal):
    """A refusal after which nothing on this connection can be trusted any more."""


class _Deaf(Exception):
    """No further request is read here."""


class Reader:
    """The parser's callbacks. One per connection."""

    __slots__ = (
        "_connection",
        "_exchange",
        "_framed",
        "_head_bytes",
        "_headers",
        "_parser",
        "_rest",
        "_seen",
        "_url",
        "deaf",
        "held",
        "in_head",
    )

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._parser = HttpRequestParser(self)
        self._exchange: Exchange | None = None  # whose body is being read
        self._url = b""
        self._headers: Headers = []
        self._seen: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._framed = False  # a header came that says how the body comes
        self._rest = b""
        self.in_head = False
        self.held = False  # parse no further for now
        self.deaf = False  # no further request will be read

    @property
    def in_body(self) -> bool:
        return self._exchange is not None

    def feed(self, data: bytes) -> None:
        """Take what the socket gave."""
        if self.deaf:
            return
        if self.held or self._rest:
            self._rest += data
            return
        if len(data) <= SLICE_BYTES:
            self._parse(data)
        else:
            self._rest = data
            self.go_on()

    def go_on(self) -> None:
        """Parse what was kept back."""
        data, at = self._rest, 0
        self._rest = b""
        while at < len(data) and not self.held and not self.deaf:
            self._parse(data[at : at + SLICE_BYTES])
            at += SLICE_BYTES
        if not self.deaf:
            self._rest = data[at:]

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except HttpParserError as error:
            self._broken(error)
        if self.in_head or self._exchange is not None:
            # A head that is not whole yet, or trailers and chunk extensions between body pieces.
            if not self._head_bytes:
                self._connection.touched()
            self._head_bytes += len(data)
            if self._head_bytes > self._connection.door.limits.header_bytes_max:
                self._give_up(self._too_long())

    def _upgraded(self, rest: bytes) -> None:
        """The parser stops at what may be another protocol; only WebSockets are."""
        if self._connection.session is not None:
            self._connection.session.received(rest)
        elif rest and not self.deaf:
            self._parse(rest)

    def _broken(self, error: HttpParserError) -> None:
        if not self.deaf:
            cause = error.__context__
            if cause is not None and not isinstance(cause, HttpParserError):
                raise cause  # A bug of ours in a callback.
            self._give_up(Refusal("malformed", f"This is not HTTP/1.1: {error}."))

    def _too_long(self) -> Refusal:
        if not self._headers and len(self._url) > self._connection.door.limits.url_bytes_max:
            return Refusal("url_too_long", "The request target is too long.")
        return Refusal("headers_too_large", "The headers are too large.")

    def _give_up(self, refusal: Refusal) -> None:
        """Refuse what is being read; nothing after it can be understood."""
        self.deaf, self.in_head = True, False
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            exchange = Exchange(self._connection, b"", self._url, self._headers, self._seen)
        self._connection.refuse(exchange, refusal)

    def too_slow(self) -> None:
        """The rest of what is being read did not come in time."""
        self._give_up(Refusal("too_slow", "The rest of the request did not come in time."))

    # The parser calls these.

    def on_message_begin(self) -> None:
        if self.deaf:
            raise _Deaf
        self.in_head = True
        self._framed = False
        self._head_bytes = 0
        self._url = b""
        self._headers = []
        self._seen = {}

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            return  # A trailer.
        name = name.lower()
        value = value.rstrip()
        seen = self._seen
        if name in seen and name in _ONCE:
            value = b"\0"  # Refused below: a callback must not raise.
        seen[name] = value
        if name in _HELD_BACK:
            self._framed = True
        else:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        parser = self._parser
        exchange = Exchange(
            self._connection, parser.get_method(), self._url, self._headers, self._seen
        )
        self._exchange = exchange
        exchange.keep_alive = parser.should_keep_alive()
        try:
            self._check(exchange, parser.get_http_version())
            self._head_bytes = 0
            self._connection.decide(exchange)
        except _Fatal as refusal:
            self._give_up(refusal)
            return
        except Refusal as refusal:
            exchange.refusal = refusal
        if b"content-length" in self._seen or b"transfer-encoding" in self._seen:
            self._expect_body(exchange)

    def _check(self, exchange: Exchange, version: str) -> None:
        limits = self._connection.door.limits
        seen = self._seen
        if len(self._url) > limits.url_bytes_max:
            raise _Fatal("url_too_long", "The request target is too long.")
        if len(self._headers) > limits.headers_max or (self._head_bytes and self._too_many()):
            raise _Fatal("headers_too_large", "The headers are too large.")
        if version != "1.1":
            self._check_old(exchange, version)
        elif exchange.host == b"\0" or b"host" not in seen:
            raise _Fatal("host", "Send exactly one Host header.")
        if self._framed:
            self._check_framing()

    def _too_many(self) -> bool:
        """Count a head that came in pieces: the last piece was not counted yet."""
        size = sum(len(name) + len(value) + 4 for name, value in self._headers)
        return size > self._connection.door.limits.header_bytes_max

    def _check_old(self, exchange: Exchange, version: str) -> None:
        exchange.old = True
        if version != "1.0":
            raise _Fatal("http_version", "Speak HTTP/1.1 or HTTP/1.0.")
        if b"transfer-encoding" in self._seen:
            raise _Fatal("malformed", "HTTP/1.0 has no transfer codings.")
        if exchange.host == b"\0":
            raise _Fatal("host", "Send one Host header at most.")

    def _check_framing(self) -> None:
        seen = self._seen
        coding = seen.get(b"transfer-encoding")
        if coding is not None and b"content-length" in seen:
            raise _Fatal("malformed", "A body has one length, not two.")
        if coding is not None and coding.lower() != b"chunked":
            raise _Fatal("not_implemented", "Only 'chunked' can be decoded.")
        if seen.get(b"expect", _CONTINUE).lower() != _CONTINUE:
            raise Refusal("expectation", "Nothing but '100-continue' can be expected.")

    def _expect_body(self, exchange: Exchange) -> None:
        """Decide before the body comes whether to take it, and whether to gather or stream it."""
        connection = self._connection
        length = int(self._seen.get(b"content-length") or -1)
        if exchange.refusal is None and length > exchange.body_bytes_max:
            exchange.refusal = Refusal(
                "too_large", f"The body may have {exchange.body_bytes_max} bytes at most."
            )
        waits = b"expect" in self._seen
        small = 0 <= length <= connection.door.limits.body_inline_bytes_max
        if exchange.refusal is not None:
            if waits or not small or not exchange.keep_alive:
                self._give_up(exchange.refusal)
            return
        if waits and length != 0 and not exchange.old:
            connection.promise(exchange)
        if length > connection.door.limits.body_inline_bytes_max:
            connection.enqueue(exchange)

    def on_body(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        connection = self._connection
        connection.touched()
        self._head_bytes = 0
        exchange.size += len(data)
        if exchange.refusal is not None:
            return
        if exchange.size > exchange.body_bytes_max:
            self._give_up(Refusal("too_large", "The body is larger than this function takes."))
        elif exchange.started:
            connection.feed(exchange, data)
        else:
            exchange.parts.append(data)
            if exchange.size > connection.door.limits.body_inline_bytes_max:
                connection.enqueue(exchange)

    def on_message_complete(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        exchange.complete = True
        if not exchange.keep_alive:
            self.deaf = True
        if exchange.started:
            self._connection.feed_last(exchange)
        else:
            self._connection.enqueue(exchange)
