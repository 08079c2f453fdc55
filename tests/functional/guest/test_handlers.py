"""Plain and async handlers, called over a real socket in a real process."""

import json

import pytest

from tapwater.runtime import wire
from tests.functional.guest.conftest import MakeHost

_HELLO = """
    {define} get(name: str = "world"):
        return "hello " + name

    {define} post(body: dict):
        return body
"""


@pytest.fixture(params=["def", "async def"])
def define(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_hello_comes_first_and_says_its_version(make_host: MakeHost) -> None:
    host = make_host(_HELLO.format(define="def"))
    host.call()
    assert host.hello == {"wire": 1, "guest": "0.1.0", "ahead": True}


def test_calls_are_answered_one_after_the_other(make_host: MakeHost, define: str) -> None:
    host = make_host(_HELLO.format(define=define))
    assert host.call().body == b"hello world"
    assert host.call(query="name=you").body == b"hello you"
    told = host.call("POST", data={"a": [1, None]})
    assert (told.status, told.json()) == (200, {"a": [1, None]})
    assert host.stop() == 0


def test_wrong_verb_is_405_and_names_the_others(make_host: MakeHost, define: str) -> None:
    host = make_host(_HELLO.format(define=define))
    told = host.call("PUT")
    assert told.status == 405
    assert told.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert told.json()["code"] == "method_not_allowed"
    assert host.call("OPTIONS").status == 204
    assert host.call("HEAD").status == 200


def test_bad_request_is_422_and_names_every_field(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from dataclasses import dataclass

        @dataclass
        class Order:
            item: str
            count: int

        {define} post(order: Order, limit: int, day: str = "mon"):
            return order
        """
    )
    told = host.call("POST", query="limit=many", data={"count": "x"})
    assert told.status == 422
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["problems"] == [
        {"where": "body.item", "what": "is missing"},
        {"where": "body.count", "what": "must be a whole number, not text"},
        {"where": "query.limit", "what": "must be a whole number, not 'many'"},
    ]


def test_exception_is_a_user_error_with_the_users_frames(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    return {{}}['missing']\n")
    failure = host.call().failure
    assert failure is not None
    assert failure["ending"] == "user_error"
    assert failure["message"] == "KeyError: 'missing'"
    assert "one.py" in failure["trace"]
    assert "tapwater/runtime" not in failure["trace"]
    assert host.call().failure is not None  # and it goes on serving


def test_problem_is_raised_to_answer(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from tapwater import Problem

        {define} get():
            raise Problem(409, "Sold out.", code="sold_out", headers={{"retry-after": "60"}})
        """
    )
    told = host.call()
    assert (told.status, told.headers["retry-after"]) == (409, "60")
    assert told.json()["code"] == "sold_out"


def test_sys_exit_fails_the_call_and_ends_the_process(make_host: MakeHost, define: str) -> None:
    host = make_host(f"import sys\n{define} get():\n    sys.exit(3)\n")
    failure = host.call().failure
    assert failure is not None
    assert failure["message"] == "SystemExit: 3"
    assert host.wait_exit() == 3


def test_what_has_no_json_is_a_user_error(make_host: MakeHost, define: str) -> None:
    host = make_host(f"{define} get():\n    return {{'x': float('nan')}}\n")
    assert host.call().failure is not None
    host = make_host(f"{define} get():\n    return object()\n", file="b/restful/two.py")
    failure = host.call().failure
    assert failure is not None
    assert "object" in failure["message"]


def test_context_knows_the_call(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        {define} get(ctx, user):
            return [ctx.id, ctx.app, ctx.function, ctx.traceparent[:5], ctx.depth,
                    0 < ctx.remaining() <= 30, user.name, ctx.cancelled]
        """
    )
    told = host.call(user={"name": "ada"})
    assert told.json() == ["inv-1", "shop", "users/one", "00-0a", 0, True, "ada", False]


def test_user_that_is_wanted_and_missing_is_401(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"from tapwater import User\n{define} get(user: User):\n    return user.name\n"
    )
    assert host.call().status == 401


def test_form_and_file_arrive(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from typing import Annotated
        from tapwater import File, Form

        {define} post(avatar: File, title: Annotated[str, Form()]):
            return [title, avatar.name, avatar.content_type, avatar.size, avatar.read(3).decode()]
        """
    )
    body = (
        b'--b\r\ncontent-disposition: form-data; name="title"\r\n\r\nMe\r\n'
        b'--b\r\ncontent-disposition: form-data; name="avatar"; filename="a.png"\r\n'
        b"content-type: image/png\r\n\r\n" + b"x" * 1000 + b"\r\n--b--\r\n"
    )
    told = host.call("POST", body=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert told.json() == ["Me", "a.png", "image/png", 1000, "xxx"]


def test_event_is_given_to_a_reactive_function(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        from tapwater import on

        @on.document_created("users/{{id}}")
        {define} welcome(event, id, ctx):
            return {{"id": id, "mail": event.data["mail"], "type": event.type}}
        """,
        file="users/reactive/welcome.py",
    )
    event = {
        "specversion": "1.0",
        "type": "doc.created",
        "data": {"mail": "a@b.c"},
        "params": {"id": "7"},
    }
    told = host.call("POST", verb=wire.Verb.EVENT, data=event)
    assert told.json() == {"id": "7", "mail": "a@b.c", "type": "doc.created"}


def test_function_asks_the_platform(make_host: MakeHost, define: str) -> None:
    wait = "await " if define.startswith("async") else ""
    host = make_host(
        f"""
        {define} get(ctx):
            first = {wait}ctx.secret("KEY")
            second = {wait}ctx.call("orders/total", {{"n": 2}}, method="put")
            return [first, second]
        """
    )
    number = host.start()
    replies = [{"value": "s3"}, {"ending": "ok", "status": 200, "body": {"total": 5}}]
    asked: list[tuple[str, object]] = []
    while not host.told[number].ended:
        for frame in host.step():
            if frame.kind == wire.Kind.ASK:
                ask, name, raw = wire.read_ask(frame.payload)
                asked.append((name, json.loads(raw)))
                body = json.dumps(replies[len(asked) - 1]).encode()
                host.send(wire.pack_answer(number, ask, body, fine=True))
    assert host.told[number].json() == ["s3", {"total": 5}]
    assert asked == [
        ("secret", {"name": "KEY"}),
        ("call", {"function": "orders/total", "data": {"n": 2}, "method": "PUT"}),
    ]


def test_refused_question_raises(make_host: MakeHost, define: str) -> None:
    wait = "await " if define.startswith("async") else ""
    host = make_host(f"{define} get(ctx):\n    return {wait}ctx.secret('KEY')\n")
    number = host.start()
    while not host.told[number].ended:
        for frame in host.step():
            if frame.kind == wire.Kind.ASK:
                body = b'{"code": "not_found", "message": "no secret KEY"}'
                host.send(wire.pack_answer(number, 1, body, fine=False))
    failure = host.told[number].failure
    assert failure is not None
    assert "no secret KEY" in failure["message"]


def test_data_of_a_call_without_http_fills_the_parameters(make_host: MakeHost, define: str) -> None:
    host = make_host(
        f"""
        {define} get(id: int, tags: list[str], loud: bool = False):
            return [id, tags, loud]

        {define} post(body: dict, n: int = 1):
            return [body, n]
        """,
        file="users/restful/[id].py",
    )
    event = {"verb": wire.Verb.EVENT}
    told = host.call("GET", data={"id": 7, "tags": ["a", "b"], "loud": True}, **event)
    assert told.json() == [7, ["a", "b"], True]
    assert host.call("POST", data={"n": 5}, **event).json() == [{"n": 5}, 1]
    assert host.call("GET", data={"id": "x"}, **event).status == 422
