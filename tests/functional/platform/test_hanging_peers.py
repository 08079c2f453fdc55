"""Others that accept and never answer, or answer a byte a second: the platform does not wait."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tapwater_server.backends.https.shipper import HttpShipper
from tapwater_server.backends.system.clock import SystemClock
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

FILES = {
    "restful/index.py": "def get():\n    return 'hello'\n",
    "restful/bad.py": "def get():\n    print('x' * 1000)\n    raise ValueError('bad')\n",
}
DRAIN_S = 2.0
GOODBYE_S = 5.0  # What telemetry is tried at the end; see services/otlp/exporter.py.
TRICKLE_S = 0.3


class Peer:
    """Listens on a port of this machine; never answers, or with one byte after the other."""

    def __init__(self, says: bytes = b"", *, each_s: float = TRICKLE_S) -> None:
        self._says, self._each_s = says, each_s
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    @property
    def met(self) -> int:
        """How many have come."""
        return len(self._held)

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._held:
            one.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                self._held.append(one)
                if self._says:
                    threading.Thread(target=self._trickle, args=(one,), daemon=True).start()

    def _trickle(self, one: socket.socket) -> None:
        with suppress(OSError):
            for at in range(len(self._says)):
                one.sendall(self._says[at : at + 1])
                if self._over.wait(self._each_s):
                    return


@contextmanager
def peer(says: bytes = b"", *, each_s: float = TRICKLE_S) -> Iterator[Peer]:
    one = Peer(says, each_s=each_s)
    try:
        yield one
    finally:
        one.close()


def test_calls_are_answered_and_the_stop_is_in_time(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 1000
    with peer() as collector, peer(answer) as hook, peer() as mail:
        settings = {
            "TAPWATER_OTLP_URL": f"http://127.0.0.1:{collector.port}",
            "TAPWATER_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "TAPWATER_REACH_PRIVATE": "1",
            "TAPWATER_DRAIN_S": f"{DRAIN_S:g}",
        }
        with Platform(tmp_path / "data", settings=settings) as platform:
            platform.deploy(FILES, "app")
            for n in range(6):  # More than are told at once.
                rule = {
                    "kind": "new_error",
                    "webhooks": [f"http://127.0.0.1:{hook.port}/{n}"],
                    "mails": [f"ops{n}@example.com"],
                }
                made = platform.api("PUT", f"/alerts/news{n}", params={"app": "app"}, json=rule)
                assert made.status_code == 200, made.text
            for _ in range(200):
                assert platform.get("/bad").status_code == 500
            for one in (collector, hook, mail):
                until(lambda one=one: one.met > 0, "all are being spoken to")  # type: ignore[misc]
            began = time.monotonic()
            for _ in range(200):
                assert platform.get("/").status_code == 200
            assert platform.api("GET", "/top").status_code == 200
            assert time.monotonic() - began < 10.0, "nobody waits for them"
            began = time.monotonic()
            assert platform.stop() == 0
            assert time.monotonic() - began < DRAIN_S + GOODBYE_S + 5.0


async def test_a_collector_whose_answer_never_ends_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tapwater_server.backends.https.shipper.SEND_S_MAX", 1.0)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    with peer(head + b"1\r\nx\r\n" * 1000, each_s=0.05) as slow, peer() as silent:
        for one in (slow, silent):
            shipper = HttpShipper(f"http://127.0.0.1:{one.port}", headers={}, clock=SystemClock())
            async with asyncio.timeout(10.0):
                receipt = await shipper.send("/v1/logs", b"x" * 1000, {})
                await shipper.close()
            assert receipt.status == 0
