"""From a request to its answer, without a socket."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tapwater_server.model.errors import Conflict, Overloaded, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Said, Table
from tapwater_server.web.endpoint import Answer, Endpoint, Socket, Streamed, Who

SHOP, BLOG = AppId("shop"), AppId("blog")
ADMIN = Principal(name="admin", admin=True)
FUNCTION = Principal(name="shop:a", apps=frozenset({SHOP}), function="a")
ADA = Principal(name="ada", user="u1", user_app=SHOP)
OTHER = Principal(name="bob", user="u2", user_app=BLOG)


class Note(msgspec.Struct):
    text: str


class Notes:
    """A service of its own."""

    def __init__(self) -> None:
        self.seen: list[Asked] = []

    async def read(self, asked: Asked) -> Any:
        self.seen.append(asked)
        return {"path": asked.params["path"]}

    async def write(self, asked: Asked) -> Note:
        return await asked.body(Note)

    async def remove(self, asked: Asked) -> None:
        raise Conflict("it has moved on", problems=1)

    async def break_down(self, asked: Asked) -> None:
        raise RuntimeError("a bug")

    async def crowd(self, asked: Asked) -> None:
        raise Overloaded("later", retry_after_s=2.5)

    async def raw(self, asked: Asked) -> Answer:
        return Answer(b"\x00", status=203, headers={"etag": '"1"', "content-type": "x/y"})

    async def empty(self, asked: Asked) -> None:
        return None

    async def stream(self, asked: Asked) -> Streamed:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        return Streamed(chunks())

    async def listen(self, asked: Asked, conversation: Any) -> None: ...

    def table(self) -> Table:
        def line(method: str, path: str, handler: Any, **more: Any) -> Endpoint:
            return Endpoint(method=method, path=path, says="x", handler=handler, **more)

        return Table(
            [
                line("GET", "/notes/{path:path}", self.read, who=Who.ANYONE),
                line("PUT", "/notes/{path:path}", self.write, who=Who.USER, status=201),
                line("POST", "/notes/{path:path}", self.write, body_bytes_max=20),
                line("DELETE", "/notes/{path:path}", self.remove),
                line("GET", "/odd/break", self.break_down),
                line("GET", "/odd/crowd", self.crowd),
                line("GET", "/odd/raw", self.raw),
                line("GET", "/odd/empty", self.empty),
                line("GET", "/odd/stream", self.stream, media="text/event-stream"),
            ],
            [Socket(path="/notes/{path:path}", says="x", handler=self.listen, who=Who.USER)],
        )


def asked(
    method: str, path: str, *, who: Principal = ADMIN, body: bytes = b"", pieces: int = 1
) -> Asked:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield body

    return Asked(app=SHOP, who=who, method=method, path=path, chunks=chunks)


async def answer(method: str, path: str, **more: Any) -> Said:
    return await Notes().table().answer(asked(method, path, **more))


def told(said: Said) -> Any:
    assert isinstance(said.body, bytes)
    return json.loads(said.body)


async def test_a_handler_is_given_its_parameters() -> None:
    said = await answer("GET", "/notes/a/b%20c")
    assert (said.status, told(said)) == (200, {"path": "a/b c"})
    assert said.headers["content-type"] == "application/json"


async def test_what_it_gives_is_written() -> None:
    said = await answer("PUT", "/notes/a", body=b'{"text":"x"}')
    assert (said.status, told(said)) == (201, {"text": "x"})
    said = await answer("GET", "/odd/raw")
    assert (said.status, said.body) == (203, b"\x00")
    assert said.headers == {"content-type": "x/y", "etag": '"1"'}
    said = await answer("GET", "/odd/empty")
    assert (said.status, said.body, said.headers) == (204, b"", {})


async def test_a_stream_is_handed_on() -> None:
    said = await answer("GET", "/odd/stream")
    assert said.headers == {"content-type": "text/event-stream", "cache-control": "no-store"}
    assert not isinstance(said.body, bytes)
    assert [piece async for piece in said.body] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("PATCH", "/notes/a", 405, "method_not_allowed"),
        ("DELETE", "/notes/a", 409, "conflict"),
        ("PUT", "/notes/a", 400, "invalid"),
        ("GET", "/notes/%ff", 400, "invalid"),
        ("GET", "/odd/crowd", 503, "overloaded"),
        ("GET", "/odd/break", 500, "internal"),
    ],
)
async def test_what_goes_wrong_is_a_problem(method: str, path: str, status: int, code: str) -> None:
    said = await answer(method, path)
    problem = told(said)
    assert (said.status, problem["status"], problem["code"]) == (status, status, code)
    assert said.headers["content-type"] == "application/problem+json"
    assert "a bug" not in problem["detail"]


async def test_problems_say_in_headers_what_to_do() -> None:
    assert (await answer("PATCH", "/notes/a")).headers["allow"] == "DELETE, GET, HEAD, POST, PUT"
    assert (await answer("GET", "/odd/crowd")).headers["retry-after"] == "3"
    nobody = await answer("DELETE", "/notes/a", who=NOBODY)
    assert nobody.headers["www-authenticate"].startswith("Bearer")


async def test_head_asks_as_get_does() -> None:
    assert (await answer("HEAD", "/notes/a")).status == 200


@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        (NOBODY, (200, 401, 401)),
        (OTHER, (200, 401, 401)),
        (ADA, (200, 201, 403)),
        (FUNCTION, (200, 201, 409)),
        (ADMIN, (200, 201, 409)),
    ],
)
async def test_who_may_use_what(who: Principal, statuses: tuple[int, int, int]) -> None:
    got = await answer("GET", "/notes/a", who=who)
    put = await answer("PUT", "/notes/a", who=who, body=b'{"text":"x"}')
    removed = await answer("DELETE", "/notes/a", who=who)
    assert (got.status, put.status, removed.status) == statuses


@pytest.mark.parametrize(("pieces", "status"), [(1, 200), (2, 413)])
async def test_a_body_has_its_endpoints_ceiling(pieces: int, status: int) -> None:
    body = b'{"text": "xxxxxxx"}' if pieces == 1 else b" " * 15
    assert (await answer("POST", "/notes/a", body=body, pieces=pieces)).status == status


@pytest.mark.parametrize(("body", "status"), [(b'{"text": "xxxxxxx"}', 200), (b" " * 30, 413)])
async def test_a_body_that_came_whole_has_it_too(body: bytes, status: int) -> None:
    question = asked("POST", "/notes/a", body=b"not asked for")
    question.whole = body
    assert (await Notes().table().answer(question)).status == status


async def test_sockets_are_found_and_guarded() -> None:
    table = Notes().table()
    question = asked("GET", "/notes/a/b", who=ADA)
    assert table.find_socket(question).path == "/notes/{path:path}"
    assert question.params == {"path": "a/b"}
    for path, who, code in (
        ("/odd/raw", ADA, "not_found"),
        ("/notes/a", NOBODY, "unauthenticated"),
    ):
        with pytest.raises(TapwaterError) as caught:
            table.find_socket(asked("GET", path, who=who))
        assert caught.value.code == code
