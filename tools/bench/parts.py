"""Where the time of a warm call goes: the parts of the hot path, each alone, in one process."""

import json
import timeit
from collections.abc import Callable

import httptools

from tapwater.runtime import wire
from tools.bench.client import request
from tools.bench.results import Result, Table

CALLS = 20_000


class _Nothing:
    """A protocol that hears everything and does nothing."""

    def on_url(self, url: bytes) -> None: ...

    def on_header(self, name: bytes, value: bytes) -> None: ...

    def on_message_complete(self) -> None: ...


def measure() -> Result:
    """Time each part; give microseconds per call, least of five."""
    print("bench: parts of the hot path", flush=True)
    found = {name: microseconds(part) for name, part in parts().items()}
    rows = [(name, f"{took:.2f}") for name, took in found.items()]
    table = Table(
        title="Parts of the hot path",
        head=("part", "us"),
        rows=rows,
        note="Each alone in one process, least of five; the rest of a call is the two hops through "
        "the kernel (client to gateway, gateway to instance) and waking up who waits there.",
    )
    return Result(tables=[table], numbers={"us": found})


def microseconds(part: Callable[[], object]) -> float:
    """Time one part."""
    return min(timeit.repeat(part, number=CALLS, repeat=5)) / CALLS * 1e6


def parts() -> dict[str, Callable[[], object]]:
    """Give the parts in the order a call meets them."""
    asked = request("/", host="hello.localhost:8080")
    headers: wire.Headers = [(b"host", b"hello.localhost:8080"), (b"accept", b"*/*")]
    invoke = wire.Invoke(
        verb=wire.Verb.HTTP,
        more=False,
        timeout_s=30.0,
        depth=0,
        id=b"01JD0000000000000000000000",
        method=b"GET",
        path=b"/",
        root_path=b"",
        query=b"",
        scheme=b"http",
        client=b"127.0.0.1:50000",
        params=b"",
        user=b"",
        trace=b"",
        headers=headers,
        body=b"",
    )
    frame = wire.pack_invoke(1, invoke)
    answer_headers: wire.Headers = [(b"content-type", b"text/plain; charset=utf-8")]
    result = wire.pack_result(1, 200, answer_headers, b"Hello, world!\n", more=False)
    return {
        "gateway: parse the request (httptools)": lambda: httptools.HttpRequestParser(
            _Nothing()
        ).feed_data(asked),
        "gateway: pack the INVOKE frame": lambda: wire.pack_invoke(1, invoke),
        "guest: cut and read the INVOKE frame": lambda: wire.read_invoke(
            wire.Decoder().feed(frame)[0].payload
        ),
        "guest: the function": lambda: "Hello, world!\n",
        "guest: a dict as JSON, for comparison": lambda: json.dumps({"message": "Hello, world!"}),
        "guest: pack the RESULT frame": lambda: wire.pack_result(
            1, 200, answer_headers, b"Hello, world!\n", more=False
        ),
        "gateway: cut and read the RESULT frame": lambda: wire.read_result(
            wire.Decoder().feed(result)[0].payload
        ),
    }
