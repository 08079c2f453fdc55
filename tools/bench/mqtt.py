"""Messages per second through an MQTT broker: ours against mosquitto, in the same run.

python -m tools.bench.mqtt [--mosquitto PATH] [--messages 10000]

The clients are bare sockets that write prepared bytes and count what comes back, so that the
broker is what is measured. One subscriber hears everything; it counts, and acknowledges QoS 1.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tapwater_server.services.mqtt.codec.packets import V311, Connect, Publish, Subscribe
from tapwater_server.services.mqtt.codec.packets import Subscription as Sub
from tapwater_server.services.mqtt.codec.reading import Splitter
from tapwater_server.services.mqtt.codec.writing import write_packet
from tests.functional.running import pack

PAYLOAD = b"x" * 64
WINDOW = 64  # QoS 1 messages under way per publisher
START_S_MAX = 20.0
TOPIC = "bench/topic"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    name: str
    port: int
    user: str = ""
    password: str = ""


class Ear(asyncio.Protocol):
    """Counts PUBLISH packets, and acknowledges those of QoS 1."""

    def __init__(self, wanted: int) -> None:
        self.heard, self._wanted = 0, wanted
        self.done = asyncio.Event()
        self.ready = asyncio.Event()
        self._splitter = Splitter(packet_bytes_max=1 << 20)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        acks = bytearray()
        for first, body in self._splitter.feed(data):
            if first >> 4 == 3:
                self.heard += 1
                if first & 6:
                    at = 2 + int.from_bytes(body[:2], "big")
                    acks += b"\x40\x02" + body[at : at + 2]
            elif first >> 4 == 9:
                self.ready.set()
        if acks:
            self._transport.write(acks)
        if self.heard >= self._wanted:
            self.done.set()


async def open_client(broker: Broker, client_id: str) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(hello(broker, client_id))
    answer = await reader.readexactly(4)
    assert answer[3] == 0, f"{broker.name} refuses: {answer!r}"
    return reader, writer


def hello(broker: Broker, client_id: str) -> bytes:
    said = Connect(
        version=V311,
        client_id=client_id,
        user=broker.user or None,
        password=broker.password.encode() if broker.password else None,
    )
    return write_packet(said, V311)


async def publish(broker: Broker, name: str, count: int, qos: int) -> None:
    reader, writer = await open_client(broker, name)
    packets = [
        write_packet(Publish(topic=TOPIC, payload=PAYLOAD, qos=qos, packet_id=id), V311)
        for id in (range(1, WINDOW + 1) if qos else (0,))
    ]
    if qos == 0:
        block = packets[0] * 100
        for _ in range(count // 100):
            writer.write(block)
            await writer.drain()
    else:
        sent = acknowledged = 0
        while acknowledged < count:
            free = min(WINDOW - (sent - acknowledged), count - sent)
            writer.write(b"".join(packets[(sent + n) % WINDOW] for n in range(free)))
            sent += free
            data = await reader.read(4 * WINDOW)
            data += await reader.readexactly(-len(data) % 4)
            acknowledged += len(data) // 4
    writer.write(b"\xe0\x00")
    await writer.drain()
    writer.close()


async def measure(broker: Broker, *, publishers: int, qos: int, messages: int) -> float:
    """Give the messages per second that reached the subscriber."""
    each = max(messages // publishers // 100, 1) * 100
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_connection(
        lambda: Ear(each * publishers), "127.0.0.1", broker.port
    )
    transport.write(hello(broker, "ear"))
    wanted = Subscribe(packet_id=1, subscriptions=(Sub(filter=TOPIC, qos=qos),))
    transport.write(write_packet(wanted, V311))
    await ear.ready.wait()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(publishers):
            group.create_task(publish(broker, f"p{n}", each, qos))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            await ear.done.wait()
    took = time.perf_counter() - began
    transport.close()
    lost = each * publishers - ear.heard
    if lost:
        print(f"  ({broker.name}: {lost} of QoS {qos} did not arrive)", file=sys.stderr)
    return ear.heard / took


@contextlib.contextmanager
def tapwater(folder: Path) -> Iterator[Broker]:
    port = free_port()
    environment = {**os.environ, "TAPWATER_MQTT": "1", "TAPWATER_MQTT_PORT": str(port)}
    command = [sys.executable, "-m", "tapwater_server", "up", "--json", "--port", "0"]
    command += ["--data", str(folder / "data")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        token = (folder / "data" / "admin-token").read_text().strip()
        deploy(url, token)
        yield Broker(name="tapwater", port=port, user="bench", password=token)
        process.terminate()


def deploy(url: str, token: str) -> None:
    body = pack({"hello.py": "def get():\n    return 1\n"})
    answer = httpx.post(
        f"{url}/_/api/v1/apps/bench/deploys",
        content=body,
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert '"revision"' in answer.text, answer.text


@contextlib.contextmanager
def mosquitto(path: str, folder: Path) -> Iterator[Broker]:
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        "max_inflight_messages 0\n"
    )
    with subprocess.Popen([path, "-c", str(settings)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield Broker(name="mosquitto", port=port)
        process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mosquitto", default=shutil.which("mosquitto") or "")
    parser.add_argument("--messages", type=int, default=10_000)
    said = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        brokers = [stack.enter_context(tapwater(folder))]
        if said.mosquitto:
            brokers.append(stack.enter_context(mosquitto(said.mosquitto, folder)))
        print("| publishers | QoS | " + " | ".join(one.name for one in brokers) + " |")
        print("|---|---|" + "---|" * len(brokers))
        for publishers in (1, 32):
            for qos in (0, 1):
                rates = [
                    asyncio.run(
                        measure(one, publishers=publishers, qos=qos, messages=said.messages)
                    )
                    for one in brokers
                ]
                shown = " | ".join(f"{rate:,.0f}/s" for rate in rates)
                print(f"| {publishers} | {qos} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
