"""A receiver of OTLP/HTTP built on the official messages: it reads what a collector reads.

It refuses what their classes cannot parse. In tests/functional/otlp/ a collector of others stands
between.
"""

import gzip
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

REQUESTS: dict[str, Any] = {
    "/v1/traces": traces.ExportTraceServiceRequest,
    "/v1/logs": logs.ExportLogsServiceRequest,
    "/v1/metrics": metrics.ExportMetricsServiceRequest,
}


class Collector:
    """Keeps what it was sent. ``says`` are the next answers, status and headers; then 200."""

    def __init__(self) -> None:
        self.got: dict[str, list[Any]] = {path: [] for path in REQUESTS}
        self.headers: list[dict[str, str]] = []
        self.says: list[tuple[int, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Read a request as a collector does."""
        self.headers.append(headers)
        if self.says:
            return self.says.pop(0)
        request = REQUESTS[path]()
        if headers["content-type"] == "application/json":
            json_format.ParseDict(_with_base64(json.loads(body)), request)
        else:
            request.ParseFromString(body)
        self.got[path].append(request)
        return 200, {}

    def spans(self, trace: str = "") -> Sequence[Any]:
        found = [
            span
            for request in list(self.got["/v1/traces"])
            for one in request.resource_spans
            for scoped in one.scope_spans
            for span in scoped.spans
        ]
        return [span for span in found if not trace or span.trace_id.hex() == trace]

    def lines(self) -> Sequence[Any]:
        return [
            record
            for request in list(self.got["/v1/logs"])
            for one in request.resource_logs
            for scoped in one.scope_logs
            for record in scoped.log_records
        ]

    def metrics(self) -> dict[str, Any]:
        return {
            metric.name: metric
            for request in list(self.got["/v1/metrics"])
            for one in request.resource_metrics
            for scoped in one.scope_metrics
            for metric in scoped.metrics
        }


def facts_of(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    """Attributes as a dict."""
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            status, more = collector.take(self.path, body, headers)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            answer = b"{}" if headers["content-type"] == "application/json" else b""
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    return Handler


def _with_base64(value: Any) -> Any:
    """OTLP's JSON writes ids in hexadecimal, protobuf's in base64."""
    import base64

    if isinstance(value, dict):
        return {
            name: base64.b64encode(bytes.fromhex(one)).decode()
            if name in ("traceId", "spanId", "parentSpanId")
            else _with_base64(one)
            for name, one in value.items()
        }
    return [_with_base64(one) for one in value] if isinstance(value, list) else value
