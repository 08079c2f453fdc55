"""What handlers return, as answers."""

import datetime
import decimal
import enum
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater import Response, ServerSentEvent
from tapwater.runtime import wire
from tapwater.runtime.answers import Pieces, Whole, dump, kind_of_pieces, piece, render


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


class Struct(msgspec.Struct):
    y: int


class Model(pydantic.BaseModel):
    at: datetime.date


def _whole(value: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    answer = render(value)
    assert isinstance(answer, Whole)
    packed = wire.pack_whole(1, *answer)
    status, _, headers, body = wire.read_result(packed[wire.HEAD_SIZE :])
    return status, dict(headers), body


@pytest.mark.parametrize(
    ("value", "status", "kind", "body"),
    [
        ("hé", 200, b"text/plain; charset=utf-8", "hé".encode()),
        (b"\0", 200, b"application/octet-stream", b"\0"),
        (bytearray(b"a"), 200, b"application/octet-stream", b"a"),
        ({"a": None}, 200, b"application/json", b'{"a":null}'),
        ([1, "é"], 200, b"application/json", '[1,"é"]'.encode()),
        ((1, 2), 200, b"application/json", b"[1,2]"),
        (7, 200, b"application/json", b"7"),
        (True, 200, b"application/json", b"true"),
        (None, 204, None, b""),
        (Point(x=1), 200, b"application/json", b'{"x":1}'),
        ([Struct(y=2)], 200, b"application/json", b'[{"y":2}]'),
        (Model(at=datetime.date(2026, 1, 2)), 200, b"application/json", b'{"at":"2026-01-02"}'),
        (Response("x", 201), 201, b"text/plain; charset=utf-8", b"x"),
        (
            Response({"a": 1}, content_type="a/hal+json"),
            200,
            b"a/hal+json",
            b'{"a":1}',
        ),
        (Response.html("<p>"), 200, b"text/html; charset=utf-8", b"<p>"),
        (Response(None, 202), 202, None, b""),
    ],
)
def test_values_become_answers(value: Any, status: int, kind: bytes | None, body: bytes) -> None:
    came = _whole(value)
    assert (came[0], came[1].get(b"content-type"), came[2]) == (status, kind, body)


def test_json_has_a_form_for_the_usual_types() -> None:
    value = {
        "when": datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
        "id": uuid.UUID(int=1),
        "price": decimal.Decimal("1.10"),
        "colour": Colour.RED,
        "span": datetime.timedelta(seconds=90),
        "set": {1},
    }
    assert json.loads(dump(value)) == {
        "when": "2026-01-02T03:04:00+00:00",
        "id": "00000000-0000-0000-0000-000000000001",
        "price": "1.10",
        "colour": "red",
        "span": 90.0,
        "set": [1],
    }
    for wrong in (object(), float("inf"), {"a": float("nan")}, {(1, 2): 3}):
        with pytest.raises((TypeError, ValueError)):
            dump(wrong)


def test_redirect_and_cookies() -> None:
    response = Response.redirect("/a b?c=d").cookie("sid", "x y", max_age=60)
    assert response.status == 303
    assert dict(response.headers) == {
        b"location": b"/a%20b?c=d",
        b"set-cookie": b'sid="x y"; HttpOnly; Max-Age=60; Path=/; SameSite=Lax; Secure',
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda: Response("", headers={"x": "a\r\nset-cookie: b"}),
        lambda: Response("", headers={"x y": "a"}),
        lambda: Response("", headers={"": "a"}),
        lambda: Response("", content_type="a\nb"),
        lambda: Response("", 99),
        lambda: Response("").cookie("a b", "c"),
        lambda: Response("").cookie("a", "c", domain="x\r\ny"),
    ],
)
def test_headers_cannot_be_smuggled(make: Any) -> None:
    with pytest.raises(Exception, match=r".+"):
        make()


def _yielding(*items: Any) -> Iterator[Any]:
    yield from items


@pytest.mark.parametrize(
    ("response", "first", "kind", "sent_events"),
    [
        (_yielding("a"), "a", b"text/plain; charset=utf-8", False),
        (_yielding(b"a"), b"a", b"application/octet-stream", False),
        (_yielding({}), {}, b"text/event-stream", True),
        (Response(_yielding("a"), content_type="text/csv"), "a", b"text/csv", False),
        (Response.sse(_yielding("a")), "a", b"text/event-stream", True),
        (Response.sse(["a"]), "a", b"text/event-stream", True),
    ],
)
def test_what_is_yielded_first_says_what_it_is(
    response: Any, first: Any, kind: bytes, sent_events: bool
) -> None:
    pieces = render(response)
    assert isinstance(pieces, Pieces)
    headers, events = kind_of_pieces(pieces, first)
    assert dict(headers)[b"content-type"] == kind
    assert events is sent_events


@given(st.text(max_size=50))
def test_text_of_an_event_never_breaks_out_of_it(text: str) -> None:
    lines = piece(ServerSentEvent(data=text), sent_events=True).split(b"\n")
    assert lines[-2:] == [b"", b""]
    assert all(line.startswith(b"data: ") for line in lines[:-2])
    assert b"\r" not in b"".join(lines)


def test_names_of_an_event_have_no_line_breaks() -> None:
    for wrong in (ServerSentEvent(event="a\nb"), ServerSentEvent(id="a\rb")):
        with pytest.raises(ValueError, match="line break"):
            piece(wrong, sent_events=True)
    assert piece(ServerSentEvent(retry_ms=5), sent_events=True) == b"retry: 5\n\n"
    with pytest.raises(TypeError):
        piece({}, sent_events=False)
