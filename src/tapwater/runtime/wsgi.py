"""A whole WSGI app (PEP 3333), run where blocking is fine."""

import io
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tapwater.headers import sendable
from tapwater.runtime import streams, wire
from tapwater.runtime.answers import Whole
from tapwater.runtime.call import Call
from tapwater.runtime.program import Program
from tapwater.runtime.serving import fail, send_whole
from tapwater.runtime.steps import with_trace

_OWN_NAMES = {"CONTENT_TYPE", "CONTENT_LENGTH"}


def serve_wsgi(program: Program, call: Call) -> None:
    """Answer one call."""
    try:
        answer = _Answer(call)
        items = program.app(_environ(call, program.concurrency > 1), answer.start)
        try:
            answer.send_all(items)
        finally:
            if hasattr(items, "close"):
                items.close()
    except BaseException as error:
        fail(call, error)
        if not isinstance(error, Exception):
            raise


class _Answer:
    """``start_response`` and what follows it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._head: tuple[int, wire.Headers] | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self._call.started:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._head is not None and exc_info is None:
            raise RuntimeError("start_response() was called again")
        pairs = sendable(
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        )
        self._head = (int(status.split(" ", 1)[0]), pairs)
        return self._write

    def send_all(self, items: Any) -> None:
        """Send what the app gave: at once if it is one piece, else as it comes."""
        if isinstance(items, list | tuple) and not self._call.started:
            self._send_whole(b"".join(items))
            return
        for item in items:
            if item and not self._call.started and len(item) == self._announced():
                self._send_whole(bytes(item))
            elif item:
                self._write(item)
        if self._call.ended:
            return
        if self._call.started:
            streams.finish(self._call)
        else:
            self._send_whole(b"")

    def _send_whole(self, body: bytes) -> None:
        status, headers = self._begun()
        send_whole(self._call, Whole(status, wire.pack_headers(headers), body))

    def _write(self, data: bytes) -> None:
        if self._call.ended:
            raise RuntimeError("the body is longer than its content-length")
        if not self._call.started:
            streams.begin(self._call, *self._begun())
        streams.write(self._call, bytes(data))

    def _announced(self) -> int:
        """The length the app said its answer has; -1 for none. Frameworks give one piece of it."""
        _, headers = self._begun()
        length = dict(headers).get(b"content-length", b"")
        return int(length) if length.isdigit() else -1

    def _begun(self) -> tuple[int, wire.Headers]:
        if self._head is None:
            raise RuntimeError("the app gave a body before it called start_response()")
        return self._head


class Input(io.RawIOBase):
    """``wsgi.input``: the body, read as the app reads."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _environ(call: Call, multithread: bool) -> dict[str, Any]:
    invoke = call.invoke
    environ: dict[str, Any] = {
        "REQUEST_METHOD": invoke.method.decode("latin-1"),
        "SCRIPT_NAME": _latin(invoke.text(3)),
        "PATH_INFO": _latin(invoke.text(2)),
        "QUERY_STRING": _latin(invoke.text(4)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _latin(invoke.text(6)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": _latin(invoke.text(5)) or "http",
        "wsgi.input": io.BufferedReader(Input(streams.pieces(call))),
        # The body ends where it ends, whatever content-length says or does not say.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in with_trace(invoke.headers, invoke.text(9)):
        _add_header(environ, _latin(name).upper().replace("-", "_"), _latin(value))
    host, _, port = environ.get("HTTP_HOST", "localhost").rpartition(":")
    environ["SERVER_NAME"] = host or environ.get("HTTP_HOST", "localhost")
    environ["SERVER_PORT"] = port if host and port.isdecimal() else "80"
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    key = name if name in _OWN_NAMES else f"HTTP_{name}"
    if key in environ:
        separator = "; " if name == "COOKIE" else ","
        value = f"{environ[key]}{separator}{value}"
    environ[key] = value


def _latin(raw: bytes) -> str:
    return raw.decode("latin-1")
