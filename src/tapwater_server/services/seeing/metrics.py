"""Serves /_/metrics: what Prometheus may know of this node, put together when it asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tapwater_server.model.budget import Standing
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Bus, LineStats
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.services.seeing.exposition import (
    MEDIA,
    Family,
    Labels,
    Page,
    Sample,
    histogram,
    one,
)
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.pulse import Pulse
from tapwater_server.services.seeing.seen import Seen
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who

APPS_MAX = 500  # Whose events are looked at each time.
AT_ONCE_MAX = 20  # Functions: a few milliseconds.
_RELAY = "relay"  # The cursor of who brings events to the bus.
_Kind = Literal["counter", "gauge"]

_SEEN: Sequence[tuple[str, _Kind, str, Callable[[Seen], float]]] = (
    ("cold_starts_total", "counter", "Calls that waited for an instance.", lambda s: s.cold),
    (
        "queue_seconds_total",
        "counter",
        "Time before an instance had it.",
        lambda s: s.queue_ms / 1e3,
    ),
    ("cpu_seconds_total", "counter", "Processor time of functions.", lambda s: s.cpu_ms / 1e3),
    ("request_bytes_total", "counter", "Bytes of requests.", lambda s: s.bytes_in),
    ("response_bytes_total", "counter", "Bytes of answers.", lambda s: s.bytes_out),
    ("memory_peak_bytes", "gauge", "The most a call has used.", lambda s: s.memory_peak_bytes),
)
_STANDING: Sequence[tuple[str, str, Callable[[FunctionNow], float]]] = (
    ("in_flight", "Calls that run now.", lambda n: n.in_flight),
    ("instances", "Instances that stand ready or run.", lambda n: n.instances),
    ("instances_starting", "Instances that are being started.", lambda n: n.starting),
    ("instances_idle", "Instances that have nothing to do.", lambda n: n.idle),
    ("waiting", "Calls that wait for an instance.", lambda n: n.waiting),
    ("instance_memory_bytes", "Memory held by instances.", lambda n: n.memory_bytes),
)
_LINES: Sequence[tuple[str, str, Callable[[LineStats], float]]] = (
    ("events_waiting", "Deliveries whose time has come.", lambda line: line.waiting),
    ("events_delayed", "Deliveries that wait for their time.", lambda line: line.delayed),
    ("events_leased", "Deliveries that are being made.", lambda line: line.leased),
    ("dead_letters", "Deliveries that were given up.", lambda line: line.dead),
)
_TOP: Sequence[tuple[str, _Kind, str, tuple[str, str]]] = (
    ("http_connections", "gauge", "Open connections.", ("gateway", "connections")),
    ("http_connections_total", "counter", "Connections.", ("gateway", "connections_total")),
    ("http_requests_total", "counter", "Requests.", ("gateway", "requests")),
    ("http_in_flight", "gauge", "Requests that are being answered.", ("gateway", "in_flight")),
    ("http_refused_total", "counter", "Requests that were refused.", ("gateway", "refused")),
    ("http_aborted_total", "counter", "Clients that went away.", ("gateway", "aborted")),
    ("websockets", "gauge", "Open WebSockets.", ("gateway", "websockets")),
    ("zygotes", "gauge", "Warm parents of instances.", ("zygotes", "open")),
    ("zygote_memory_bytes", "gauge", "Memory of zygotes.", ("zygotes", "memory_bytes")),
    ("meter_records_total", "counter", "Calls written down.", ("meter", "records")),
    ("meter_lines_total", "counter", "Log lines written down.", ("meter", "lines")),
    ("meter_dropped_total", "counter", "Log lines and spans dropped.", ("meter", "dropped")),
    ("meter_waiting", "gauge", "What waits to be written down.", ("meter", "waiting")),
)
_BUDGETS: Sequence[tuple[str, str, Callable[[Standing], float]]] = (
    ("limit", "What may be used in the period.", lambda s: s.budget.limit),
    ("spent", "What was used in the period so far.", lambda s: s.spent),
    ("reserved", "What calls that run now may still use.", lambda s: s.reserved),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What was to be written down or told, and was not."""

    recordings_dropped: int
    recordings_waiting: int
    faults_ungrouped: int  # failures beyond the groups there may be between two writes
    notices_failed: int
    notices_dropped: int


_LOSSES: Sequence[tuple[str, _Kind, str, Callable[[Losses], int]]] = (
    (
        "recordings_dropped_total",
        "counter",
        "Calls that were to be recorded and were not.",
        lambda lost: lost.recordings_dropped,
    ),
    (
        "recordings_waiting",
        "gauge",
        "Recordings that wait to be written down.",
        lambda lost: lost.recordings_waiting,
    ),
    (
        "faults_ungrouped_total",
        "counter",
        "Failed calls that are in no group of errors.",
        lambda lost: lost.faults_ungrouped,
    ),
    (
        "notices_failed_total",
        "counter",
        "Mails and webhooks of alerts that were given up.",
        lambda lost: lost.notices_failed,
    ),
    (
        "notices_dropped_total",
        "counter",
        "Mails and webhooks of alerts that found no room to wait.",
        lambda lost: lost.notices_dropped,
    ),
)


class Metrics:
    """Puts the numbers together. Nothing is counted for it that was not counted already."""

    def __init__(
        self,
        *,
        pulse: Pulse,
        now: Callable[[], NodeNow],
        top: Callable[[], Mapping[str, Any]],
        apps: Callable[[], Iterable[AppId]],
        bus: Bus,
        log: EventLog,
        budgets: Callable[[], Iterable[Standing]],
        losses: Callable[[], Losses],
        clock: Clock,
    ) -> None:
        self._pulse, self._now, self._top = pulse, now, top
        self._budgets, self._losses = budgets, losses
        self._apps, self._bus, self._eventlog = apps, bus, log
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/metrics",
                says="The node's numbers in the text format of Prometheus; also at /_/metrics.",
                handler=self._read,
                who=Who.ADMIN,
                media=MEDIA,
            ),
        )

    async def _read(self, asked: Asked) -> Answer:
        page = Page()
        await self._add_calls(page)
        page.add(of_functions(self._now()))
        page.add(of_node(self._now(), self._top()))
        page.add(of_events(await self._lines(), now=self._clock.now()))
        page.add([await self._behind()])
        page.add(of_budgets(self._budgets()))
        page.add(of_losses(self._losses()))
        return Answer(page.whole(), headers={"content-type": MEDIA})

    async def _add_calls(self, page: Page) -> None:
        """Write some functions at a time: of thousands, it would keep all calls waiting."""
        totals = list(self._pulse.totals.items())
        for start in range(0, len(totals), AT_ONCE_MAX):
            if start:
                await self._clock.sleep(0)
            page.add(of_calls(dict(totals[start : start + AT_ONCE_MAX])))

    async def _lines(self) -> Mapping[AppId, Sequence[LineStats]]:
        apps = list(self._apps())[:APPS_MAX]
        return {app: await self._bus.lines(app) for app in apps}

    async def _behind(self) -> Family:
        last, at = await self._eventlog.last(), await self._eventlog.cursor(_RELAY)
        return one(
            "tapwater_events_behind",
            "gauge",
            "Events written down that have not been brought to the bus.",
            max(0, last - (at or 0)),
        )


def of_calls(totals: Mapping[tuple[str, str], Seen]) -> Iterator[Family]:
    """What was seen of calls since the start."""
    endings = [
        Sample(value=count, labels={**_whose(key), "ending": ending})
        for key, seen in totals.items()
        for ending, count in seen.endings.items()
    ]
    yield Family(name="tapwater_invocations_total", kind="counter", says="Calls.", samples=endings)
    took = [
        sample
        for key, seen in totals.items()
        for sample in histogram(seen.latency, total_ms=seen.latency_ms, labels=_whose(key))
    ]
    yield Family(
        name="tapwater_invocation_duration_seconds",
        kind="histogram",
        says="From a call's arrival to its end.",
        samples=took,
    )
    started = [
        sample
        for key, seen in totals.items()
        if seen.cold
        for sample in histogram(seen.starts, total_ms=seen.start_ms, labels=_whose(key))
    ]
    yield Family(
        name="tapwater_cold_start_duration_seconds",
        kind="histogram",
        says="How long calls waited for an instance to start.",
        samples=started,
    )
    for name, kind, says, value in _SEEN:
        samples = [Sample(value=value(seen), labels=_whose(key)) for key, seen in totals.items()]
        yield Family(name=f"tapwater_{name}", kind=kind, says=says, samples=samples)


def of_functions(now: NodeNow) -> Iterator[Family]:
    """How functions stand at this moment."""
    for name, says, value in _STANDING:
        samples = [
            Sample(value=value(each), labels=_whose(key)) for key, each in now.functions.items()
        ]
        yield Family(name=f"tapwater_{name}", kind="gauge", says=says, samples=samples)


def of_node(now: NodeNow, top: Mapping[str, Any]) -> Iterator[Family]:
    """How the node stands at this moment."""
    yield one("tapwater_uptime_seconds", "gauge", "Since the start.", float(top["uptime_s"]))
    held, budget = now.memory_held_bytes, now.memory_budget_bytes
    yield one("tapwater_memory_held_bytes", "gauge", "Memory counted as taken.", held)
    yield one("tapwater_memory_budget_bytes", "gauge", "Memory that may be taken.", budget)
    yield one("tapwater_instances_max", "gauge", "Instances there may be.", now.instances_max)
    yield one("tapwater_evicted_total", "counter", "Instances given up for others.", now.evicted)
    yield one("tapwater_hungry", "gauge", "Functions that find no room.", now.hungry)
    for name, kind, says, (part, number) in _TOP:
        if number in top.get(part, {}):
            yield one(f"tapwater_{name}", kind, says, float(top[part][number]))


def of_events(lines: Mapping[AppId, Sequence[LineStats]], *, now: float) -> Iterator[Family]:
    """How the event line stands, app by app."""
    for name, says, value in _LINES:
        samples = [
            Sample(value=sum(map(value, of_app)), labels={"app": app})
            for app, of_app in lines.items()
        ]
        yield Family(name=f"tapwater_{name}", kind="gauge", says=says, samples=samples)
    ages = [
        Sample(value=max(0.0, now - min(_ages(of_app), default=now)), labels={"app": app})
        for app, of_app in lines.items()
    ]
    yield Family(
        name="tapwater_events_oldest_seconds",
        kind="gauge",
        says="Age of the oldest delivery that is not settled.",
        samples=ages,
    )


def of_budgets(standings: Iterable[Standing]) -> Iterator[Family]:
    """How far each budget is used up."""
    found = [(standing, _of_budget(standing)) for standing in standings]
    for name, says, value in _BUDGETS:
        samples = [Sample(value=value(each), labels=labels) for each, labels in found]
        yield Family(name=f"tapwater_budget_{name}", kind="gauge", says=says, samples=samples)
    states = [Sample(value=1, labels={**labels, "state": each.state}) for each, labels in found]
    says = "The state that each budget is in."
    yield Family(name="tapwater_budget_state", kind="gauge", says=says, samples=states)


def of_losses(losses: Losses) -> Iterator[Family]:
    """What was lost, so that nobody takes silence for peace."""
    for name, kind, says, value in _LOSSES:
        yield one(f"tapwater_{name}", kind, says, value(losses))


def _of_budget(standing: Standing) -> Labels:
    budget = standing.budget
    scope = budget.scope
    whose = scope.project or scope.app
    return {
        "budget": budget.name,
        "scope": scope.kind.value,
        "of": f"{whose}:{scope.function}" if scope.function else whose,
        "every": budget.every.value,
        "unit": budget.unit,
    }


def _ages(lines: Sequence[LineStats]) -> Iterator[float]:
    return (line.oldest_at for line in lines if line.oldest_at)


def _whose(key: tuple[str, str]) -> Labels:
    return {"app": key[0], "function": key[1]}
