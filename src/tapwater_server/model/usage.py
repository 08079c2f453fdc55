"""Quantities that are billed: their names and units. Everything with a price is one of these.

Each cloud rounds each call in its own way before it adds up. A sum of calls cannot be rounded
afterwards, so the ledger keeps one sum for each way of rounding; a tariff names the sums it prices.
"""

from collections.abc import Mapping
from math import ceil
from typing import Protocol

_MIB = 2**20
_NOISE_MS = 1e-6  # A nanosecond: what adding up floats may have made of a round number.
# Of calls. "mb" is the memory limit of the function in MiB, "ms" the wall time it ran.
CALLS: Mapping[str, str] = {
    "calls": "calls that reached an instance or were refused for the function's own fault",
    "errors": "calls that failed, or answered 500 or more",
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
    "doc_reads": "documents read, one at least for each look or query",
    "doc_writes": "documents written",
    "doc_deletes": "documents deleted",
    "blob_reads": "objects looked at or read, and pages of lists",
    "blob_writes": "objects or parts written, objects copied; deleting is free",
    "blob_bytes_in": "bytes of objects stored",
    "blob_bytes_out": "bytes of objects served to clients; to functions they are free",
    "queue_ops": "messages sent, received or settled by request, at least one each time",
    "cache_ops": "keys of the cache read or written",
    "mails": "mails accepted for sending",
    "mqtt_messages": "messages of MQTT in and out",
    "events": "events published",
    "api_bytes_out": "bytes the services' APIs answered with, blobs aside",
    "doc_byte_hours": "bytes of documents kept x hours",
    "blob_byte_hours": "bytes of objects kept x hours",
}

FINE = frozenset({"ok", "cancelled"})  # Endings that are no errors.
QUANTITIES: Mapping[str, str] = {**CALLS, **SERVICES}

# Cloud Run functions give processors by the memory limit: up to so many MiB, so many.
_VCPUS: tuple[tuple[int, float], ...] = (
    (128, 1 / 12),
    (256, 1 / 6),
    (512, 1 / 3),
    (1024, 7 / 12),
    (2048, 1.0),
    (4096, 2.0),
    (8192, 2.0),
    (16384, 4.0),
    (32768, 8.0),
)
_FLEX_MB = (512, 2048, 4096)
_USED_MB_STEP = 128
_USED_MB_MAX = 1536


class Counted(Protocol):
    """What of a call counts: a ``Record`` has all this."""

    ending: str
    instance: str
    by_function: bool
    cold: bool
    queue_ms: float
    start_ms: float
    wall_ms: float
    cpu_ms: float
    memory_bytes: int
    memory_peak_bytes: int
    bytes_in: int
    bytes_out: int
    egress_bytes: int
    used: dict[str, float]


def is_error(ending: str) -> bool:
    """Say whether a call that ended so is counted as an error.

    >>> is_error("ok"), is_error("cancelled"), is_error("timed_out")
    (False, False, True)
    """
    return ending not in FINE


def is_billed(call: Counted) -> bool:
    """Say whether a call is one to pay for: an instance had it, or the function is to blame that
    none could. A full platform, or one that failed, costs nothing.
    """
    return bool(call.instance) or call.by_function


def amounts(call: Counted) -> dict[str, float]:
    """Round one call in each of the ways the clouds do; what is nothing is left out."""
    found: dict[str, float] = dict(call.used)
    if is_error(call.ending):
        found["errors"] = 1
    if is_billed(call):
        for name, amount in _of_time(call).items():
            if amount:
                found[name] = found.get(name, 0) + amount
    return found


def _of_time(call: Counted) -> dict[str, float]:
    mb, ms_1, ms_100 = call.memory_bytes / _MIB, up(call.wall_ms, 1), up(call.wall_ms, 100)
    return {
        "calls": 1,
        "cold": int(call.cold),
        "wall_ms": call.wall_ms,
        "cpu_ms": call.cpu_ms,
        "cpu_ms_1": up(call.cpu_ms, 1),
        "queue_ms": call.queue_ms,
        "start_ms": call.start_ms,
        "mb_ms": mb * call.wall_ms,
        "mb_ms_1": mb * ms_1,
        "mb_ms_100": mb * ms_100,
        "mb_ms_used": used_mb(call.memory_peak_bytes) * max(ms_1, 100),
        "mb_ms_flex": flex_mb(mb) * max(ms_100, 1000),
        "vcpu_ms_100": vcpus(mb) * ms_100,
        "bytes_in": call.bytes_in,
        "bytes_out": call.bytes_out,
        "egress_bytes": call.egress_bytes,
    }


def up(ms: float, step: int) -> int:
    """Round a time up to whole steps.

    >>> up(0.0, 1), up(1.2, 1), up(100.0, 100), up(100.1, 100)
    (0, 2, 100, 200)
    """
    return ceil((ms - _NOISE_MS) / step) * step if ms > 0 else 0


def used_mb(peak_bytes: int) -> int:
    """Round what memory was used as Azure's Consumption plan does: to 128 MiB, at most 1536.

    >>> used_mb(0), used_mb(129 * 2**20), used_mb(2**32)
    (128, 256, 1536)
    """
    steps = max(ceil(peak_bytes / (_USED_MB_STEP * _MIB)), 1)
    return min(steps * _USED_MB_STEP, _USED_MB_MAX)


def flex_mb(mb: float) -> int:
    """Find the size of instance of Azure's Flex plan; what needs more counts as the largest.

    >>> flex_mb(128), flex_mb(513), flex_mb(9000)
    (512, 2048, 4096)
    """
    return next((size for size in _FLEX_MB if mb <= size), _FLEX_MB[-1])


def vcpus(mb: float) -> float:
    """Say how many processors Cloud Run functions give with a memory limit.

    >>> vcpus(512), vcpus(1025), vcpus(65536)
    (0.3333333333333333, 1.0, 8.0)
    """
    return next((share for size, share in _VCPUS if mb <= size), _VCPUS[-1][1])
