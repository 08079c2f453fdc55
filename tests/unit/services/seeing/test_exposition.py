"""The text for Prometheus, read by Prometheus' own parser."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tapwater_server.model.budget import Budget, Every, Scope, ScopeKind, Standing
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import LineStats
from tapwater_server.ports.stats import bucket_of
from tapwater_server.services.seeing.exposition import BOUNDS, Family, Sample, histogram, written
from tapwater_server.services.seeing.metrics import (
    Losses,
    of_budgets,
    of_calls,
    of_events,
    of_functions,
    of_losses,
    of_node,
)
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.seen import Seen
from tests.unit.services.seeing.given import call

KEY = ("shop", "users/hi")
TOP: dict[str, Any] = {
    "uptime_s": 5.5,
    "gateway": {"requests": 7, "connections": 1},
    "zygotes": {"open": 2, "memory_bytes": 1},
    "meter": {"records": 3, "dropped": 0},
}


def read(*families: Family) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = written(families).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_parser_reads_what_was_counted() -> None:
    seen = Seen()
    for n in range(4):
        seen.note([call(cold=n == 0, start_ms=4.0 if n == 0 else 0.0)])
    seen.note([call(ending="crashed", wall_ms=5_000.0)])
    found = read(*of_calls({KEY: seen}))
    whose = (("app", "shop"), ("function", "users/hi"))
    name = "tapwater_invocations_total"
    assert found[name, (whose[0], ("ending", "ok"), whose[1])] == 4
    assert found[name, (whose[0], ("ending", "crashed"), whose[1])] == 1
    assert found["tapwater_invocation_duration_seconds_count", whose] == 5
    assert round(found["tapwater_invocation_duration_seconds_sum", whose], 3) == 5.041
    assert found["tapwater_cold_starts_total", whose] == 1
    assert found["tapwater_cold_start_duration_seconds_count", whose] == 1
    assert found["tapwater_cpu_seconds_total", whose] == 0.01


def test_a_histogram_grows_and_ends_with_all() -> None:
    buckets = {bucket_of(ms): 1 for ms in (0.001, 1.0, 50.0, 1e9)}
    samples = histogram(buckets, total_ms=0.0, labels={"a": "b"})
    counts = [one.value for one in samples if one.suffix == "_bucket"]
    assert counts == sorted(counts)
    assert (counts[0], counts[-2], counts[-1]) == (1, 3, 4)
    assert len(counts) == len(BOUNDS) + 1


def test_how_functions_and_the_node_stand() -> None:
    now = NodeNow(
        functions={KEY: FunctionNow(in_flight=1, instances=2, waiting=3)}, memory_budget_bytes=100
    )
    found = read(*of_functions(now), *of_node(now, TOP))
    whose = (("app", "shop"), ("function", "users/hi"))
    assert found["tapwater_in_flight", whose] == 1
    assert found["tapwater_instances", whose] == 2
    assert found["tapwater_waiting", whose] == 3
    assert found["tapwater_memory_budget_bytes", ()] == 100
    assert found["tapwater_http_requests_total", ()] == 7
    assert found["tapwater_uptime_seconds", ()] == 5.5


def test_lines_of_events_are_added_up_for_each_app() -> None:
    lines = [
        LineStats(line="a", app="shop", waiting=1, delayed=0, leased=0, dead=2, oldest_at=0.0),
        LineStats(line="b", app="shop", waiting=2, delayed=0, leased=0, dead=0, oldest_at=90.0),
    ]
    found = read(*of_events({AppId("shop"): lines, AppId("idle"): []}, now=100.0))
    assert found["tapwater_events_waiting", (("app", "shop"),)] == 3
    assert found["tapwater_dead_letters", (("app", "shop"),)] == 2
    assert found["tapwater_events_oldest_seconds", (("app", "shop"),)] == 10
    assert found["tapwater_events_oldest_seconds", (("app", "idle"),)] == 0


def test_no_name_breaks_out_of_its_label() -> None:
    strange = 'a"} 1\nevil{x="\\'
    family = Family(
        name="x", kind="gauge", says="X.", samples=[Sample(value=1, labels={"f": strange})]
    )
    assert read(family) == {("x", (("f", strange),)): 1}


def test_a_family_without_lines_is_not_named() -> None:
    assert written([Family(name="x", kind="gauge", says="X.", samples=())]) == b""


def test_budgets_and_losses_are_shown() -> None:
    scope = Scope(kind=ScopeKind.FUNCTION, app=AppId("shop"), function="users/hi")
    budget = Budget(name="b", scope=scope, every=Every.DAY, unit="calls", limit=10.0)
    standing = Standing(
        budget=budget, spent=8.0, reserved=1.0, since=0.0, until=1.0, state="warned"
    )
    losses = Losses(
        recordings_dropped=3,
        recordings_waiting=0,
        faults_ungrouped=2,
        notices_failed=0,
        notices_dropped=1,
    )
    found = read(*of_budgets([standing]), *of_losses(losses))
    of = {
        "budget": "b",
        "scope": "function",
        "of": "shop:users/hi",
        "every": "day",
        "unit": "calls",
    }
    labels = tuple(sorted(of.items()))
    assert found["tapwater_budget_spent", labels] == 8
    assert found["tapwater_budget_limit", labels] == 10
    assert found["tapwater_budget_state", tuple(sorted({**of, "state": "warned"}.items()))] == 1
    assert found["tapwater_recordings_dropped_total", ()] == 3
    assert found["tapwater_faults_ungrouped_total", ()] == 2
