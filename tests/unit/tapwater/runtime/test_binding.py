"""Arguments out of requests: every kind of type, and every kind of nonsense."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, TypedDict
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater import (
    Body,
    Context,
    Cookie,
    Event,
    File,
    Form,
    Header,
    Path,
    Query,
    Request,
    Stream,
    User,
)
from tapwater.runtime.binding import compile_plan
from tapwater.runtime.context import Identity
from tests.unit.tapwater.runtime.bench import answer


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Line:
    item: str
    count: int = 1


@dataclass
class Order:
    lines: list[Line]
    note: str | None = None
    due: date | None = None

    def __post_init__(self) -> None:
        if not self.lines:
            raise ValueError("must have a line")


class Profile(TypedDict):
    name: str
    age: NotRequired[int]


class Point(msgspec.Struct):
    x: int
    y: int = 0


class Book(pydantic.BaseModel):
    title: str
    pages: int = pydantic.Field(gt=0)


def _problems(handler: Callable[..., Any], **request: Any) -> list[tuple[str, str]]:
    result = answer(handler, **request)
    assert result.status == 422, result
    return [(one["where"], one["what"]) for one in result.json()["problems"]]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "x", "x"),
        (int, "-7", -7),
        (float, "1.5", 1.5),
        (bool, "yes", True),
        (bool, "0", False),
        (Colour, "red", Colour.RED),
        (Colour, "BLUE", Colour.BLUE),
        (date, "2026-01-02", date(2026, 1, 2)),
        (datetime, "2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
        (UUID, "12345678123456781234567812345678", UUID("12345678123456781234567812345678")),
        (Decimal, "1.10", Decimal("1.10")),
        (Literal["a", 1], "1", 1),
        (int | str, "x", "x"),
        (int | str, "5", 5),
        (int | None, "5", 5),
        (list[int], "5", [5]),
        (set[str], "a", {"a"}),
        (tuple[int, ...], "5", (5,)),
        (Annotated[int, pydantic.Field(gt=3)], "5", 5),
        (pydantic.PositiveInt, "5", 5),
    ],
)
def test_query_becomes_its_type(annotation: Any, text: str, value: Any) -> None:
    seen: list[Any] = []

    def get(q: Any) -> None:
        seen.append(q)

    get.__annotations__["q"] = annotation
    assert answer(get, query=urlencode({"q": text})).status == 204
    assert seen == [value]
    assert type(seen[0]) is type(value)


@pytest.mark.parametrize(
    "annotation", [int, float, bool, Colour, date, datetime, UUID, Decimal, Literal["a"], list[int]]
)
@given(text=st.text(max_size=20))
def test_any_text_is_taken_or_refused(annotation: Any, text: str) -> None:
    def get(q: Any) -> None:
        assert q is not None

    get.__annotations__["q"] = annotation
    assert answer(get, query=urlencode({"q": text})).status in (204, 422)


def test_places_are_found_by_name_and_mark() -> None:
    def get(
        id: int,
        q: str,
        agent: Annotated[str, Header("user-agent")],
        sid: Annotated[str, Cookie()],
        x_request_id: str = Header(),
        page: int = Query("p", default=1),
        slug: str = Path(),
    ) -> list[object]:
        return [id, q, agent, sid, x_request_id, page, slug]

    result = answer(
        get,
        path_names={"id", "slug"},
        params={"id": "7", "slug": "a-b"},
        query="q=x&p=3",
        headers={"user-agent": "curl", "cookie": "sid=s1; other=2", "x-request-id": "r"},
    )
    assert result.json() == [7, "x", "curl", "s1", "r", 3, "a-b"]
    assert _problems(get, path_names={"id", "slug"}, params={"id": "x"}) == [
        ("path.id", "must be a whole number, not 'x'"),
        ("query.q", "is missing"),
        ("header.user-agent", "is missing"),
        ("cookie.sid", "is missing"),
        ("header.x-request-id", "is missing"),
        ("path.slug", "is missing"),
    ]


def test_optional_is_none_and_defaults_stand() -> None:
    def get(a: int | None, b: list[int] = [4], c: str = "c") -> list[object]:  # noqa: B006
        return [a, b, c]

    assert answer(get).json() == [None, [4], "c"]
    assert answer(get, query="a=1&b=2&b=3&c=").json() == [1, [2, 3], ""]
    assert _problems(get, query="b=2&b=x") == [("query.b[1]", "must be a whole number, not 'x'")]


def test_dataclass_body() -> None:
    def post(order: Order) -> Order:
        return order

    sent = {"lines": [{"item": "tap", "count": 2}, {"item": "pipe"}], "due": "2026-01-02"}
    assert answer(post, method="POST", json=sent).json() == {
        "lines": [{"item": "tap", "count": 2}, {"item": "pipe", "count": 1}],
        "note": None,
        "due": "2026-01-02",
    }
    wrong = {"lines": [{"item": 1}, {"count": "x"}, 3], "due": "soon"}
    assert _problems(post, method="POST", json=wrong) == [
        ("body.lines[0].item", "must be text, not a number"),
        ("body.lines[1].item", "is missing"),
        ("body.lines[1].count", "must be a whole number, not text"),
        ("body.lines[2]", "must be an object, not a number"),
        ("body.due", "must be a date (YYYY-MM-DD), not 'soon'"),
    ]
    assert _problems(post, method="POST", json={"lines": []}) == [("body", "must have a line")]
    assert _problems(post, method="POST", body=b"") == [("body", "is missing")]
    assert _problems(post, method="POST", body=b"{")[0][0] == "body"


def test_typed_dict_msgspec_and_pydantic_bodies() -> None:
    def typed(profile: Profile) -> Profile:
        return profile

    def struct(point: Point) -> Point:
        return point

    def model(book: Book) -> Book:
        return book

    assert answer(typed, json={"name": "x"}).json() == {"name": "x"}
    assert _problems(typed, json={"age": 1}) == [("body.name", "is missing")]
    assert answer(struct, json={"x": 1}).json() == {"x": 1, "y": 0}
    assert _problems(struct, json={"x": "1"}) == [("body.x", "Expected `int`, got `str`")]
    assert answer(model, json={"title": "a", "pages": 2}).json() == {"title": "a", "pages": 2}
    assert [where for where, _ in _problems(model, json={"pages": 0})] == [
        "body.title",
        "body.pages",
    ]
    for handler in (struct, model):
        assert answer(handler, body=b"{").status == 422
        assert answer(handler, body=b"").status == 422


def test_models_inside_records_and_lists() -> None:
    @dataclass
    class Shelf:
        books: list[Book]
        at: Point

    def post(shelves: list[Shelf]) -> int:
        return len(shelves)

    post.__annotations__["shelves"] = list[Shelf]
    Shelf.__annotations__ = {"books": list[Book], "at": Point}
    good = [{"books": [{"title": "a", "pages": 1}], "at": {"x": 1}}]
    assert answer(post, json=good).json() == 1
    wrong = [{"books": [{"title": "a"}], "at": {}}]
    assert [where for where, _ in _problems(post, json=wrong)] == [
        "body[0].books[0].pages",
        "body[0].at",
    ]


def test_several_bodies_are_members_of_one() -> None:
    def put(line: Line, book: Book, tags: Annotated[list[str], Body()]) -> list[object]:
        return [line.item, book.title, tags]

    sent = {"line": {"item": "a"}, "book": {"title": "b", "pages": 1}, "tags": ["x"]}
    assert answer(put, json=sent).json() == ["a", "b", ["x"]]
    assert _problems(put, json={"line": {"item": "a"}, "book": {"title": "b", "pages": 1}}) == [
        ("body.tags", "is missing")
    ]


def test_optional_body_may_be_missing() -> None:
    def post(line: Line | None = None, note: str = "") -> object:
        return {"line": line}

    assert answer(post).json() == {"line": None}
    assert answer(post, json={"item": "x"}).json() == {"line": {"item": "x", "count": 1}}


def test_forms_and_files() -> None:
    def post(
        files: list[File],
        title: Annotated[str, Form()],
        sizes: Annotated[tuple[int, ...], Form()] = (),
    ) -> list[object]:
        return [[one.read().decode() for one in files], title, list(sizes)]

    body = b"".join(
        b'--b\r\ncontent-disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % part
        for part in [
            (b"files", b'; filename="a"', b"1"),
            (b"files", b'; filename="b"', b"2"),
            (b"title", b"", b"t"),
            (b"sizes", b"", b"3"),
        ]
    )
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert answer(post, body=body + b"--b--\r\n", headers=kind).json() == [["1", "2"], "t", [3]]
    swapped = body.replace(b'"title"', b'"files"') + b"--b--\r\n"
    assert _problems(post, body=swapped, headers=kind) == [
        ("form.files[2]", "must be a file, not a field"),
        ("form.title", "is missing"),
    ]
    assert answer(post, body=b"{}").status == 415


def test_raw_body_request_user_and_context() -> None:
    def post(body: bytes, request: Request, user: User | None, ctx: Context) -> list[object]:
        return [body.decode(), request.method, request.query, user and user.name, ctx.id]

    result = answer(post, method="POST", body=b"raw", query="a=1", user={"name": "ada"})
    assert result.json() == ["raw", "POST", {"a": "1"}, "ada", "test"]

    def text(body: str) -> str:
        return body

    assert answer(text, body="é".encode()).text == "é"
    assert answer(text, body=b"\xff").status == 422


def test_stream_gives_pieces() -> None:
    def post(body: Stream) -> int:
        return sum(len(piece) for piece in body)

    assert answer(post, body=b"x" * 10).json() == 10


def test_positional_only_parameters() -> None:
    def get(a: int, /, b: int) -> int:
        return a - b

    assert answer(get, query="a=5&b=3").json() == 2


def _variadic(*items: str) -> None:
    raise AssertionError(items)


def _unreadable(q: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
    raise AssertionError(q)


def _callback(q: Callable[[], None]) -> None:
    raise AssertionError(q)


@pytest.mark.parametrize("handler", [_variadic, _unreadable, _callback])
def test_what_cannot_be_bound_is_said_at_load(handler: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        compile_plan(handler, identity=Identity(), is_async=False)


def test_event_is_bound_to_a_reactive_function() -> None:
    def welcome(event: Event, id: int, profile: Profile, ctx: Context) -> list[object]:
        return [event.type, id, profile["name"], ctx.id]

    event = {
        "specversion": "1.0",
        "type": "t",
        "data": {"name": "ada"},
        "params": {"id": "7"},
    }
    result = answer(welcome, json=event, path_names={"id"}, reactive=True)
    assert result.json() == ["t", 7, "ada", "test"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["lines", "item", "count", "note", "x", "title"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "annotation", [Order, Profile, Point, Book, list[Line], dict[str, int], Line | list[int]]
)
@given(value=_JSON)
def test_any_json_is_taken_or_refused(annotation: Any, value: Any) -> None:
    def post(body: Any) -> None:
        assert body is not None

    post.__annotations__["body"] = annotation
    assert answer(post, body=json.dumps(value).encode()).status in (204, 422)


@given(
    body=st.binary(max_size=60),
    kind=st.sampled_from(["application/json", "", "text/plain", "multipart/form-data; boundary=b"])
    | st.text(max_size=20),
    query=st.binary(max_size=40),
    cookie=st.text(max_size=20),
)
def test_any_request_gets_a_status(body: bytes, kind: str, query: bytes, cookie: str) -> None:
    def post(
        order: Order, q: list[int], request: Request, sid: Annotated[str, Cookie()] = ""
    ) -> object:
        return request.query, request.cookies

    result = answer(
        post,
        body=body,
        query=query,
        headers={"content-type": kind, "cookie": cookie},
    )
    assert result.status in (200, 415, 422)
