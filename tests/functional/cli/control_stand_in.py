"""A real HTTP server that keeps the control API's contract for one app, in memory.

It lets the command line be tested without a platform; tests/functional/test_request_line.py has
the whole.
"""

import io
import json
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "correct-token"
API = "/_/api/v1"

GREET: dict[str, Any] = {
    "name": "hello/greet/[name]",
    "url": "http://127.0.0.1:8080/hello-api/greet/{name}",
    "verbs": ["GET"],
    "kind": "restful",
    "limits": {"memory_bytes": 268435456, "timeout_s": 30.0},
    "warnings": [],
}
TICK: dict[str, Any] = {
    "name": "hello/tick",
    "kind": "reactive",
    "trigger": {"source": "schedule", "arguments": {"cron": "* * * * *"}},
    "limits": {"memory_bytes": 134217728, "timeout_s": None},
}
REVISION: dict[str, Any] = {
    "id": "01J0000000000000000000REV3",
    "number": 3,
    "created_at": 1.0,
    "note": "third",
    "python": "3.11",
    "functions": [GREET, TICK],
    "urls": ["http://127.0.0.1:8080"],
    "preview": "http://r3--hello.localhost:8080",
    "aliases": {"live": 100},
}

TOP: dict[str, Any] = {
    "uptime_s": 75.0,
    "instances": 2,
    "waiting": 0,
    "memory_held_bytes": 64 << 20,
    "memory_budget_bytes": 1 << 30,
    "gateway": {"in_flight": 1, "connections": 3},
    "functions": [
        {
            "app": "hello",
            "function": "hello/greet/[name]",
            "revision": "01J0000000000000000000REV3",
            "busy": 1,
            "idle": 1,
            "running": 1,
            "waiting": 0,
            "calls": 120,
            "cold_starts": 2,
            "p50_s": 0.0012,
            "p95_s": 0.2,
            "memory_bytes": 64 << 20,
        }
    ],
}
DOCTOR: dict[str, Any] = {
    "machine": {"kernel": "6.1", "cores": 2, "memory_bytes": 8 << 30},
    "layers": [
        {"name": "seccomp", "present": True, "detail": "filter of 300 rules", "without": "x"},
        {
            "name": "landlock",
            "present": False,
            "detail": "the kernel has none",
            "without": "one layer fewer between a function and the files",
        },
    ],
    "interpreters": [{"path": "/usr/bin/python3.11", "version": "3.11.7"}],
    "limits": {"instances_max": 1000},
    "warnings": [],
}


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request that came."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def files(self) -> dict[str, bytes]:
        """Unpack a bundle."""
        found = {}
        with tarfile.open(fileobj=io.BytesIO(self.body), mode="r:gz") as tar:
            for member in tar.getmembers():
                content = tar.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
        return found


@dataclass(slots=True, kw_only=True)
class Script:
    """What the server answers, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    deploy: list[Any] = field(default_factory=list)
    followed: list[list[Any]] = field(default_factory=list)  # one stream after the other

    def last(self, method: str) -> Asked:
        return [each for each in self.asked if each.method == method][-1]


def problem(status: int, code: str, detail: str, **more: Any) -> tuple[int, Any]:
    """Write a problem+json answer."""
    return status, {"type": "about:blank", "status": status, "code": code, "detail": detail, **more}


def usual() -> dict[tuple[str, str], tuple[int, Any]]:
    """Give the answers of a server with the app `hello` in it."""
    weights = {"live": {"3": 100}}
    return {
        ("GET", "/apps"): (
            200,
            {"apps": [{"name": "hello", "functions": 2, "aliases": weights, "default": True}]},
        ),
        ("GET", "/apps/hello"): (
            200,
            {"name": "hello", "default": True, "aliases": weights, "revision": REVISION},
        ),
        ("DELETE", "/apps/hello"): (204, None),
        ("GET", "/top"): (200, TOP),
        ("GET", "/doctor"): (200, DOCTOR),
        ("GET", "/apps/hello/revisions"): (
            200,
            {
                "revisions": [
                    REVISION,
                    {"number": 2, "created_at": 0.5, "functions": [GREET], "note": ""},
                ]
            },
        ),
        ("GET", "/apps/hello/aliases"): (200, {"aliases": weights}),
        ("POST", "/apps/hello/rollback"): (200, {"aliases": {"live": {"2": 100}}}),
        ("PUT", "/apps/hello/aliases/live"): (200, {"aliases": {"live": {"3": 90, "2": 10}}}),
        ("GET", "/apps/hello/secrets"): (200, {"secrets": ["STRIPE_KEY"]}),
        ("PUT", "/apps/hello/secrets/STRIPE_KEY"): (204, None),
        ("DELETE", "/apps/hello/secrets/STRIPE_KEY"): (204, None),
        ("GET", "/tokens"): (
            200,
            {"tokens": [{"name": "ci", "admin": False, "apps": ["hello"]}]},
        ),
        ("POST", "/tokens"): (201, {"name": "ci", "token": "fresh-token"}),
        ("DELETE", "/tokens/ci"): (204, None),
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path).removeprefix(API)
        size = int(self.headers.get("content-length") or 0)
        asked = Asked(
            method=self.command,
            path=path,
            query=dict(parse_qsl(parts.query)),
            body=self.rfile.read(size),
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        self.script.asked.append(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            self._answer(*problem(401, "unauthenticated", "no valid token came with the request"))
        elif path.endswith("/deploys"):
            self._stream(self.script.deploy)
        elif asked.query.get("follow") and self.script.followed:
            self._stream(self.script.followed.pop(0))
        elif asked.query.get("follow"):
            self._answer(*problem(403, "not_allowed", "this token may not do that any more"))
        else:
            missing = problem(404, "not_found", f"there is no {path}")
            self._answer(*self.script.answers.get((self.command, path), missing))

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, status: int, value: Any) -> None:
        raw = b"" if value is None else value if isinstance(value, bytes) else _json(value)
        self.send_response(status)
        kind = "application/problem+json" if status >= 400 else "application/json"
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, lines: list[Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in lines:
            raw = _json(line) + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests ask the script."""


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may hang up when it has read enough; anything else is a fault of the test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(script: Script) -> Iterator[Script]:
    """Serve the script on a port of its own."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
