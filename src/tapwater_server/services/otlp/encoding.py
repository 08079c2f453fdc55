"""OTLP messages as bytes: JSON by ourselves, protobuf by the official classes. Pure.

OTLP/JSON is protobuf's own JSON but for the ids of traces and spans, which are hexadecimal and
not base64 (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.services.otlp.conventions import Json

JSON, PROTOBUF = "http/json", "http/protobuf"
PROTOCOLS = (PROTOBUF, JSON)
_MEDIA: Mapping[str, str] = {JSON: "application/json", PROTOBUF: "application/x-protobuf"}
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One of the three, and where it goes."""

    name: str
    path: str
    rejected: str  # what the answer calls the number of those that were not taken


TRACES = Signal(name="traces", path="/v1/traces", rejected="rejectedSpans")
LOGS = Signal(name="logs", path="/v1/logs", rejected="rejectedLogRecords")
METRICS = Signal(name="metrics", path="/v1/metrics", rejected="rejectedDataPoints")


def media_type(protocol: str) -> str:
    return _MEDIA[protocol]


def encode(signal: Signal, message: Json, protocol: str) -> bytes:
    """Write a request."""
    if protocol == JSON:
        return msgspec.json.encode(message)
    from google.protobuf import json_format

    request, _ = _classes(signal)
    parsed: Any = json_format.ParseDict(_with_base64(message), request())
    return bytes(parsed.SerializeToString())


def read_rejected(signal: Signal, body: bytes, protocol: str) -> int:
    """Read from an answer how many of those sent were not taken; 0 if it cannot be read."""
    try:
        said = msgspec.json.decode(body) if protocol == JSON else _from_protobuf(signal, body)
        return max(0, int(said.get("partialSuccess", {}).get(signal.rejected, 0)))
    except (msgspec.DecodeError, ValueError, TypeError, AttributeError, OverflowError):
        return 0  # What is no answer of a collector says nothing of what it has taken.


def _from_protobuf(signal: Signal, body: bytes) -> Any:
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError

    _, response = _classes(signal)
    try:
        return json_format.MessageToDict(response.FromString(body))
    except DecodeError as error:
        raise ValueError(str(error)) from error


def _classes(signal: Signal) -> tuple[Callable[[], Any], Any]:
    """Request and response. Loaded only where something is sent as protobuf."""
    if signal is TRACES:
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

        return traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse
    if signal is LOGS:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs

        return logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics

    return metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse


def _with_base64(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: base64.b64encode(bytes.fromhex(one)).decode()
            if name in _IDS
            else _with_base64(one)
            for name, one in value.items()
        }
    return [_with_base64(one) for one in value] if isinstance(value, list) else value
