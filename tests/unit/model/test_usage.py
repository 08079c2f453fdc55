"""One call, rounded in each cloud's way; the numbers are worked out by hand."""

import pytest

from tapwater_server.model.usage import CALLS, QUANTITIES, SERVICES, amounts, vcpus
from tapwater_server.ports.meter import Record

MB = 1 << 20


def call(**changes: object) -> Record:
    facts: dict[str, object] = {
        "id": "id",
        "at": 0.0,
        "app": "shop",
        "function": "f",
        "revision": "r",
        "method": "GET",
        "path": "/",
        "status": 200,
        "ending": "ok",
        "cold": False,
        "queue_ms": 2.0,
        "wall_ms": 230.4,
        "cpu_ms": 10.2,
        "memory_peak_bytes": 200 * MB,
        "bytes_in": 5,
        "bytes_out": 7,
        "instance": "i",
        "memory_bytes": 256 * MB,
    }
    return Record(**(facts | changes))  # type: ignore[arg-type]


def test_a_call_of_230_ms_with_256_mb() -> None:
    assert amounts(call()) == pytest.approx(
        {
            "calls": 1,
            "wall_ms": 230.4,
            "cpu_ms": 10.2,
            "cpu_ms_1": 11,
            "queue_ms": 2.0,
            "mb_ms": 256 * 230.4,
            "mb_ms_1": 256 * 231,
            "mb_ms_100": 256 * 300,
            "mb_ms_used": 256 * 231,  # 200 MiB round up to 256
            "mb_ms_flex": 512 * 1000,  # the smallest size, the least time
            "vcpu_ms_100": 300 / 6,
            "bytes_in": 5,
            "bytes_out": 7,
        }
    )


def test_a_short_call_of_a_small_function() -> None:
    found = amounts(call(wall_ms=0.3, memory_bytes=128 * MB, memory_peak_bytes=0))
    assert found["mb_ms_1"] == 128
    assert found["mb_ms_100"] == 12_800
    assert found["mb_ms_used"] == 12_800
    assert found["mb_ms_flex"] == 512_000
    assert found["vcpu_ms_100"] == pytest.approx(100 / 12)


def test_a_long_call_of_a_large_function() -> None:
    found = amounts(call(wall_ms=61_000.0, memory_bytes=4096 * MB, memory_peak_bytes=3000 * MB))
    assert found["mb_ms_used"] == 1536 * 61_000
    assert found["mb_ms_flex"] == 4096 * 61_000
    assert found["vcpu_ms_100"] == 2 * 61_000


def test_round_times_stay_as_they_are() -> None:
    found = amounts(call(wall_ms=0.1 * 3 * 1000, cpu_ms=1.0))  # 300.00000000000006
    assert found["mb_ms_1"] == found["mb_ms_100"] == 256 * 300
    assert found["cpu_ms_1"] == 1


def test_who_never_ran_pays_nothing() -> None:
    full = call(ending="overloaded", instance="", wall_ms=0.0, cpu_ms=0.0)
    assert amounts(full) == {"errors": 1}
    ours = call(ending="start_failed", instance="", wall_ms=0.0)
    assert amounts(ours) == {"errors": 1}
    assert amounts(call(ending="cancelled", instance="")) == {}


def test_a_module_that_cannot_be_imported_is_a_call() -> None:
    found = amounts(call(ending="start_failed", instance="", by_function=True, wall_ms=0.0))
    assert (found["calls"], found["errors"]) == (1, 1)
    assert found["mb_ms_used"] == 256 * 100


def test_what_ran_and_failed_is_paid() -> None:
    found = amounts(call(ending="timed_out"))
    assert (found["calls"], found["errors"], found["wall_ms"]) == (1, 1, 230.4)
    assert "errors" not in amounts(call(ending="cancelled"))


def test_services_come_on_top() -> None:
    found = amounts(call(used={"doc_reads": 3.0, "bytes_out": 100.0}))
    assert found["doc_reads"] == 3
    assert found["bytes_out"] == 107


def test_processors_by_memory() -> None:
    sizes = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
    expected = (0.083, 0.167, 0.333, 0.583, 1.0, 2.0, 2.0, 4.0, 8.0)
    assert [round(vcpus(size), 3) for size in sizes] == list(expected)
    assert vcpus(300) == vcpus(512)
    assert vcpus(100_000) == 8.0


def test_every_amount_has_a_name_and_no_name_is_there_twice() -> None:
    found = amounts(call(cold=True, start_ms=1.0, egress_bytes=1, ending="crashed"))
    assert set(found) == set(CALLS)
    assert len(QUANTITIES) == len(CALLS) + len(SERVICES)
