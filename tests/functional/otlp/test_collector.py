"""A collector that others wrote takes what a node sends, understands it and passes it on.

Rotel is a collector of its own (in Rust), shipped as a wheel; OpenTelemetry's own binary is in
no registry of packages with a receiver in it. What it passes on is written by it, not by us, and
read with the official messages.
"""

import importlib.util
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.functional.running import Platform
from tests.functional.tracing.collector import Collector, facts_of
from tests.functional.tracing.test_picture import SHOP, THEIRS, TRACE
from tests.functional.waiting import until
from tests.not_testable import CannotTest

pytestmark = pytest.mark.slow


def agent(cannot_test: CannotTest) -> Path:
    """The collector's binary, which lies in its wheel."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        cannot_test("the collector Rotel is not installed (pip install rotel)")
    return Path(found.origin).with_name("rotel-agent")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


@contextmanager
def collecting(binary: Path, folder: Path, *, to: str) -> Iterator[str]:
    """Run it; give where it receives. Its end is a good one: what it holds has left."""
    port = free_port()
    command = [
        *(str(binary), "start", "--pid-file", str(folder / "pid")),
        *("--otlp-http-endpoint", f"127.0.0.1:{port}"),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"),
        *("--exporter", "otlp", "--otlp-exporter-endpoint", to),
        *("--otlp-exporter-protocol", "http"),
    ]
    environment = {"PATH": os.environ["PATH"]}
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: listens(port), "it listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_spans_lines_and_numbers_pass_through_a_collector(
    tmp_path: Path, protocol: str, cannot_test: CannotTest
) -> None:
    binary = agent(cannot_test)
    with Collector() as last, collecting(binary, tmp_path, to=last.url) as url:
        settings = {"TAPWATER_OTLP_URL": url, "TAPWATER_OTLP_PROTOCOL": protocol}
        with Platform(tmp_path / "data", settings=settings) as platform:
            platform.deploy(SHOP, "shop")
            register = f"{platform.url}/users-api/register"
            platform.http.post(register, headers={"traceparent": THEIRS}).raise_for_status()
            until(
                lambda: any(one.name == "mail.post" for one in last.spans(TRACE)),
                "the spans have come through",
            )
        until(lambda: "faas.invocations" in last.metrics(), "the numbers have come through")
        until(lambda: bool(last.lines()), "the lines have come through")
        spans = {one.span_id.hex(): one for one in last.spans(TRACE)}
        root = next(one for one in spans.values() if one.name == "POST /users-api/register")
        assert root.parent_span_id.hex() == THEIRS[36:52]
        assert root.kind == root.SPAN_KIND_SERVER
        assert root.end_time_unix_nano > root.start_time_unix_nano
        assert facts_of(root.attributes)["faas.coldstart"] is True
        assert facts_of(root.attributes)["http.response.status_code"] == 200
        assert all(one.parent_span_id.hex() in {*spans, THEIRS[36:52]} for one in spans.values())
        line = next(one for one in last.lines() if one.body.string_value == "registered")
        assert line.trace_id.hex() == TRACE
        assert facts_of(line.attributes)["user"] == "42"
        assert facts_of(line.attributes)["password"] == "•••"
        if protocol == "http/protobuf":
            # In JSON, OTLP writes a long number as text; Rotel reads such a point as empty.
            check_numbers(last)
    said = (tmp_path / "collector.log").read_text()
    assert "error" not in said.lower(), said


def check_numbers(last: Collector) -> None:
    invocations = last.metrics()["faas.invocations"].sum
    assert invocations.is_monotonic
    assert sum(point.as_int for point in invocations.data_points) >= 1
    took = last.metrics()["faas.invoke_duration"].histogram.data_points
    assert all(len(one.bucket_counts) == len(one.explicit_bounds) + 1 for one in took)
    assert all(sum(one.bucket_counts) == one.count for one in took)
