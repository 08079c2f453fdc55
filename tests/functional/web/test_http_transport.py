"""Closing a transport that many threads ask through."""

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tapwater.services.http_transport import HttpTransport
from tapwater.services.transport import Request, ServiceError


class Server(http.server.ThreadingHTTPServer):
    """Answers at once, but for /hold, where it says a half and waits; counts connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.open = 0
        self.changed = threading.Condition()
        self.holding, self.let_go = threading.Event(), threading.Event()

    def note(self, by: int) -> None:
        with self.changed:
            self.open += by
            self.changed.notify_all()

    def wait_open(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.open == count, timeout=10)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.note(1)

    def finish(self) -> None:
        self.server.note(-1)
        super().finish()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        if self.path.endswith("/hold"):
            self.wfile.write(b"ha")
            self.server.holding.set()
            self.server.let_go.wait(10)
            return
        self.wfile.write(b"half")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.let_go.set()
        server.shutdown()
        serving.join()


def test_close_ends_the_connections_of_all_threads(server: Server) -> None:
    transport = HttpTransport(f"http://127.0.0.1:{server.server_port}")
    with ThreadPoolExecutor(1) as idle, ThreadPoolExecutor(1) as busy:
        ask = Request(method="GET", path="/x")
        assert idle.submit(transport.send, ask).result().body == b"half"
        assert transport.send(ask).body == b"half"
        held = busy.submit(transport.send, Request(method="GET", path="/hold"))
        assert server.holding.wait(10)
        server.wait_open(3)
        transport.close()
        with pytest.raises(ServiceError) as lost:
            held.result(10)
        assert lost.value.code == "unreachable"
        server.let_go.set()
        server.wait_open(0)
        assert idle.submit(transport.send, ask).result().body == b"half"
        server.wait_open(1)
        transport.close()
        transport.close()
        server.wait_open(0)
