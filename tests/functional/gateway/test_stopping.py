"""Starting, stopping without dropping anyone, and certificates that change."""

import asyncio
import datetime
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tapwater_server.gateway.settings import DoorLimits, GatewaySettings
from tapwater_server.testing.invoker import ScriptedCall, forever
from tests.functional.gateway.world import World, function, opened, revision

APP = revision(function("/hello"))
GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


async def _turn() -> None:
    """Let the loop run everything that is ready."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, event.set)
    await event.wait()


async def test_calls_in_flight_are_answered_and_then_the_connection_closes() -> None:
    async with opened(APP, script=forever) as world, await world.connect() as raw:
        raw.send(GET)
        await world.invoker.wait(lambda: world.invoker.calls)
        stopping = asyncio.get_running_loop().create_task(world.gateway.stop())
        await _turn()
        with pytest.raises(ConnectionRefusedError):
            await world.connect()
        assert not stopping.done()
        world.invoker.calls[0].answer(200, [], b"at last")
        head, body = await raw.answer()
        assert body == b"at last"
        assert b"connection: close" in head
        await stopping


async def test_under_load_a_stop_drops_nobody() -> None:
    def script(call: ScriptedCall) -> None:
        asyncio.get_running_loop().call_later(0.002, call.answer, 200, [], b"fine")

    async with opened(APP, script=script) as world:
        answered, torn = 0, 0

        async def ask() -> None:
            nonlocal answered, torn
            async with await world.connect() as raw:
                while True:
                    raw.send(GET)
                    try:
                        head, _ = await raw.answer()
                    except (asyncio.IncompleteReadError, ConnectionError):
                        torn += 1
                        return
                    answered += 1
                    if b"connection: close" in head:
                        return

        asking = [asyncio.get_running_loop().create_task(ask()) for _ in range(20)]
        await world.invoker.wait(lambda: len(world.invoker.calls) > 60)
        await world.gateway.stop()
        await asyncio.gather(*asking)
        assert torn == 0
        assert answered > 20


async def test_a_call_that_never_ends_is_cut_off_when_the_drain_is_over() -> None:
    settings = GatewaySettings(port=0, limits=DoorLimits(drain_s_max=0.1))
    async with opened(APP, script=forever, settings=settings) as world:
        async with await world.connect() as raw:
            raw.send(GET)
            await world.invoker.wait(lambda: world.invoker.calls)
            async with asyncio.timeout(5):
                await world.gateway.stop()
        await world.invoker.wait(lambda: world.invoker.calls[0].cancelled)


async def test_an_inherited_socket_is_listened_on() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings = GatewaySettings(port=0, listen_fd=listening.detach())
    async with opened(APP, settings=settings) as world:
        assert world.port == port
        assert (await world.ask(GET.replace(b"1.1", b"1.0"))).endswith(b"hello")


async def test_two_gateways_share_a_port_when_told_to() -> None:
    async with opened(APP, settings=GatewaySettings(port=0, reuse_port=True)) as world:
        again = GatewaySettings(port=world.port, reuse_port=True)
        async with opened(APP, settings=again) as other:
            assert other.port == world.port


def _certificate(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime.datetime(2020, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


async def _name_of(world: World) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", world.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    subject = x509.load_der_x509_certificate(shown).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


async def test_tls_and_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    _certificate(tmp_path, "first")
    settings = GatewaySettings(
        port=0,
        tls_certificate=str(tmp_path / "cert.pem"),
        tls_key=str(tmp_path / "key.pem"),
        limits=DoorLimits(sweep_s=60.0),
    )
    async with opened(APP, settings=settings) as world:
        url = f"https://127.0.0.1:{world.port}"
        async with httpx.AsyncClient(base_url=url, verify=False) as client:
            assert (await client.post("/hello", content=b"x" * 300_000)).text == "hello"
        assert world.invoker.calls[0].invocation.scheme == "https"
        assert await _name_of(world) == "first"
        (tmp_path / "key.pem").write_text("broken")
        await world.gateway.step()
        assert await _name_of(world) == "first"
        assert world.gateway.stats().certificate_failures == 1
        _certificate(tmp_path, "second")
        await world.gateway.step()
        assert await _name_of(world) == "second"
        _certificate(tmp_path, "third")
        assert await world.gateway.reload_certificate()
        assert await _name_of(world) == "third"
        assert await world.ask(GET) == b""  # Plain HTTP at a TLS port.


async def test_followers_of_the_platforms_own_pages_do_not_hold_up_a_stop() -> None:
    async def following(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"line\n", "more_body": True})
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    async with opened(APP, internal=following) as world, await world.connect() as raw:
        raw.send(b"GET /_/logs HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 200 ")
        async with asyncio.timeout(10):
            await world.gateway.stop()
