"""Quantities that are billed: their names and units. Everything with a price is one of these.

Each cloud rounds each call in its own way before it adds up. A sum of calls cannot be rounded
afterwards, so the ledger keeps one sum for each way of rounding; a tariff names the sums it prices.
"""

from collections.abc import Mapping

# Of calls. "mb" is the memory limit of the function in MiB, "ms" the wall time it ran.
CALLS: Mapping[str, str] = {
    "calls": "calls that reached an instance or were refused for the function's own fault",
    "errors": "calls that ended neither ok nor cancelled",
    "cold": "calls that waited for the start of an instance",
    "wall_ms": "wall time, exact",
    "cpu_ms": "processor time, exact",
    "cpu_ms_1": "processor time, each call rounded up to 1 ms",
    "queue_ms": "time before an instance had the call",
    "start_ms": "time of starting instances that calls waited for",
    "mb_ms": "memory limit (MiB) x wall time, exact",
    "mb_ms_1": "memory limit x wall time rounded up to 1 ms",
    "mb_ms_100": "memory limit x wall time rounded up to 100 ms",
    "mb_ms_used": "peak memory rounded up to 128 MiB, at most 1536 x wall time, at least 100 ms",
    "mb_ms_flex": "memory limit raised to 512, 2048 or 4096 x wall time up to 100 ms, least 1 s",
    "vcpu_ms_100": "processors that go with the memory limit x wall time rounded up to 100 ms",
    "bytes_in": "bytes of requests",
    "bytes_out": "bytes of answers",
    "egress_bytes": "bytes sent through declared egress",
}

# Of services, from inside a call or from a browser. One for each document, object, message, mail.
SERVICES: Mapping[str, str] = {
    "doc_reads": "documents read",
    "doc_writes": "documents written",
    "doc_deletes": "documents deleted",
    "blob_reads": "objects read or listed",
    "blob_writes": "objects written, copied or deleted",
    "blob_bytes_in": "bytes of objects stored",
    "blob_bytes_out": "bytes of objects served",
    "queue_ops": "messages sent, received or settled",
    "cache_ops": "keys of the cache read or written",
    "mails": "mails accepted for sending",
    "mqtt_messages": "messages of MQTT in and out",
    "events": "events published",
    "api_bytes_out": "bytes the services' APIs answered with, blobs aside",
    "doc_byte_hours": "bytes of documents kept x hours",
    "blob_byte_hours": "bytes of objects kept x hours",
}

QUANTITIES: Mapping[str, str] = {**CALLS, **SERVICES}
