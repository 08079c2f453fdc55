"""Records and lines as tests want them."""

from typing import Any

from tapwater_server.ports.meter import Record


def call(id: str = "i1", **more: Any) -> Record:
    """A call that ended well, unless said otherwise."""
    said: dict[str, Any] = {
        "id": id,
        "at": 100.0,
        "app": "shop",
        "function": "users/hi",
        "revision": "r1",
        "method": "GET",
        "path": "/users-api/hi",
        "status": 200,
        "ending": "ok",
        "cold": False,
        "queue_ms": 1.0,
        "wall_ms": 9.0,
        "cpu_ms": 2.0,
        "memory_peak_bytes": 1000,
        "bytes_in": 1,
        "bytes_out": 2,
        "instance": "x",
        "trace": "t" * 32,
        "span": f"s-{id}",
        **more,
    }
    return Record(**said)
