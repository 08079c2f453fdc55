"""What is no HTTP, or can be read in two ways: refused, without crash, hang or second answer."""

import asyncio
import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapwater_server.testing.invoker import echo
from tests.functional.gateway.world import World, function, opened, revision

APP = revision(function("/hello"), function("/files/{...rest}"))
START = b"POST /hello HTTP/1.1\r\nHost: a\r\n"
NEXT = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

SMUGGLING = {
    "two framings": START + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two framings turned": START
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": START + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "two equal lengths": START + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "listed lengths": START + b"Content-Length: 4, 4\r\n\r\nabcd",
    "signed length": START + b"Content-Length: +4\r\n\r\nabcd",
    "negative length": START + b"Content-Length: -4\r\n\r\nabcd",
    "hexadecimal length": START + b"Content-Length: 0x4\r\n\r\nabcd",
    "spaced length": START + b"Content-Length: 4 4\r\n\r\nabcd",
    "empty length": START + b"Content-Length:\r\n\r\nabcd",
    "endless length": START + b"Content-Length: 99999999999999999999\r\n\r\nabcd",
    "two codings": START
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked twice": START + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked first": START + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "unknown coding": START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding before": START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding with a tab": START + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "coding in quotes": START + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "coding in 1.0": b"POST /hello HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": START + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "space before name": START + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded header": START + b"X: a\r\n b\r\n\r\n",
    "folded coding": START + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare LF after the start": b"GET /hello HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF in the headers": START + b"X: a\nY: b\r\n\r\n",
    "bare LF at the end": b"GET /hello HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR in a value": START + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "NUL in a value": START + b"X: a\x00b\r\n\r\n",
    "NUL in a name": START + b"X\x00: a\r\n\r\n",
    "header without colon": START + b"X\r\n\r\n",
    "header without name": START + b": a\r\n\r\n",
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two equal hosts": b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /hello\r\n\r\n",
    "HTTP/2.0": b"GET /hello HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/1.2": b"GET /hello HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol": b"GET /hello ICE/1.0\r\nHost: a\r\n\r\n",
    "lower-case method": b"get /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"SMUGGLE /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "space in the target": b"GET /hello x HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "chunk size of letters": START + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    "chunk size with 0x": START + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size with a space": START + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
    "chunk size negative": START + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "chunk size endless": START + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
    "chunk with bare LF": START + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "chunk too long": START + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "LF in an extension": START + b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
}


def _statuses(said: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"(?:^|\r\n\r\n|\})HTTP/1\.1 (\d{3})", said)]


async def _still_well(world: World) -> None:
    async with await world.connect() as raw:
        raw.send(NEXT)
        assert (await raw.answer())[0].startswith(b"HTTP/1.1 200 ")


async def test_ambiguity_is_refused_and_nothing_after_it_is_read() -> None:
    async with opened(APP, script=echo) as world:
        for number, (case, sent) in enumerate(SMUGGLING.items(), start=1):
            said = await world.ask(sent + NEXT)
            assert len(_statuses(said)) == 1, (case, said)
            assert 400 <= _statuses(said)[0] < 600, (case, said)
            assert b"connection: close" in said, case
            assert all(call.cancelled for call in world.invoker.calls), case
            assert world.gateway.stats().refused == number, case
        await _still_well(world)


async def test_it_makes_no_difference_how_the_bytes_are_cut() -> None:
    async with opened(APP, script=echo) as world:
        for case, sent in SMUGGLING.items():
            async with await world.connect() as raw:
                for byte in sent:
                    raw.send(bytes([byte]))
                    with suppress(ConnectionError):
                        await raw.writer.drain()
                raw.send(NEXT)
                said = await raw.rest()
            assert len(_statuses(said)) == 1, (case, said)
            assert _statuses(said)[0] >= 400, (case, said)
        await _still_well(world)


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                START,
                NEXT,
                b"\r\n",
                b"\n",
                b"\r",
                b"Content-Length: 5\r\n",
                b"Content-Length: 0\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Connection: close\r\n",
                b"Connection: upgrade\r\nUpgrade: websocket\r\n",
                b"Expect: 100-continue\r\n",
                b"Host: b\r\n",
                b"hello",
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
                b"GET /files/%2e%2e/x HTTP/1.1\r\n",
                b"GET http://[::1]:99999/ HTTP/1.1\r\n",
                b"OPTIONS * HTTP/1.1\r\n",
                b"CONNECT a:1 HTTP/1.1\r\n",
                *SMUGGLING.values(),
            ]
        ),
        st.binary(max_size=30),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=PIECES, data=st.data())
async def test_whatever_comes_the_gateway_answers_and_lives(
    fuzzed: World, pieces: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(pieces)
    cut = data.draw(st.integers(0, len(sent)))
    async with await fuzzed.connect() as raw:
        for part in (sent[:cut], sent[cut:]):
            raw.send(part)
            with suppress(ConnectionError):
                await raw.writer.drain()
        try:
            raw.writer.write_eof()
            said = await raw.rest()  # Fails if the gateway hangs.
        except OSError:
            said = b""
    assert said == b"" or said.startswith(b"HTTP/1.1 ")
    assert not any(status >= 500 and status not in (501, 505) for status in _statuses(said)), said
    await _still_well(fuzzed)
    assert fuzzed.unhandled == []


@pytest.fixture
async def fuzzed():  # type: ignore[no-untyped-def]
    async with opened(APP, script=echo) as world:
        unhandled: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: unhandled.append(said))
        world.unhandled = unhandled
        yield world
