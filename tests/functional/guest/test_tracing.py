"""Steps that a function names, fields of its log lines, and what it hands on of its trace."""

import json
import struct
from typing import Any

import pytest

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost
from tests.functional.guest.host import Host

OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # What the host says.
LOG_INFO, LOG_ERROR = 0x02, 0x04


def test_steps_lie_in_each_other(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater

        def get(ctx):
            with tapwater.span("outer", size=3) as outer:
                with tapwater.span("inner"):
                    handed = tapwater.trace.headers()
                outer.note(found=True)
            return {"handed": handed, "own": tapwater.trace.headers(), "id": ctx.trace_id}
        """
    )
    told = host.call(headers={"tracestate": "a=1"})
    inner, outer = told.steps
    assert (inner["name"], inner["parent"], inner["ok"]) == ("inner", outer["id"], True)
    assert (outer["name"], outer["parent"]) == ("outer", "")
    assert outer["facts"] == {"size": "3", "found": "True"}
    assert outer["ms"] >= inner["ms"] >= 0
    said = told.json()
    assert said["id"] == OWN[3:35]
    assert said["own"] == {"traceparent": OWN, "tracestate": "a=1"}
    assert said["handed"]["traceparent"] == f"{OWN[:36]}{inner['id']}-01"


def test_a_step_that_raises_is_not_ok(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater

        def get():
            try:
                with tapwater.span("x" * 1000, **{f"n{n}": "v" * 1000 for n in range(100)}):
                    raise KeyError("no")
            except KeyError:
                return tapwater.trace.headers()
        """
    )
    told = host.call()
    [step] = told.steps
    assert (step["ok"], step["facts"]["error"]) == (False, "KeyError")
    assert len(step["name"]) == 200
    assert len(step["facts"]) == 17
    assert told.json() == {"traceparent": OWN}


def test_steps_have_a_ceiling(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater

        def get():
            for n in range(3500):
                with tapwater.span(n):
                    pass
        """
    )
    for _ in range(2):
        steps = host.call().steps
        assert [step.get("more") for step in steps[1000:]] == [1000, 1000]
        assert steps[999]["name"] == "999"


def test_steps_of_calls_at_the_same_time_are_not_mixed_up(make_host: MakeHost) -> None:
    host = make_host(
        """
        import asyncio, tapwater

        async def get(request):
            with tapwater.span(request.path):
                await asyncio.sleep(0)
                with tapwater.span("inner"):
                    await asyncio.sleep(0)
            return ""
        """,
        image={"settings": {"concurrency": 2}},
    )
    numbers = [host.start(path="/a"), host.start(path="/b")]
    for number, path in zip(numbers, ("/a", "/b"), strict=True):
        inner, outer = host.wait_end(number).steps
        assert outer["name"] == path
        assert inner["parent"] == outer["id"]


def test_what_is_asked_within_a_step_says_so(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater
        from tapwater import docs

        def get(ctx):
            with tapwater.span("outer"):
                docs.get("users/42")
                ctx.call("users/other")
        """
    )
    number = host.start()
    heads = []
    for name in ("service", "call"):
        ask, asked, body = wire.read_ask(_asked(host))
        assert asked == name
        heads.append(_head(body) if name == "service" else json.loads(body))
        answer = _reply(404) if name == "service" else b'{"status": 204}'
        host.send(wire.pack_answer(number, ask, answer, fine=True))
    [step] = host.wait_end(number).steps
    own = f"{OWN[:36]}{step['id']}-01"
    assert heads[0]["headers"]["traceparent"] == own
    assert heads[1]["span"] == own


def test_fields(make_host: MakeHost) -> None:
    host = make_host(
        """
        import logging, tapwater
        log = logging.getLogger("shop")

        class Odd:
            def __str__(self):
                raise ValueError("no")

        def get():
            log.info("paid", extra={"order": 7, "tags": ["a"], "odd": Odd(), "nan": float("nan")})
            odd = {"message": "own", "name": "n", "big": 2**80, "text": "é\\ud800"}
            tapwater.log.error("bad\\nsecond line", **odd)
            log.info("plain")
            me = {}
            me["me"] = me
            tapwater.log.info("loop", me=me)
            return ""
        """
    )
    told = host.call()
    paid, bad, loop = told.said
    odd = "<Odd that cannot be written: ValueError>"
    assert paid == (
        LOG_INFO,
        "shop: paid",
        {"order": 7, "tags": '["a"]', "odd": odd, "nan": "nan"},
    )
    assert bad[:2] == (LOG_ERROR, "bad")
    assert bad[2] == {"message": "own", "name": "n", "big": str(2**80), "text": "é\\ud800"}
    assert loop[2] == {"me": "{'me': {...}}"}
    assert told.logs == [(4, "second line"), (2, "shop: plain")]


def test_fields_have_a_ceiling(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater

        def get():
            tapwater.log.info("much", **{f"n{n}": "é" * 5000 for n in range(100)})
            for n in range(200):
                tapwater.log.info("more", text="x" * 1000, n=n, rest="y" * 6000)
            return ""
        """
    )
    said = host.call().said
    assert said[0][2]["truncated"] is True
    assert len(said[0][2]) < 33
    assert len(said[0][2]["n0"]) == 1000
    assert len(said) == 201


@pytest.mark.parametrize(
    "app",
    [
        "async def app(scope, receive, send):\n"
        "    found = dict(scope['headers']).get(b'traceparent', b'')\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': found})\n",
        "def app(environ, start):\n"
        "    start('200 OK', [])\n"
        "    return [environ['HTTP_TRACEPARENT'].encode()]\n",
    ],
    ids=["asgi", "wsgi"],
)
def test_apps_read_the_calls_own_span(make_host: MakeHost, app: str) -> None:
    host = make_host(app)
    assert host.call(root_path="/x").body.decode() == OWN
    theirs = OWN.replace("b7ad", "aaaa")  # As the gateway puts it in the client's place.
    assert host.call(root_path="/x", headers={"traceparent": theirs}).body.decode() == theirs


def _asked(host: Host) -> bytes:
    """Read until the guest asks something."""
    while True:
        for frame in host.step():
            if frame.kind == wire.Kind.ASK:
                return frame.payload


def _head(body: bytes) -> Any:
    size = struct.unpack_from(">I", body)[0]
    return json.loads(body[4 : 4 + size])


def _reply(status: int) -> bytes:
    head = b'{"status": %d, "headers": {}}' % status
    return struct.pack(">I", len(head)) + head + b'{"code": "not_found"}'


def test_half_characters_and_endless_names_break_nothing(make_host: MakeHost) -> None:
    host = make_host(
        """
        import tapwater

        def get():
            with tapwater.span("half \\ud800", **{"k\\ud800" * 100: "\\udfff"}):
                pass
            with tapwater.span("raises"):
                fields = {"k\\ud800": "\\udfff", "n" * 100_000: 1, "last": 2}
                tapwater.log.info("half \\ud800", **fields)
            return "x"
        """
    )
    told = host.call()
    assert told.body == b"x"
    first = told.steps[0]
    assert first["name"] == "half \\ud800"
    assert list(first["facts"].values()) == ["\\udfff"]
    json.dumps(told.steps, ensure_ascii=False).encode()
    ((_, text, fields),) = told.said
    assert text == "half \\ud800"
    assert fields == {"k\\ud800": "\\udfff", "n" * 64: 1, "last": 2}
