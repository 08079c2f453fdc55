"""Telemetry for others: what a node does arrives at a collector, whole and once."""

import socket
from pathlib import Path

import pytest

from tests.functional.running import Platform
from tests.functional.tracing.collector import Collector, facts_of
from tests.functional.tracing.test_picture import SHOP, THEIRS, TRACE
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
FAILING = {
    "restful/fine.py": "def get():\n    print('hello')\n    return 'x'\n",
    "restful/bad.py": "def get():\n    raise KeyError('no')\n",
}


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_a_trace_arrives_with_its_lines_and_numbers(tmp_path: Path, protocol: str) -> None:
    with Collector() as collector:
        collector.says = [(503, {"retry-after": "0"})]
        settings = {
            "TAPWATER_OTLP_URL": collector.url,
            "TAPWATER_OTLP_PROTOCOL": protocol,
            "TAPWATER_OTLP_HEADERS": "authorization=Bearer%20abc",
        }
        with Platform(tmp_path / "data", settings=settings) as platform:
            platform.deploy(SHOP, "shop")
            platform.http.post(
                f"{platform.url}/users-api/register", headers={"traceparent": THEIRS}
            )
            until(
                lambda: any(one.name == "mail.post" for one in collector.spans(TRACE)),
                "the spans have come",
            )
        # Its end is a good one: what was left has been sent, the numbers too.
        spans = {one.span_id.hex(): one for one in collector.spans(TRACE)}
        assert len(spans) == len(collector.spans(TRACE)), "a span came twice"
        root = next(one for one in spans.values() if one.name == "POST /users-api/register")
        facts = facts_of(root.attributes)
        assert root.parent_span_id.hex() == THEIRS[36:52]
        assert root.kind == root.SPAN_KIND_SERVER
        assert facts["faas.name"] == "users/register"
        assert facts["faas.coldstart"] is True
        assert facts["http.response.status_code"] == 200
        assert facts["faas.trigger"] == "http"
        names = {one.name for one in spans.values() if one.parent_span_id == root.span_id}
        assert names >= {"handler", "start", "check", "docs.commit"}
        assert all(one.parent_span_id.hex() in {*spans, THEIRS[36:52]} for one in spans.values())
        failed = [one for one in spans.values() if one.status.code == one.status.STATUS_CODE_ERROR]
        assert any(facts_of(one.attributes).get("error.type") == "ValueError" for one in failed)
        line = next(one for one in collector.lines() if one.body.string_value == "registered")
        assert line.trace_id.hex() == TRACE
        assert facts_of(line.attributes)["user"] == "42"
        assert facts_of(line.attributes)["password"] == "•••"
        invocations = collector.metrics()["faas.invocations"].sum
        assert invocations.is_monotonic
        assert sum(point.as_int for point in invocations.data_points) >= 1
        assert {one["authorization"] for one in collector.headers} == {"Bearer abc"}
        request = collector.got["/v1/traces"][0]
        resource = facts_of(request.resource_spans[0].resource.attributes)
        assert resource["service.name"] == "shop"


def test_errors_come_whatever_the_sample(tmp_path: Path) -> None:
    with Collector() as collector:
        settings = {"TAPWATER_OTLP_URL": collector.url, "TAPWATER_OTLP_SAMPLE": "0"}
        with Platform(tmp_path / "data", settings=settings) as platform:
            platform.deploy(FAILING, "shop")
            for _ in range(5):
                assert platform.get("/fine").status_code == 200
            assert platform.get("/bad").status_code == 500
        names = {one.name for one in collector.spans()}
        assert "GET /bad" in names
        assert "GET /fine" not in names
        counts = collector.metrics()["faas.invocations"]
        assert counts.sum.data_points


def test_a_dead_collector_is_nobodys_concern(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # It takes connections, and says nothing.
        settings = {"TAPWATER_OTLP_URL": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        with Platform(tmp_path / "data", settings=settings) as platform:
            platform.deploy(FAILING, "shop")
            assert all(platform.get("/fine").status_code == 200 for _ in range(50))
            assert platform.stop() == 0
