"""Sums in memory: the reference, which adds up each call by itself."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from tapwater_server.model.usage import amounts
from tapwater_server.ports.ledger import DAY_S, HOUR_S, Line, Sums, Wanted, gathered, kept_key
from tapwater_server.ports.meter import Meter, Record, Use


class MemoryLedger:
    """See the promises of ``ports/ledger.py``. Listens to a meter."""

    def __init__(self, meter: Meter, *, project_of: Callable[[str], str]) -> None:
        self._project_of = project_of
        self._sums: dict[Line, dict[str, float]] = defaultdict(dict)
        self._users: dict[Line, dict[str, float]] = defaultdict(dict)
        self._seen: dict[tuple[str, int, str], set[str]] = defaultdict(set)
        meter.when_noted(self._note)
        meter.when_used(self._use)

    async def sums(self, wanted: Wanted) -> Sequence[Sums]:
        wanted.check()
        table = self._users if wanted.of_users else self._sums
        return gathered(table.items(), wanted)

    def _note(self, record: Record) -> None:
        line = Line(
            at=_floor(record.ended_at, HOUR_S),
            project=self._project_of(record.app),
            app=record.app,
            function=record.function,
            revision=record.revision,
            route=self._kept("route", record.ended_at, record.app, record.route),
        )
        self._add(line, record.user, amounts(record))

    def _use(self, use: Use) -> None:
        if use.within:
            return  # Its record has it.
        line = Line(
            at=_floor(use.at, HOUR_S),
            project=self._project_of(use.app),
            app=use.app,
            function=use.function,
        )
        self._add(line, use.user, {use.quantity: use.amount})

    def _add(self, line: Line, user: str, found: Mapping[str, float]) -> None:
        _merge(self._sums[line], found)
        if user:
            user = self._kept("user", line.at, line.app, user)
            day = Line(at=_floor(line.at, DAY_S), project=line.project, app=line.app, user=user)
            _merge(self._users[day], found)

    def _kept(self, what: str, at: float, app: str, text: str) -> str:
        return kept_key(self._seen[what, _floor(at, DAY_S), app], text)


def _floor(at: float, step_s: int) -> int:
    return int(at // step_s) * step_s


def _merge(into: dict[str, float], found: Mapping[str, float]) -> None:
    for name, amount in found.items():
        into[name] = into.get(name, 0) + amount
