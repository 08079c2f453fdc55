"""A function's question becomes a request, and its answer a frame."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tapwater_server.assembly.service_asks import ANSWER_BYTES_MAX, HEAD_BYTES_MAX, ServiceAsks
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Function, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Endpoint, Streamed, always
from tapwater_server.web.using import Using

SHOP = AppId("shop")
CALLER = Invocation(
    id=InvocationId("1"),
    revision=RevisionId("r"),
    function=Function(
        id=FunctionId(SHOP, "users/register"),
        kind=Kind.RESTFUL,
        style=Style.VERBS,
        file="a.py",
        group="users",
    ),
    verb=Verb.HTTP,
)


class Service:
    """Says back what it was asked, or streams so many bytes."""

    def __init__(self) -> None:
        self.closed = False

    async def echo(self, asked: Asked) -> Any:
        return {
            "app": asked.app,
            "who": asked.who.name,
            "function": asked.who.function,
            "trusted": [asked.who.is_trusted(SHOP), asked.who.is_trusted(AppId("blog"))],
            "may_deploy": asked.who.may_deploy(SHOP),
            "caller": asked.caller is CALLER,
            "query": dict(asked.query),
            "headers": dict(asked.headers),
            "body": (await asked.raw()).decode(),
        }

    async def stream(self, asked: Asked) -> Streamed:
        return Streamed(self._pieces(int(asked.query["count"])))

    async def _pieces(self, count: int) -> AsyncIterator[bytes]:
        try:
            for _ in range(count):
                yield bytes(1000)
        finally:
            self.closed = True

    def asks(self, *, exists: bool = True) -> ServiceAsks:
        table = Table(
            [
                Endpoint(method="PUT", path="/echo", says="x", handler=self.echo),
                Endpoint(method="GET", path="/stream", says="x", handler=self.stream),
                Endpoint(method="GET", path="/live", says="x", handler=self.stream, endless=always),
                Endpoint(
                    method="GET", path="/both", says="x", handler=self.stream, endless=_follows
                ),
            ]
        )
        using = Using(meter=MemoryMeter(), clock=ManualClock())
        return ServiceAsks(table=lambda: table, exists=lambda _: exists, using=using)


def _follows(asked: Asked) -> bool:
    return asked.flag("follows", default=False)


def frame(head: Any, body: bytes = b"") -> bytes:
    packed = json.dumps(head).encode()
    return len(packed).to_bytes(4, "big") + packed + body


def read(raw: bytes) -> tuple[Any, bytes]:
    end = 4 + int.from_bytes(raw[:4], "big")
    return json.loads(raw[4:end]), raw[end:]


async def test_a_function_asks_as_its_app() -> None:
    head = {"method": "PUT", "path": "/echo", "query": {"a": "1"}, "headers": {"if-match": "x"}}
    said, body = read(await Service().asks().answer(CALLER, frame(head, b"content")))
    assert said == {"status": 200, "headers": {"content-type": "application/json"}}
    assert json.loads(body) == {
        "app": "shop",
        "who": "shop:users/register",
        "function": "users/register",
        "trusted": [True, False],
        "may_deploy": False,
        "caller": True,
        "query": {"a": "1"},
        "headers": {"if-match": "x"},
        "body": "content",
    }


@pytest.mark.parametrize("count", [0, 1, 900])
async def test_a_stream_is_gathered(count: int) -> None:
    service = Service()
    head = {"method": "GET", "path": "/stream", "query": {"count": str(count)}}
    said, body = read(await service.asks().answer(CALLER, frame(head)))
    assert (said["status"], len(body), service.closed) == (200, count * 1000, True)


async def test_a_stream_that_does_not_fit_is_ended_and_refused() -> None:
    service = Service()
    head = {"method": "GET", "path": "/stream", "query": {"count": str(ANSWER_BYTES_MAX)}}
    said, body = read(await service.asks().answer(CALLER, frame(head)))
    assert (said["status"], json.loads(body)["code"]) == (413, "too_large")
    assert service.closed


@pytest.mark.parametrize(
    ("path", "method", "follows", "status"),
    [
        ("/live", "GET", "false", 400),
        ("/live", "HEAD", "false", 400),
        ("/both", "GET", "true", 400),
        ("/both", "GET", "false", 200),
    ],
)
async def test_what_never_ends_is_not_for_functions(
    path: str, method: str, follows: str, status: int
) -> None:
    """It would hold one of few places of the instance for ever; its handler is not begun."""
    service = Service()
    head = {"method": method, "path": path, "query": {"count": "1", "follows": follows}}
    said, body = read(await service.asks().answer(CALLER, frame(head)))
    assert (said["status"], service.closed) == (status, status == 200)
    assert status == 200 or json.loads(body)["code"] == "invalid"


async def test_what_goes_wrong_is_a_problem() -> None:
    said, body = read(
        await Service().asks().answer(CALLER, frame({"method": "GET", "path": "/nothing"}))
    )
    assert (said["status"], json.loads(body)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0",
        b"\0\0\0\x09{}",
        b"\xff\xff\xff\xff",
        frame([]),
        frame({"method": "GET"}),
        frame({"method": "GET", "path": 1}),
        frame({"method": "GET", "path": "/x", "query": {"a": 1}}),
        b"\0\0\0\x02\xff\xff",
        frame({"method": "GET", "path": "/" + "x" * HEAD_BYTES_MAX}),
        b"\0\0\xea\x65" + b'{"x":' + b"[" * 30_000 + b"]" * 30_000,
    ],
)
async def test_what_is_no_question_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        await Service().asks().answer(CALLER, raw)


async def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    """No door has looked at a function's headers."""
    head = {"method": "PUT", "path": "/echo", "headers": {"content-length": "9" * 5000}}
    said, body = read(await Service().asks().answer(CALLER, frame(head)))
    assert (said["status"], json.loads(body)["code"]) == (413, "too_large")


async def test_a_removed_app_leaves_nothing_behind() -> None:
    with pytest.raises(NotFound):
        await Service().asks(exists=False).answer(CALLER, frame({"method": "PUT", "path": "/echo"}))
