"""What whoever asks others on the web must do."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tapwater_server.backends.https import fetcher as backend
from tapwater_server.backends.https.fetcher import HttpsFetcher
from tapwater_server.ports.fetching import FetchFailed


@pytest.fixture
async def fetcher() -> AsyncIterator[HttpsFetcher]:
    made = HttpsFetcher()
    yield made
    await made.close()


@asynccontextmanager
async def saying(answer: bytes, *, heard: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server that says one thing to everybody."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(65_536)
        if heard is not None:
            heard.append(asked)
        writer.write(answer)
        writer.close()
        closing.append(writer)

    closing: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    finally:
        server.close()
        for writer in closing:
            with suppress(ConnectionError):
                await writer.wait_closed()


def http(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    return head.encode() + body


async def test_fet_1_the_nodes_own_network_is_asked_for(fetcher: HttpsFetcher) -> None:
    heard: list[bytes] = []
    async with saying(http(b'{"a":1}'), heard=heard) as url:
        for near in (url, url.replace("127.0.0.1", "localhost"), "http://[::1]:1/"):
            with pytest.raises(FetchFailed, match="own network"):
                await fetcher.ask(near, own_network=False)
        assert heard == []
        assert await fetcher.ask(url, own_network=True) == {"a": 1}
        assert await fetcher.ask(url, form={"b": "2"}, own_network=True) == {"a": 1}
    assert heard[0].startswith(b"GET /x HTTP/1.1\r\nhost: 127.0.0.1:")
    assert heard[1].endswith(b"\r\n\r\nb=2")


async def test_fet_2_an_answer_has_a_ceiling(fetcher: HttpsFetcher) -> None:
    async with saying(http(b'"' + b"x" * (2 << 20) + b'"')) as url:
        with pytest.raises(FetchFailed, match="larger"):
            await fetcher.ask(url, own_network=True)


async def test_fet_2_what_is_pressed_is_not_unpacked(fetcher: HttpsFetcher) -> None:
    bomb = gzip.compress(b'"' + bytes(8 << 20) + b'"')
    async with saying(http(bomb, more="Content-Encoding: gzip\r\n")) as url:
        with pytest.raises(FetchFailed, match="not JSON"):
            await fetcher.ask(url, own_network=True)


async def test_fet_2_and_a_time(fetcher: HttpsFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "ANSWER_S_MAX", 0.5)
    never = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(FetchFailed):
        await fetcher.ask(f"http://127.0.0.1:{port}/", own_network=True)
    never.set()
    server.close()
    await asyncio.wait_for(gone.wait(), 10)


async def test_fet_2_redirections_are_not_followed(fetcher: HttpsFetcher) -> None:
    moved = http(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n")
    async with saying(moved) as url:
        with pytest.raises(FetchFailed, match="302"):
            await fetcher.ask(url, own_network=True)


@pytest.mark.parametrize(
    "answer",
    [http(b"{}", "404 Not Found"), http(b"<html>"), http(b"[" * 100_000), b"nonsense\r\n\r\n", b""],
)
async def test_fet_3_what_is_no_answer_fails(fetcher: HttpsFetcher, answer: bytes) -> None:
    async with saying(answer) as url:
        with pytest.raises(FetchFailed):
            await fetcher.ask(url, own_network=True)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a.example/", "http://", "http://127.0.0.1:1/", "http://\ud800/", "//a"]
)
async def test_fet_3_what_is_no_address_fails(fetcher: HttpsFetcher, url: str) -> None:
    with pytest.raises(FetchFailed):
        await fetcher.ask(url, own_network=True)


async def test_fet_4_something_is_posted_and_any_success_will_do(fetcher: HttpsFetcher) -> None:
    heard: list[bytes] = []
    headers = {"content-type": "application/json", "x-signature": "s"}
    async with saying(http(b"no JSON", "202 Accepted"), heard=heard) as url:
        await fetcher.post(url, body=b'{"a":1}', headers=headers, own_network=True)
        with pytest.raises(FetchFailed, match="own network"):
            await fetcher.post(url, body=b"", headers={}, own_network=False)
    (asked,) = heard
    assert asked.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"x-signature: s\r\n" in asked
    assert asked.endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Oh"])
async def test_fet_4_what_is_not_taken_is_said(fetcher: HttpsFetcher, status: str) -> None:
    async with saying(http(b"", status)) as url:
        with pytest.raises(FetchFailed, match=f"status {status[:3]}"):
            await fetcher.post(url, body=b"", headers={}, own_network=True)
    with pytest.raises(FetchFailed):
        await fetcher.post(url, body=b"", headers={}, own_network=True)
