"""Runs a trace through simulated nodes, as fast as it can."""

import heapq
from collections.abc import Iterable, Sequence
from itertools import count

from tapwater_server.scheduler.load import Histogram
from tapwater_server.scheduler.placement import place
from tapwater_server.scheduler.simulation.desk import Desk
from tapwater_server.scheduler.simulation.node import Event, Node
from tapwater_server.scheduler.simulation.report import FunctionReport, Report
from tapwater_server.scheduler.simulation.settings import SimulationSettings
from tapwater_server.scheduler.simulation.trace import Arrival

_GIB = 2**30


def simulate(trace: Iterable[Arrival], settings: SimulationSettings) -> Report:
    """Replay ``trace``, which is sorted by time. Equal inputs give equal reports.

    >>> simulate([Arrival(0.0, "a", 0.1, 50.0)], SimulationSettings()).cold_starts
    1
    """
    events: list[Event] = []
    nodes = [Node(number, settings, events) for number in range(settings.nodes)]
    now = 0.0
    for arrival in trace:
        while events and events[0][0] <= arrival.time_s:
            now, _, happen = heapq.heappop(events)
            happen(now)
        now = arrival.time_s
        _node(nodes, arrival, settings).arrive(arrival)
    span_s = now
    # What still runs or waits may finish; what idles is not waited for.
    while events and any(desk.running or desk.waiting for node in nodes for desk in node.desks):
        now, _, happen = heapq.heappop(events)
        happen(now)
    for node in nodes:
        node.meter(max(now, span_s))
    return _report(nodes, max(now, span_s))


def _node(nodes: Sequence[Node], arrival: Arrival, settings: SimulationSettings) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    rooms = [node.room(arrival.function) for node in nodes]
    chosen = place(rooms, wanted_bytes=int(arrival.memory_mb * 2**20))
    if chosen is None:  # Nowhere is room: wait where fewest wait.
        return nodes[min(rooms, key=lambda room: (room.waiting, -room.free_bytes)).node]
    return nodes[chosen]


def _report(nodes: Sequence[Node], span_s: float) -> Report:
    desks = [desk for node in nodes for desk in node.desks]
    waits = _merged(desks)
    by_name: dict[str, list[Desk]] = {}
    for desk in desks:
        by_name.setdefault(desk.function, []).append(desk)
    functions = [_function_report(name, parts) for name, parts in by_name.items()]
    functions.sort(key=lambda one: (-one.wait_p99_s, -one.refused, one.function))
    return Report(
        nodes=len(nodes),
        functions=len(functions),
        invocations=sum(desk.called for desk in desks),
        refused=sum(desk.refused for desk in desks),
        cold_starts=sum(desk.cold_starts for desk in desks),
        imports=sum(node.imports for node in nodes),
        prewarmed=sum(node.prewarmed for node in nodes),
        evicted=sum(node.evicted for node in nodes),
        wait_p50_s=_wait(waits, 0.5),
        wait_p99_s=_wait(waits, 0.99),
        wait_max_s=_wait(waits, 1.0),
        span_s=span_s,
        memory_gib_s=sum(node.idle_byte_s + node.busy_byte_s + node.zygote_byte_s for node in nodes)
        / _GIB,
        idle_gib_s=sum(node.idle_byte_s for node in nodes) / _GIB,
        busy_gib_s=sum(node.busy_byte_s for node in nodes) / _GIB,
        memory_peak_bytes=max(node.peak_bytes for node in nodes),
        by_function=tuple(functions),
    )


def _function_report(name: str, desks: Sequence[Desk]) -> FunctionReport:
    waits = _merged(desks)
    return FunctionReport(
        function=name,
        invocations=sum(desk.called for desk in desks),
        cold_starts=sum(desk.cold_starts for desk in desks),
        refused=sum(desk.refused for desk in desks),
        wait_p50_s=_wait(waits, 0.5),
        wait_p99_s=_wait(waits, 0.99),
    )


def _merged(desks: Iterable[Desk]) -> Histogram:
    merged = Histogram()
    for desk in desks:
        for bucket, number in zip(count(), desk.waits.counts, strict=False):
            merged.counts[bucket] += number
        merged.total += desk.waits.total
    return merged


def _wait(waits: Histogram, share: float) -> float:
    """A quantile; the lowest bucket holds those who did not wait."""
    value = waits.quantile(share)
    return 0.0 if value < 2e-6 else value
