"""The kit for unit tests of functions."""

import pytest

from tapwater.testing import FunctionRaised, call, send_event
from tests.unit.tapwater.conftest import MakeModule


def test_plain_and_async_handlers(make_module: MakeModule) -> None:
    for define in ("def", "async def"):
        module = make_module(f"{define} get(name: str):\n    return {{'hello': name}}\n")
        result = call(module, query={"name": "you"})
        assert (result.status, result.json()) == (200, {"hello": "you"})
        assert result.headers["Content-Type"] == "application/json"
        assert call(module, path="/x?name=a").json() == {"hello": "a"}
        assert call(module).status == 422
        assert call(module, "PUT").status == 405


def test_streams_keep_their_pieces(make_module: MakeModule) -> None:
    module = make_module("def get():\n    yield 'a'\n    yield 'b'\n")
    assert call(module).pieces == (b"a", b"b")


def test_other_functions_and_secrets_are_given(make_module: MakeModule) -> None:
    module = make_module(
        "def post(ctx, n: int):\n    return [ctx.secret('KEY'), ctx.call('orders/double', n)]\n"
    )
    result = call(
        module,
        "POST",
        query={"n": 4},
        secrets={"KEY": "s3"},
        calls={"orders/double": lambda n: n * 2},
    )
    assert result.json() == ["s3", 8]
    with pytest.raises(FunctionRaised, match="gives no secret for KEY"):
        call(module, "POST", query={"n": 4})


def test_exceptions_come_out(make_module: MakeModule) -> None:
    with pytest.raises(FunctionRaised, match="ZeroDivisionError"):
        call(make_module("def get():\n    return 1 / 0\n"))


def test_apps(make_module: MakeModule) -> None:
    flask = make_module(
        "from flask import Flask\napp = Flask('a')\n@app.get('/x')\ndef x(): return 'flask'\n"
    )
    assert call(flask, path="/x").text == "flask"
    fastapi = make_module(
        "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef x(): return 'fast'\n",
    )
    assert call(fastapi, path="/x").json() == "fast"


def test_events(make_module: MakeModule) -> None:
    module = make_module(
        "from tapwater import on\n"
        "@on.document_created('users/{id}')\n"
        "def welcome(event, id): return [event.data, id, event.subject]\n"
    )
    came = send_event(module, {"a": 1}, params={"id": "7"}, subject="s")
    assert came == [{"a": 1}, "7", "s"]
