"""Two revisions of a function side by side: what a call costs and how long it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.pricing import cost_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ledger import Ledger, Wanted
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.stats import SeriesWanted, Stats
from tapwater_server.services.billing.month import month_at
from tapwater_server.services.billing.shelf import Shelf

DAYS_MAX = 90
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One revision: sums, and what of them falls to one call. Costs are without free grants."""

    revision: str
    calls: int
    errors: int
    cold: int
    wall_ms: float  # of a call, on average
    cpu_ms: float
    p50_ms: float  # with the wait for an instance
    p90_ms: float
    p99_ms: float
    memory_peak_bytes: int
    cost: Mapping[str, Decimal]  # tariff -> of one call


class Comparing:
    """Reads both revisions from the ledger and the stats."""

    def __init__(
        self, *, ledger: Ledger, stats: Stats, registry: Registry, shelf: Shelf, clock: Clock
    ) -> None:
        self._ledger, self._stats, self._registry = ledger, stats, registry
        self._shelf, self._clock = shelf, clock

    async def side(self, app: AppId, function: str, said: str, *, days: float) -> Side:
        """Look at one: ``said`` is its number or its id.

        Raises:
            NotFound: there is no such revision, or it was not called in that time.
        """
        revision = self._find(app, said)
        now = self._clock.now()
        since = now - days * _DAY_S
        sums = await self._ledger.sums(
            Wanted(since=since, until=now + 1, app=app, function=function, revision=revision)
        )
        points = await self._stats.series(
            SeriesWanted(since=since, until=now + 1, app=app, function=function, revision=revision)
        )
        used = {
            name: Decimal(repr(float(each))) for one in sums for name, each in one.amounts.items()
        }
        calls = int(used.get("calls", 0))
        if not calls:
            raise NotFound(f"{app}:{function} of revision {said} was not called in {days:g} days")
        each = {name: amount / calls for name, amount in used.items()}
        point = points[0] if points else None
        return Side(
            revision=said,
            calls=calls,
            errors=int(used.get("errors", 0)),
            cold=int(used.get("cold", 0)),
            wall_ms=float(each.get("wall_ms", 0)),
            cpu_ms=float(each.get("cpu_ms", 0)),
            p50_ms=point.latency_ms(0.5) if point else 0.0,
            p90_ms=point.latency_ms(0.9) if point else 0.0,
            p99_ms=point.latency_ms(0.99) if point else 0.0,
            memory_peak_bytes=point.memory_peak_bytes if point else 0,
            cost={
                tariff.name: cost_of(tariff, each) for tariff in self._shelf.all(month_at(now).name)
            },
        )

    def _find(self, app: AppId, said: str) -> str:
        for revision in self._registry.revisions(app):
            if said in (str(revision.number), f"r{revision.number}", revision.id):
                return revision.id
        raise NotFound(f"{app} has no revision {said[:40]}")
