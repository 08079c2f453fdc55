"""Strange requests: whatever comes in, the guest answers and goes on."""

import random

import pytest

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost

_SOURCE = """
    from dataclasses import dataclass
    from typing import Annotated
    from tapwater import Cookie, File, Form, Header, options
    {options}

    @dataclass
    class Node:
        name: str
        children: "list[Node]"

    {define} get(n: int, tags: list[str], agent: Annotated[str, Header("user-agent")] = "",
            sid: Annotated[str, Cookie()] = ""):
        return [n, tags, agent, sid]

    {define} post(node: Node):
        return node

    {define} put(file: File, title: Annotated[str, Form()] = ""):
        return file.size
"""


@pytest.fixture(params=["def", "async def", "threads"])
def source(request: pytest.FixtureRequest) -> str:
    if request.param == "threads":
        return _SOURCE.format(define="def", options="options(concurrency=2)")
    return _SOURCE.format(define=request.param, options="")


def test_any_bytes_get_an_answer(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    dice = random.Random(7)
    kinds = ["application/json", "multipart/form-data; boundary=b", "text/plain", "", "a/b; =;"]
    for _ in range(150):
        told = host.call(
            dice.choice(["GET", "POST", "PUT", "HEAD", "\x00", "DELETE"]),
            query="".join(dice.choice("nt=&%+0\x00é;a") for _ in range(dice.randrange(40))),
            body=dice.randbytes(dice.randrange(200)),
            headers={"content-type": dice.choice(kinds), "cookie": 'sid="\\', "x": "\x00"},
        )
        assert told.failure is None
        assert 200 <= told.status < 500


def test_deeply_nested_json_is_refused(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    deep = b'{"name":"x","children":[' * 900 + b"]}" * 900
    told = host.call("POST", body=deep)
    assert told.status == 422
    assert host.call("POST", body=b"[" * 100_000).status == 422
    assert host.call("POST", data={"name": "x", "children": []}).status == 200


def test_too_many_of_anything_is_refused(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    assert host.call(query="tags=a&n=1&" + "&".join(["a=1"] * 2000)).status == 422
    parts = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n' * 2000 + b"--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert host.call("PUT", body=parts, headers=headers).status == 422


def test_form_sent_as_json_is_415(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    form = {"content-type": "application/x-www-form-urlencoded"}
    told = host.call("POST", body=b"name=x", headers=form)
    assert told.status == 415
    assert "application/json" in told.json()["detail"]


def test_upload_that_ends_too_early_is_refused(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    number = host.start("PUT", body=b"--b\r\ncontent-", headers=headers, more=True)
    host.send(wire.pack_body(number, b"", last=True))
    assert host.wait_end(number).status == 422


def test_frames_of_unknown_calls_mean_nothing(make_host: MakeHost, source: str) -> None:
    host = make_host(source)
    host.call(query="n=1&tags=a")
    for kind in (wire.Kind.BODY, wire.Kind.WINDOW, wire.Kind.ANSWER, wire.Kind.MESSAGE):
        host.send(wire.pack(kind, 4711, b"\x00\x00\x00\x00\x00"))
    assert host.call(query="n=1&tags=a").status == 200
