"""HTTP/1.1 over real sockets: framing, order, limits, and how calls end."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.model.function import FunctionLimits
from tapwater_server.model.invocation import Ending
from tapwater_server.testing.invoker import ScriptedCall, echo, forever, hello
from tests.functional.gateway.world import function, opened, revision

APP = revision(
    function("/hello", "GET"),
    function("/echo", "POST", "PUT"),
    function("/small", "POST", limits=FunctionLimits(body_bytes_max=10)),
    function("/users-api/profile/{id}", "GET"),
    function("/any"),
)
GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n"


async def test_a_request_reaches_the_function_and_its_answer_the_client() -> None:
    async with opened(APP) as world:
        async with httpx.AsyncClient(base_url=world.url) as client:
            answer = await client.get("/users-api/profile/7?x=1", headers={"X-A": "b"})
        assert (answer.status_code, answer.text) == (200, "hello")
        [call] = world.invoker.calls
        invocation = call.invocation
        assert (invocation.path, invocation.query) == ("/users-api/profile/7", b"x=1")
        assert invocation.params == {"id": "7"}
        assert (b"x-a", b"b") in invocation.headers
        assert (invocation.client, invocation.scheme) == ("127.0.0.1", "http")
        assert answer.headers["tapwater-invocation"] == invocation.id
        assert answer.headers["server"] == "tapwater"
        assert "date" in answer.headers
        assert len(invocation.traceparent) == 55


async def test_a_valid_traceparent_goes_on_and_another_is_replaced() -> None:
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with opened(APP) as world, httpx.AsyncClient(base_url=world.url) as client:
        await client.get("/hello", headers={"traceparent": given})
        await client.get("/hello", headers={"traceparent": "00-zz-zz-01"})
        first, second = world.invoker.calls
        went = first.invocation.traceparent.decode()
        assert (went[:36], went[-3:]) == (given[:36], given[-3:])  # The same trace, sampled.
        assert went[36:52] != given[36:52]  # A span of its own, caused by the one that was sent:
        assert first.invocation.parent == "00f067aa0ba902b7"
        assert second.invocation.traceparent.startswith(b"00-")
        assert b"zz" not in second.invocation.traceparent


@pytest.mark.parametrize("size", [0, 1, 5_000, 131_072, 131_073, 1_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_of_every_size_come_back(size: int, chunked: bool) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, 60_000):
            yield body[at : at + 60_000]

    async with opened(APP, script=echo) as world, httpx.AsyncClient(base_url=world.url) as client:
        for _ in range(2):
            answer = await client.post("/echo", content=pieces() if chunked else body)
            assert answer.content == body
        call = world.invoker.calls[-1]
        assert bytes(call.received) == body
        names = [name for name, _ in call.invocation.headers]
        assert b"transfer-encoding" not in names


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with opened(APP, script=echo) as world, await world.connect() as raw:
        count = 500
        asked = b"".join(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%d" % (len(str(n)), n)
            for n in range(count)
        )
        raw.send(asked)
        for n in range(count):
            assert (await raw.answer())[1] == b"%d" % n


async def test_pipelined_requests_wait_for_slow_calls_and_reading_stops_at_the_ceiling() -> None:
    settings = GatewaySettings(port=0, limits=DoorLimits(pipeline_max=4))
    async with (
        opened(APP, script=forever, settings=settings) as world,
        await world.connect() as raw,
    ):
        raw.send((GET + b"\r\n") * 5000)
        await world.invoker.wait(lambda: world.invoker.calls)
        world.invoker.script = hello
        assert len(world.invoker.calls) == 1  # One at a time on a connection.
        world.invoker.calls[0].answer(200, [], b"first")
        assert (await raw.answer())[1] == b"first"
        for _ in range(4999):
            assert (await raw.answer())[1] == b"hello"


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    async with opened(APP) as world, await world.connect() as raw:
        raw.send(b"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n")
        head = await raw.head()
        assert b"content-length: 5\r\n" in head
        assert (await raw.answer())[1] == b"hello"
        assert [call.invocation.method for call in world.invoker.calls] == ["GET", "GET"]


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body_have_none(status: int) -> None:
    def script(call: ScriptedCall) -> None:
        call.answer(status, [(b"content-length", b"3")], b"xyz")

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send((GET + b"\r\n") * 2)
        for _ in range(2):
            head = await raw.head()
            assert head.startswith(b"HTTP/1.1 %d" % status)
            assert b"content-length" not in head


async def test_http_1_0_closes_unless_asked_to_stay() -> None:
    async with opened(APP) as world:
        said = await world.ask(b"GET /hello HTTP/1.0\r\n\r\n")
        assert b"connection: close" in said
        assert said.endswith(b"hello")
        async with await world.connect() as raw:
            for _ in range(2):
                raw.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert b"connection: keep-alive" in (await raw.answer())[0]


async def test_expect_continue_is_promised_before_the_body_is_sent() -> None:
    async with opened(APP, script=echo) as world, await world.connect() as raw:
        raw.send(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert await raw.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(b"abc")
        assert (await raw.answer())[1] == b"abc"


async def test_expect_continue_for_a_refused_request_is_answered_at_once() -> None:
    async with opened(APP) as world:
        head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        said = await world.ask(head + b"Expect: 100-continue\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 404 ")
        assert b"connection: close" in said


async def test_another_expectation_is_refused() -> None:
    async with opened(APP) as world:
        said = await world.ask(GET + b"Expect: the-unexpected\r\nConnection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
        (b"DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /hello HTTP/1.1\r\nHost: nosuch.localhost\r\n\r\n", 404, "not_found"),
        (b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
        (b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
        (b"GET /a%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
        (b"GET /hello/../any HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
        (b"GET /%2e%2e/any HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed"),
        (b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host"),
        (
            b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901",
            413,
            "too_large",
        ),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "not_implemented"),
    ],
)
async def test_what_is_refused_politely_leaves_the_connection_open(
    asked: bytes, status: int, code: str
) -> None:
    async with opened(APP) as world, await world.connect() as raw:
        raw.send(asked)
        head, body = await raw.answer()
        said = json.loads(body)
        assert (said["status"], said["code"]) == (status, code)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"application/problem+json" in head
        raw.send(GET + b"\r\n")
        assert (await raw.answer())[1] == b"hello"


async def test_405_and_options_say_what_is_allowed() -> None:
    async with opened(APP) as world, httpx.AsyncClient(base_url=world.url) as client:
        assert (await client.delete("/echo")).headers["allow"] == "OPTIONS, POST, PUT"
        answer = await client.options("/hello")
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert (await client.request("OPTIONS", "/any")).text == "hello"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"a" * 90_000, 414),
        (GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (GET + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n", 431),
        (b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n1234", 413),
        (
            b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n",
            413,
        ),
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\na\r\n0\r\nT: " + b"a" * 90_000,
            431,
        ),
    ],
)
async def test_what_is_too_large_is_refused_and_the_connection_closed(
    asked: bytes, status: int
) -> None:
    async with opened(APP) as world:
        said = await world.ask(asked)
        assert said.startswith(b"HTTP/1.1 %d " % status)
        assert b"connection: close" in said
        assert world.invoker.in_flight == 0


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (Ending.USER_ERROR, 500),
        (Ending.TIMED_OUT, 504),
        (Ending.CRASHED, 502),
        (Ending.OUT_OF_MEMORY, 502),
        (Ending.START_FAILED, 500),
        (Ending.BROKEN, 502),
        (Ending.OVERLOADED, 503),
        (Ending.BUDGET, 402),
        (Ending.SLOWED, 429),
    ],
)
async def test_endings_become_problems_without_secrets(ending: Ending, status: int) -> None:
    told = {Ending.OVERLOADED, Ending.BUDGET, Ending.SLOWED}

    def script(call: ScriptedCall) -> None:
        if ending in told:
            call.end(ending, retry_after_s=2.5, message="full")
        else:
            call.end(ending, message="a secret traceback")

    async with opened(APP, script=script) as world, httpx.AsyncClient(base_url=world.url) as client:
        answer = await client.get("/hello")
        said = answer.json()
        assert (answer.status_code, said["status"]) == (status, status)
        assert said["code"] == ending.value
        assert said["invocation"] == world.invoker.calls[0].invocation.id
        assert "secret" not in answer.text
        if ending in told:
            assert answer.headers["retry-after"] == "3"


async def test_dev_mode_says_why() -> None:
    def script(call: ScriptedCall) -> None:
        call.end(Ending.USER_ERROR, message="ZeroDivisionError: division by zero")

    settings = GatewaySettings(port=0, dev=True)
    async with (
        opened(APP, script=script, settings=settings) as world,
        httpx.AsyncClient(base_url=world.url) as client,
    ):
        assert "ZeroDivisionError" in (await client.get("/hello")).json()["detail"]


async def test_a_client_that_goes_away_cancels_its_call() -> None:
    async with opened(APP, script=forever) as world:
        async with await world.connect() as raw:
            raw.send(GET + b"\r\n")
            await world.invoker.wait(lambda: world.invoker.calls)
        await world.invoker.wait(lambda: world.invoker.calls[0].over)
        assert world.invoker.calls[0].cancelled == "the client has gone"
        assert world.gateway.stats().aborted == 1


async def test_headers_of_the_connection_are_the_doors_own() -> None:
    def script(call: ScriptedCall) -> None:
        headers = [
            (b"connection", b"x-evil"),
            (b"transfer-encoding", b"chunked"),
            (b"content-length", b"999"),
            (b"server", b"theirs"),
            (b"date", b"never"),
            (b"x-mine", b"1"),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
        ]
        call.answer(200, headers, b"hello")

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET + b"\r\n")
        head, body = await raw.answer()
        assert body == b"hello"
        for absent in (b"x-evil", b"chunked", b"999", b"theirs", b"never"):
            assert absent not in head
        assert head.count(b"set-cookie: ") == 2
        assert b"x-mine: 1" in head


async def test_forwarded_headers_count_only_from_trusted_proxies() -> None:
    forwarded = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.localhost",
    }
    for trusted, client_seen, scheme, host in (
        ((), "127.0.0.1", "http", b"127.0.0.1"),
        (("127.0.0.0/8",), "192.0.2.7", "https", b"shop.localhost"),
    ):
        settings = GatewaySettings(port=0, trusted_proxies=trusted)
        async with opened(APP, settings=settings) as world:
            async with httpx.AsyncClient(base_url=world.url) as client:
                await client.get("/hello", headers=forwarded)
            invocation = world.invoker.calls[0].invocation
            assert (invocation.client, invocation.scheme) == (client_seen, scheme)
            assert invocation.host.startswith(host)
            assert b"x-forwarded-for" not in [name for name, _ in invocation.headers]


async def test_an_upgrade_nobody_offers_is_ignored() -> None:
    async with opened(APP) as world, await world.connect() as raw:
        raw.send(GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET + b"\r\n")
        for _ in range(2):
            assert (await raw.answer())[1] == b"hello"


async def test_the_absolute_form_names_the_host() -> None:
    async with opened(APP) as world, await world.connect() as raw:
        raw.send(b"GET http://shop.localhost/hello?q HTTP/1.1\r\nHost: nosuch.localhost\r\n\r\n")
        assert (await raw.answer())[1] == b"hello"
        assert world.invoker.calls[0].invocation.host == b"shop.localhost"
        raw.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 204 ")


async def test_too_many_connections_are_told_so() -> None:
    settings = GatewaySettings(port=0, limits=DoorLimits(connections_max=1))
    async with opened(APP, settings=settings) as world, await world.connect() as raw:
        raw.send(GET + b"\r\n")
        await raw.answer()
        said = await world.ask(b"")
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after" in said
        assert world.gateway.stats().connections_refused == 1


async def test_slow_heads_and_idle_connections_are_ended() -> None:
    limits = DoorLimits(header_wait_s_max=0.1, keep_alive_s_max=0.1, sweep_s=0.02)
    settings = GatewaySettings(port=0, limits=limits)
    async with opened(APP, settings=settings) as world:
        assert (await world.ask(b"GET / HT")).startswith(b"HTTP/1.1 408 ")
        assert await world.ask(b"") == b""


async def test_slow_bodies_are_ended() -> None:
    settings = GatewaySettings(port=0, limits=DoorLimits(body_wait_s_max=0.1, sweep_s=0.02))
    async with opened(APP, settings=settings) as world:
        said = await world.ask(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert said.startswith(b"HTTP/1.1 408 ")
        assert not world.invoker.calls


async def test_a_call_that_answers_after_its_request_went_wrong_is_not_heard() -> None:
    async with opened(APP, script=forever) as world, await world.connect() as raw:
        raw.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        raw.send(b"%x\r\n" % 200_000 + b"x" * 200_000 + b"\r\n")
        await world.invoker.wait(lambda: world.invoker.calls)
        call = world.invoker.calls[0]
        raw.send(b"nonsense\r\n")
        said = await raw.rest()
        assert said.startswith(b"HTTP/1.1 400 ")
        assert call.cancelled
