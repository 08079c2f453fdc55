"""Answers and bodies in pieces: order, back-pressure, and what a broken-off stream looks like."""

import gzip
import zlib

import httpx
import pytest
import zstandard

from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.model.invocation import Ending
from tapwater_server.testing.invoker import ScriptedCall
from tests.functional.gateway.world import function, opened, revision

APP = revision(function("/stream"))
GET = b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
TEXT = [(b"content-type", b"text/plain")]


async def test_a_streamed_answer_is_chunked_and_the_connection_stays() -> None:
    def script(call: ScriptedCall) -> None:
        call.begin(200, TEXT)
        call.piece(b"one")
        call.piece(b"")
        call.piece(b"two")
        call.end(Ending.OK)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        for _ in range(2):
            raw.send(GET)
            head = await raw.head()
            assert b"transfer-encoding: chunked" in head
            assert await raw.reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_a_known_length_is_kept_to_and_never_exceeded() -> None:
    def script(call: ScriptedCall) -> None:
        call.begin(200, [*TEXT, (b"content-length", b"5")])
        call.piece(b"hel")
        call.piece(b"lo, and more that would be taken for an answer")
        call.end(Ending.OK)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET + GET)
        for _ in range(2):
            assert (await raw.answer())[1] == b"hello"


@pytest.mark.parametrize("length", [None, b"100"])
async def test_a_stream_that_breaks_off_looks_broken(length: bytes | None) -> None:
    def script(call: ScriptedCall) -> None:
        call.begin(200, TEXT if length is None else [*TEXT, (b"content-length", length)])
        call.piece(b"half")
        call.end(Ending.CRASHED)

    async with opened(APP, script=script) as world, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(world.url + "/stream")


async def test_http_1_0_gets_a_stream_that_ends_with_the_connection() -> None:
    def script(call: ScriptedCall) -> None:
        call.begin(200, TEXT)
        call.piece(b"one")
        call.piece(b"two")
        call.end(Ending.OK)

    async with opened(APP, script=script) as world:
        said = await world.ask(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert b"chunked" not in said
        assert said.endswith(b"\r\n\r\nonetwo")


async def test_a_slow_reader_holds_the_function_back_and_gets_everything() -> None:
    piece, count = b"x" * 65536, 400
    sent = 0

    def push(call: ScriptedCall) -> None:
        nonlocal sent
        while sent < count:
            sent += 1
            if not call.piece(piece):
                return
        call.end(Ending.OK)

    def script(call: ScriptedCall) -> None:
        call.when_resumed = push
        call.begin(200, [(b"content-type", b"application/octet-stream")])
        push(call)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET)
        await raw.head()
        assert 0 < sent < count  # It waits: the ceiling is far below 25 MiB.
        got = 0
        while got < len(piece) * count:
            size = int(await raw.reader.readline(), 16)
            got += len(await raw.reader.readexactly(size))
            await raw.reader.readexactly(2)
        assert await raw.reader.readexactly(5) == b"0\r\n\r\n"


async def test_a_client_that_takes_nothing_is_hung_up_on() -> None:
    def script(call: ScriptedCall) -> None:
        call.begin(200)
        while call.piece(b"x" * 65536):
            pass

    limits = DoorLimits(send_wait_s_max=0.1, sweep_s=0.02)
    async with (
        opened(APP, script=script, settings=GatewaySettings(port=0, limits=limits)) as world,
        await world.connect() as raw,
    ):
        raw.send(GET)
        await world.invoker.wait(lambda: world.invoker.calls and world.invoker.calls[0].cancelled)


async def test_an_upload_waits_for_a_function_that_takes_no_more() -> None:
    def script(call: ScriptedCall) -> None:
        call.takes_more = False

    body = b"x" * 8_000_000
    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
        raw.send(body)
        await world.invoker.wait(lambda: world.invoker.calls)
        call = world.invoker.calls[0]
        await world.invoker.wait(lambda: len(call.received) > 0)
        assert len(call.received) < 1_000_000
        call.take_more()
        await world.invoker.wait(lambda: call.body_complete)
        assert bytes(call.received) == body
        call.answer(200, TEXT, b"thanks")
        assert (await raw.answer())[1] == b"thanks"


async def test_an_answer_before_the_upload_is_complete_closes_gently() -> None:
    def script(call: ScriptedCall) -> None:
        call.answer(403, TEXT, b"no thanks")

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        raw.send(b"x" * 10_000_000)
        head, body = await raw.answer()
        assert body == b"no thanks"
        assert b"connection: close" in head
        assert await raw.rest() == b""


async def test_both_directions_at_once() -> None:
    def script(call: ScriptedCall) -> None:
        def fed(call: ScriptedCall) -> None:
            call.piece(bytes(call.received))
            call.received.clear()
            if call.body_complete:
                call.end(Ending.OK)

        call.begin(200, [(b"content-type", b"application/octet-stream")])
        call.when_fed = fed
        fed(call)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(b"POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        big = b"x" * 200_000
        raw.send(b"%x\r\n%b\r\n" % (len(big), big))
        await raw.head()
        size = int(await raw.reader.readline(), 16)
        assert size > 0
        raw.send(b"3\r\nend\r\n0\r\n\r\n")
        assert b"end" in await raw.rest()


@pytest.mark.parametrize("accepted", ["gzip", "zstd", "gzip, zstd;q=0.5", "identity"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_text_is_compressed_with_what_the_client_takes(accepted: str, streamed: bool) -> None:
    body = b"the same words again and again. " * 500

    def script(call: ScriptedCall) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"etag", b'"abc"')]
        if not streamed:
            call.answer(200, headers, body)
            return
        call.begin(200, headers)
        for at in range(0, len(body), 1000):
            call.piece(body[at : at + 1000])
        call.end(Ending.OK)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET[:-2] + b"Accept-Encoding: %b\r\nConnection: close\r\n\r\n" % accepted.encode())
        head, _, coded = (await raw.rest()).partition(b"\r\n\r\n")
        assert b"vary: accept-encoding" in head
        if b"chunked" in head:
            coded = _unchunked(coded)
        if accepted == "identity":
            assert b"content-encoding" not in head
            assert coded == body
        elif accepted.startswith("gzip"):
            assert b"content-encoding: gzip" in head
            assert b'etag: W/"abc"' in head
            assert gzip.decompress(coded) == body
        else:
            assert b"content-encoding: zstd" in head
            assert zstandard.ZstdDecompressor().decompressobj().decompress(coded) == body


def _unchunked(data: bytes) -> bytes:
    out = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        out, data = out + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return out


async def test_each_piece_of_a_compressed_stream_can_be_read_when_it_was_sent() -> None:
    calls: list[ScriptedCall] = []

    def script(call: ScriptedCall) -> None:
        calls.append(call)
        call.begin(200, TEXT)
        call.piece(b"first words, ")

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET[:-2] + b"Accept-Encoding: gzip\r\n\r\n")
        await raw.head()
        size = int(await raw.reader.readline(), 16)
        piece = await raw.reader.readexactly(size)
        assert zlib.decompressobj(31).decompress(piece) == b"first words, "
        calls[0].end(Ending.OK)


@pytest.mark.parametrize(
    "header",
    [
        (b"content-type", b"image/png"),
        (b"content-type", b"text/event-stream"),
        (b"content-encoding", b"br"),
        (b"cache-control", b"no-transform"),
    ],
)
async def test_what_is_left_as_it_is(header: tuple[bytes, bytes]) -> None:
    def script(call: ScriptedCall) -> None:
        call.answer(200, [(b"content-type", b"text/plain"), header][-1:], b"x" * 5000)

    async with opened(APP, script=script) as world, await world.connect() as raw:
        raw.send(GET[:-2] + b"Accept-Encoding: gzip, zstd\r\n\r\n")
        assert (await raw.answer())[1] == b"x" * 5000
