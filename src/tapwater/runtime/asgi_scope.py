"""What an ASGI app is told about a request before it begins."""

from typing import Any

from tapwater.runtime.call import Call
from tapwater.runtime.steps import with_trace


def http_scope(call: Call, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of a request."""
    invoke = call.invoke
    return {
        "type": "http",
        "method": invoke.method.decode("latin-1"),
        "scheme": _text(invoke.text(5)) or "http",
        **_shared(call, state),
    }


def websocket_scope(call: Call, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of a WebSocket."""
    shared = _shared(call, state)
    offered = [
        name.strip().decode("latin-1")
        for key, value in shared["headers"]
        if key == b"sec-websocket-protocol"
        for name in value.split(b",")
    ]
    secure = call.invoke.text(5) in (b"https", b"wss")
    return {
        "type": "websocket",
        "scheme": "wss" if secure else "ws",
        "subprotocols": offered,
        **shared,
    }


def _shared(call: Call, state: dict[str, Any]) -> dict[str, Any]:
    invoke = call.invoke
    root_path = _text(invoke.text(3))
    headers = with_trace(invoke.headers, invoke.text(9))
    # The path is the whole one, root_path included, as ASGI has it since 2.4.
    path = root_path + _text(invoke.text(2))
    return {
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "path": path,
        "raw_path": None,
        "root_path": root_path,
        "query_string": invoke.text(4),
        "headers": headers,
        "client": (_text(invoke.text(6)), 0) if invoke.text(6) else None,
        "server": _server(headers),
        "state": state,
        "extensions": {},
    }


def _server(headers: list[tuple[bytes, bytes]]) -> tuple[str, int | None] | None:
    for name, value in headers:
        if name == b"host":
            host, colon, port = value.decode("latin-1").rpartition(":")
            return (
                (host, int(port)) if colon and port.isdecimal() else (value.decode("latin-1"), None)
            )
    return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
