"""Traces through the scheduler's pure parts: nothing lost, no ceiling broken, nobody starved."""

import dataclasses
import json
from pathlib import Path

import pytest

from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import FunctionLimits
from tapwater_server.scheduler.simulation import Arrival, SimulationSettings, read_trace, simulate
from tapwater_server.scheduler.simulation.trace import (
    a_mixture,
    bursty,
    periodic,
    poisson,
    synthesize,
)

SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nodes", [1, 3])
def test_every_call_is_served_or_refused(seed: int, nodes: int) -> None:
    trace = synthesize(a_mixture(40, per_s=5.0), until_s=400.0, seed=seed)
    settings = SimulationSettings(nodes=nodes, memory_budget_bytes=1 << 30)
    report = simulate(trace, settings)
    assert report.invocations == len(trace)
    assert report.functions == len({arrival.function for arrival in trace})
    assert sum(one.invocations for one in report.by_function) == len(trace)
    assert report.cold_starts + report.refused <= len(trace)
    assert report.wait_max_s <= settings.limits.waiting_s_max * 1.26
    assert report.busy_gib_s > 0


def test_equal_inputs_give_equal_reports() -> None:
    trace = synthesize(a_mixture(30, per_s=5.0), until_s=300.0, seed=1)
    assert simulate(trace, SimulationSettings()) == simulate(trace, SimulationSettings())
    assert trace == synthesize(a_mixture(30, per_s=5.0), until_s=300.0, seed=1)
    assert trace != synthesize(a_mixture(30, per_s=5.0), until_s=300.0, seed=2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loud_function_hardly_moves_a_quiet_one(seed: int) -> None:
    quiet = synthesize({"quiet": poisson(0.5)}, until_s=100.0, seed=seed, duration_s=0.2)
    loud = synthesize({"loud": poisson(300.0)}, until_s=100.0, seed=seed, duration_s=0.5)
    settings = SimulationSettings(
        memory_budget_bytes=1 << 30,
        limits=FunctionLimits(instances_max=1000, waiting_max=2000, waiting_s_max=20.0),
    )
    alone = simulate(quiet, settings).by_function[0]
    both = simulate(sorted(quiet + loud), settings)
    beside = next(one for one in both.by_function if one.function == "quiet")
    crowd = next(one for one in both.by_function if one.function == "loud")
    assert beside.refused == 0
    assert crowd.refused > 0  # It really was too much.
    # A seat must first become free: at most about one of the loud one's calls.
    assert beside.wait_p99_s <= alone.wait_p99_s + 1.5
    assert beside.wait_p99_s < crowd.wait_p99_s


@pytest.mark.parametrize("seed", SEEDS)
def test_the_histogram_saves_memory_on_what_the_clock_calls(seed: int) -> None:
    functions = {f"by-the-clock-{n}": periodic(300.0 + 60 * n) for n in range(10)}
    trace = synthesize(functions, until_s=12 * 3600.0, seed=seed)
    learned = simulate(trace, SimulationSettings())
    fixed = simulate(trace, SimulationSettings(histogram=False))
    kept = simulate(trace, SimulationSettings(histogram=False, keep_alive_s=1200.0))
    assert learned.prewarmed > 0
    assert learned.cold_starts < 0.6 * fixed.cold_starts
    assert learned.idle_gib_s < kept.idle_gib_s / 2


def test_more_nodes_wait_less() -> None:
    trace = synthesize({"a": bursty(20.0, size=100)}, until_s=300.0, seed=5, duration_s=0.5)
    one = simulate(trace, SimulationSettings())
    four = simulate(trace, SimulationSettings(nodes=4))
    assert four.wait_p99_s < one.wait_p99_s


def test_a_function_never_has_more_instances_than_its_ceiling() -> None:
    trace = [Arrival(0.0, "a", 1.0, 100.0) for _ in range(100)]
    settings = SimulationSettings(limits=FunctionLimits(instances_max=5))
    report = simulate(trace, settings)
    assert report.memory_peak_bytes <= 5 * (100 << 20) + settings.zygote_bytes
    assert report.wait_max_s >= 19.0  # A hundred seconds of work in five seats.


def test_calls_that_did_not_wait_count_as_such() -> None:
    trace = [Arrival(float(at), "a", 0.1, 50.0) for at in range(100)]
    report = simulate(trace, SimulationSettings())
    assert (report.cold_starts, report.wait_p50_s) == (1, 0.0)
    assert report.wait_max_s > 0.5  # The one that waited for the import.


def test_the_budget_holds_for_functions_larger_than_the_usual_limit() -> None:
    functions = {f"large-{n}": bursty(2.0, size=40) for n in range(10)}
    trace = synthesize(functions, until_s=300.0, seed=3, duration_s=2.0, memory_mb=600.0)
    settings = SimulationSettings(memory_budget_bytes=4 << 30)
    report = simulate(trace, settings)
    largest = max(arrival.memory_mb for arrival in trace) * 2**20
    assert report.evicted > 0
    # What a function takes is only known after its first call: it may be one too large.
    assert report.memory_peak_bytes <= settings.memory_budget_bytes + largest


def test_a_report_as_json_and_as_a_table() -> None:
    report = simulate([Arrival(0.0, "shop:a", 0.1, 50.0)], SimulationSettings())
    assert json.loads(report.to_json())["cold_starts"] == 1
    assert "cold starts" in report.to_table()
    assert "shop:a" in report.to_table()
    assert set(json.loads(report.to_json())) == {f.name for f in dataclasses.fields(report)}


ROWS = [
    {"function": "b", "time_s": 2.0, "duration_s": 0.1, "memory_mb": 64},
    {"function": "a", "time_s": 1.0, "duration_s": 0.2, "memory_mb": 32},
]


def test_a_trace_is_read_from_csv_and_ndjson_and_sorted(tmp_path: Path) -> None:
    as_csv, as_json = tmp_path / "t.csv", tmp_path / "t.ndjson"
    as_csv.write_text("function,time_s,duration_s,memory_mb\nb,2,0.1,64\na,1,0.2,32\n")
    as_json.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n")
    expected = [Arrival(1.0, "a", 0.2, 32.0), Arrival(2.0, "b", 0.1, 64.0)]
    assert read_trace(as_csv) == expected
    assert read_trace(as_json) == expected


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"function":"a"}', '{"function":"a","time_s":-1,"duration_s":1,"memory_mb":1}'],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text(line + "\n")
    with pytest.raises(Invalid, match="1 of the trace"):
        read_trace(path)
