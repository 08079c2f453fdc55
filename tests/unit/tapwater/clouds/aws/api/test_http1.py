"""Requests in pieces, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater.clouds.aws.api.http1 import Data, End, Head, HttpError, Parser, Part, write

CHUNKED = (
    b"POST /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\n\r\n"
    b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Two: 2\r\n\r\n"
)
PLAIN = b"POST /d HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"
BARE = b"GET /e HTTP/1.1\r\n\r\n"
WHOLE = CHUNKED + PLAIN + BARE + CHUNKED


def joined(parts: list[Part]) -> list[object]:
    """Parts with the pieces of each body put together."""
    made: list[object] = []
    body = b""
    for part in parts:
        if isinstance(part, Head):
            made.append((part.method, part.path, part.headers.get("x-one")))
            body = b""
        elif isinstance(part, Data):
            body += part.data
        else:
            made.append((body, dict(part.trailers)))
    return made


EXPECTED = [
    ("POST", "/a", "1"),
    (b"abc0123456789", {"x-two": "2"}),
    ("POST", "/d", None),
    (b"hello", {}),
    ("GET", "/e", None),
    (b"", {}),
    ("POST", "/a", "1"),
    (b"abc0123456789", {"x-two": "2"}),
]


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    parser, parts = Parser(), []
    places = [0, *sorted(cuts), len(WHOLE)]
    for start, end in pairwise(places):
        parts += parser.feed(WHOLE[start:end])
    assert joined(parts) == EXPECTED


@given(st.binary(max_size=200))
def test_anything_else_is_refused_or_waited_for(data: bytes) -> None:
    try:
        Parser().feed(data)
        Parser().feed(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + data)
    except HttpError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"a" * 1_400_000,
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(HttpError):
        Parser().feed(data)


def test_a_large_head_is_taken() -> None:
    """What a runtime tells of an error for X-Ray is in a header, up to a megabyte of it."""
    head = b"POST / HTTP/1.1\r\nx: " + b"y" * (1 << 20) + b"\r\n\r\n"
    assert isinstance(Parser().feed(head)[0], Head)


@pytest.mark.parametrize(
    ("data", "keep"),
    [
        (BARE, True),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", False),
    ],
)
def test_whether_the_connection_stays(data: bytes, keep: bool) -> None:
    head, end = Parser().feed(data)
    assert isinstance(head, Head)
    assert head.keep is keep
    assert isinstance(end, End)


def test_a_header_cannot_hold_another() -> None:
    answer = write(200, {"a": "b\r\nc: d"}, b"x", keep=False)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[1:] == [b"a: bc: d", b"Content-Length: 1", b"Connection: close"]
    assert body == b"x"


@pytest.mark.parametrize("size", [b"-5", b"+5", b"0x5", b"5_0", b"", b"f" * 16])
def test_a_size_is_digits_and_not_too_many(size: bytes) -> None:
    with pytest.raises(HttpError):
        Parser().feed(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + size + b"\r\n")


@pytest.mark.parametrize("length", ["-5", "+5", "5_0", "9" * 5000, "9" * 16])
def test_a_length_is_digits_and_not_too_many(length: str) -> None:
    with pytest.raises(HttpError):
        Parser().feed(f"POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n".encode())
