"""What everything that hands telemetry on must do."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tapwater_server.backends.https import shipper as shipper_module
from tapwater_server.backends.https.shipper import HttpShipper
from tapwater_server.ports.shipping import ANSWER_BYTES_MAX
from tapwater_server.testing.clock import ManualClock

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Other:
    """The other side: reads a request, and answers as a test has it."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        self.silent = False
        self.heads: list[bytes] = []
        self.url = ""
        self._over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(4)
                if self.silent:
                    await self._over.wait()
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has gone.
        finally:
            writer.close()

    def end(self) -> None:
        self._over.set()


@pytest.fixture
async def other() -> AsyncIterator[Other]:
    other = Other()
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/"
    yield other
    other.end()
    server.close()


@pytest.fixture
async def shipper(other: Other) -> AsyncIterator[HttpShipper]:
    shipper = HttpShipper(other.url, headers={"x-team": "a"}, clock=ManualClock())
    yield shipper
    await shipper.close()


async def test_shp_1_what_the_other_side_does_is_in_the_receipt(
    other: Other, shipper: HttpShipper
) -> None:
    receipt = await shipper.send("/v1/traces", b"body", {"content-type": "application/json"})
    assert (receipt.status, receipt.body, receipt.why) == (200, b"ok", "")
    assert other.heads[0].startswith(b"POST /base/v1/traces HTTP/1.1\r\n")
    assert b"x-team: a\r\n" in other.heads[0]
    other.answer = b"this is no HTTP\r\n\r\n"
    assert (await shipper.send("/", b"body", {})).status == 0
    nobody = HttpShipper("http://127.0.0.1:1", headers={}, clock=ManualClock())
    receipt = await nobody.send("/", b"body", {})
    assert receipt.status == 0
    assert "ConnectError" in receipt.why
    await nobody.close()


async def test_shp_1_a_redirection_is_not_followed(other: Other, shipper: HttpShipper) -> None:
    other.answer = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    assert (await shipper.send("/", b"body", {})).status == 302
    assert len(other.heads) == 1


async def test_shp_2_silence_ends(
    other: Other, shipper: HttpShipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper_module, "SEND_S_MAX", 0.05)
    other.silent = True
    receipt = await shipper.send("/", b"body", {})
    assert receipt.status == 0
    assert receipt.why


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"7", 7.0),
        (b"999999999", 3600.0),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (b"soon", None),
        (b"9" * 500, None),
    ],
)
async def test_shp_3_how_long_to_wait(
    other: Other, shipper: HttpShipper, said: bytes, seconds: float | None
) -> None:
    head = b"HTTP/1.1 503 Wait\r\nretry-after: %b\r\ncontent-length: 0\r\n\r\n" % said
    other.answer = head
    receipt = await shipper.send("/", b"body", {})
    assert (receipt.status, receipt.retry_after_s) == (503, seconds)


async def test_shp_3_an_answer_without_end_is_cut(other: Other, shipper: HttpShipper) -> None:
    size = ANSWER_BYTES_MAX * 4
    other.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    assert len((await shipper.send("/", b"body", {})).body) == ANSWER_BYTES_MAX


async def test_shp_3_what_is_pressed_is_not_unpacked(other: Other, shipper: HttpShipper) -> None:
    """A thousand times as much would be in memory before it could be cut."""
    bomb = gzip.compress(bytes(ANSWER_BYTES_MAX * 100))
    assert len(bomb) < ANSWER_BYTES_MAX
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    other.answer = head % len(bomb) + bomb
    receipt = await shipper.send("/v1/logs", b"four", {})
    assert (receipt.status, receipt.body) == (200, bomb)
    assert b"accept-encoding: identity" in other.heads[0].lower()
