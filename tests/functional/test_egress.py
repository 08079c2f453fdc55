"""What leaves a function's network: real namespaces, real sockets, the real forwarder."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from tapwater_server.backends.linux import egress_dns as dns
from tapwater_server.backends.linux import egress_layers
from tapwater_server.backends.linux.egress import Policy
from tapwater_server.backends.linux.egress_forwarder import CONNECTIONS_MAX
from tapwater_server.backends.linux.egress_policy import networks
from tapwater_server.backends.system.clock import SystemClock
from tests.functional.egress_net import net
from tests.not_testable import CannotTest

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
USERS = (False, True) if os.getuid() == 0 else (True,)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Awaitable[None]], None]


@pytest.fixture(params=LOOPS, ids=str)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a story on each kind of loop."""

    def story(told: Awaitable[None]) -> None:
        async def all_of_it() -> None:
            await told

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(all_of_it())

    return story


@asynccontextmanager
async def server(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server on the node's own loopback, standing in for the world."""
    listening = await asyncio.start_server(serve, host, 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def talk(host: str, port: int, text: str = "hello") -> str:
    """Say something, end our side, and read until the other ends its own."""
    return f"""
conn = socket.create_connection(({host!r}, {port}), timeout=5)
conn.sendall({text.encode()!r})
try:
    conn.shutdown(socket.SHUT_WR)
except OSError:
    pass  # It was reset already: reading says so.
parts = []
while data := conn.recv(65536):
    parts.append(data)
result = b"".join(parts).decode()
"""


def outcome(code: str) -> str:
    """Run it and say which error came of it."""
    inner = "".join(f"    {line}\n" for line in code.splitlines())
    return f"try:\n{inner}except OSError as error:\n    result = type(error).__name__\n"


@pytest.mark.parametrize("ordinary", USERS, ids=["ordinary" if u else "root" for u in USERS])
def test_a_declared_place_is_reached_and_nothing_else(run: Run, ordinary: bool) -> None:
    async def story() -> None:
        async with (
            server(echo) as port,
            server(echo) as other,
            net(f"localhost:{port}", ordinary=ordinary) as inside,
        ):
            assert await inside.run(talk("localhost", port)) == "hello"
            refused = await inside.run(outcome(talk("127.0.0.1", other)))
            assert refused == "ConnectionRefusedError"
            assert await inside.run(outcome(talk("192.0.2.7", 443))) == "OSError"
            stats = inside.forwarder.stats()
            assert (stats.connections, stats.bytes_out, stats.bytes_in) == (1, 5, 5)

    run(story())


def test_nothing_declared_is_nothing_reached(run: Run) -> None:
    async def story() -> None:
        async with server(echo) as port, net() as inside:
            assert await inside.run(outcome(talk("127.0.0.1", port))) == "ConnectionRefusedError"
            assert await inside.run("import os; result = os.listdir('/sys/class/net')")
            names = await inside.run("result = [name for _, name in socket.if_nameindex()]")
            assert names == ["lo"]

    run(story())


def test_a_name_is_reached_through_an_address_of_its_own(run: Run) -> None:
    async def story() -> None:
        names = {"db.example": ["127.0.0.1"]}
        async with server(echo) as port, net(f"private:db.example:{port}", names=names) as inside:
            assert await inside.run("result = socket.gethostbyname('db.example')") == "127.1.0.1"
            assert await inside.run(talk("db.example", port)) == "hello"

    run(story())


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "belongs to the node itself"),
        ("::ffff:127.0.0.1", "belongs to the node itself"),
        ("10.255.255.254", "is a private address"),
        ("169.254.169.254", "metadata"),
        ("0.0.0.0", "is not the address of a host"),
    ],
)
def test_a_public_name_that_resolves_to_an_inner_address_is_refused(
    run: Run, address: str, why: str
) -> None:
    async def story() -> None:
        names = {"evil.example": [address]}
        async with server(echo) as port, net(f"evil.example:{port}", names=names) as inside:
            code = outcome(talk("evil.example", port))
            assert await inside.run(code) == "ConnectionResetError"
            assert why in inside.notes[0]
            assert inside.forwarder.stats().refused == 1

    run(story())


def test_a_private_declaration_does_not_open_the_metadata_service(run: Run) -> None:
    async def story() -> None:
        for declared in ("169.254.169.254:80", "private:*:80"):
            async with net(declared) as inside:
                code = outcome(talk("169.254.169.254", 80))
                assert await inside.run(code) == "ConnectionResetError"
                assert "metadata" in inside.notes[0]

    run(story())


def test_the_operator_can_close_what_is_declared(run: Run) -> None:
    async def story() -> None:
        policy = Policy(deny=networks("127.0.0.0/8"))
        async with server(echo) as port, net(f"127.0.0.1:{port}", policy=policy) as inside:
            assert await inside.run(outcome(talk("127.0.0.1", port))) == "ConnectionResetError"
            assert "settings of this platform" in inside.notes[0]

    run(story())


def test_a_place_where_nobody_listens_is_a_reset_with_a_reason(run: Run) -> None:
    async def story() -> None:
        async with server(echo) as port:
            pass
        async with net(f"127.0.0.1:{port}") as inside:
            assert await inside.run(outcome(talk("127.0.0.1", port))) == "ConnectionResetError"
            assert inside.notes == [f"egress to 127.0.0.1:{port} failed: Connection refused"]

    run(story())


def test_one_half_may_close_while_the_other_goes_on(run: Run) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = await reader.read()  # Until the function has ended its half.
        writer.write(str(len(got)).encode())
        writer.close()

    async def story() -> None:
        async with server(count) as port, net(f"127.0.0.1:{port}") as inside:
            assert await inside.run(talk("127.0.0.1", port, "x" * 1000)) == "1000"

    run(story())


def test_the_world_may_end_its_half_first(run: Run) -> None:
    got: list[bytes] = []
    ended = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.write_eof()
        got.append(await reader.read())
        writer.close()
        ended.set()

    async def story() -> None:
        async with server(greet) as port, net(f"127.0.0.1:{port}") as inside:
            code = f"""
conn = socket.create_connection(("127.0.0.1", {port}), timeout=5)
said = conn.recv(100), conn.recv(100)
conn.sendall(b"late")
conn.close()
result = [part.decode() for part in said]
"""
            assert await inside.run(code) == ["bye", ""]
            await ended.wait()
        assert got == [b"late"]

    run(story())


def test_much_passes_unharmed(run: Run) -> None:
    async def story() -> None:
        async with server(echo) as port, net(f"127.0.0.1:{port}") as inside:
            code = f"""
import hashlib, os, threading
data = os.urandom(32 << 20)
conn = socket.create_connection(("127.0.0.1", {port}), timeout=10)
def send():
    conn.sendall(data)
    conn.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
seen = hashlib.sha256()
while part := conn.recv(1 << 20):
    seen.update(part)
sender.join()
result = seen.digest() == hashlib.sha256(data).digest()
"""
            assert await inside.run(code) is True
            stats = inside.forwarder.stats()
            assert stats.bytes_out == stats.bytes_in == 32 << 20

    run(story())


def test_a_slow_reader_holds_the_sender_back(run: Run) -> None:
    """What the platform holds for a reader that does not read has a ceiling."""
    opened = asyncio.Event()

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.set()
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()

    async def story() -> None:
        async with server(pour) as port, net(f"127.0.0.1:{port}") as inside:
            await inside.run(
                f"global conn; conn = socket.create_connection(('127.0.0.1', {port}), timeout=5)"
            )
            await opened.wait()
            before = -1
            while inside.forwarder.stats().bytes_in != before:
                before = inside.forwarder.stats().bytes_in
                await SystemClock().sleep(0.2)
            assert 0 < before < 32 << 20  # The kernel's buffers on both sides, and a bit of ours.

    run(story())


def ask_dns(address: str, name: str) -> str:
    """Ask a DNS server by UDP, by hand, as a client with a server of its own would."""
    message = dns.ask(name, dns.A)
    return f"""
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(5)
asking.connect(({address!r}, 53))
asking.send({message!r})
result = asking.recv(512).hex()
"""


def own_address(cannot_test: CannotTest) -> str:
    """Give an address of this machine that is not loopback: it stands for the world."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # Sends nothing; only chooses a route.
        except OSError:
            cannot_test("no address but loopback, so nothing can stand for the world")
        return str(sock.getsockname()[0])


@pytest.mark.parametrize("ordinary", USERS, ids=["ordinary" if u else "root" for u in USERS])
def test_everything_reaches_any_port_by_address_and_by_name(
    run: Run, ordinary: bool, cannot_test: CannotTest
) -> None:
    world = own_address(cannot_test)

    async def story() -> None:
        policy = Policy(allow=networks(f"{world}/32"))
        names = {"site.example": [world], "inner.example": ["10.0.0.1"]}
        async with (
            server(echo, "0.0.0.0") as port,
            net("all", ordinary=ordinary, policy=policy, names=names) as inside,
        ):
            assert await inside.run(talk(world, port)) == "hello"
            assert await inside.run(talk("site.example", port)) == "hello"
            for server_address in ("127.0.0.53", "8.8.8.8"):
                told = await inside.run(ask_dns(server_address, "site.example"))
                addresses = dns.read_answer(bytes.fromhex(told))[1]
                assert [str(address) for address in addresses] == [world]
            hidden = await inside.run(ask_dns("127.0.0.53", "inner.example"))
            assert dns.read_answer(bytes.fromhex(hidden))[1] == []

    run(story())


def test_everything_is_still_nothing_inner(run: Run) -> None:
    async def story() -> None:
        async with net("all") as inside:
            for host in ("10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "fd00::1"):
                code = outcome(talk(host, 4321))
                assert await inside.run(code) in ("ConnectionResetError", "OSError"), host
            assert await inside.run(outcome(talk("127.0.0.1", 4321))) == "ConnectionRefusedError"
            stats = inside.forwarder.stats()
            assert stats.refused >= 4  # fd00::1 never arrives where the machine has no IPv6.
            assert stats.bytes_in == 0

    run(story())


def test_names_below_a_domain_are_reached_and_others_are_not_known(run: Run) -> None:
    async def story() -> None:
        policy = Policy(allow=networks("127.0.0.0/8"))
        names = {"a.shop.example": ["127.0.0.1"], "evil.example": ["127.0.0.1"]}
        async with (
            server(echo) as port,
            server(echo) as other,
            net(f"*.shop.example:{port}", policy=policy, names=names) as inside,
        ):
            assert await inside.run(talk("a.shop.example", port)) == "hello"
            assert await inside.run(outcome(talk("a.shop.example", other))) != "hello"
            assert await inside.run(outcome(talk("evil.example", port))) == "gaierror"
            assert "evil.example refused: it is not declared" in " ".join(inside.notes)

    run(story())


def test_a_port_of_all_hosts_opens_no_other_port(run: Run, cannot_test: CannotTest) -> None:
    world = own_address(cannot_test)

    async def story() -> None:
        policy = Policy(allow=networks(f"{world}/32"))
        async with (
            server(echo, "0.0.0.0") as port,
            server(echo, "0.0.0.0") as other,
            net(f"*:{port}", policy=policy) as inside,
        ):
            assert await inside.run(talk(world, port)) == "hello"
            assert await inside.run(outcome(talk(world, other))) == "ConnectionRefusedError"

    run(story())


def test_connections_have_a_ceiling(run: Run) -> None:
    async def story() -> None:
        async with server(echo) as port, net(f"127.0.0.1:{port}") as inside:
            code = f"""
kept, resets = [], 0
for _ in range({CONNECTIONS_MAX + 20}):
    try:
        conn = socket.create_connection(("127.0.0.1", {port}), timeout=5)
        kept.append(conn)
        conn.sendall(b"x")
        conn.recv(1)
    except ConnectionResetError:
        resets += 1
result = resets
"""
            resets = await inside.run(code)
            assert resets >= 20
            assert inside.forwarder.stats().open <= CONNECTIONS_MAX
            assert "too many connections" in inside.notes[0]

    run(story())


def test_the_doctor_tries_each_kind() -> None:
    layers = egress_layers.probe()
    assert [layer.name for layer in layers] == ["egress named", "egress wildcards", "egress all"]
    assert all(layer.present for layer in layers)  # As the tests above have found.
