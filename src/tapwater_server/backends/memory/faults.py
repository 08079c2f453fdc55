"""Groups of errors in memory: the reference."""

from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.model.fault import Fault, FaultState, in_state, joined
from tapwater_server.model.ids import AppId
from tapwater_server.ports.faults import FAULTS_MAX, TRACE_CHARS_MAX, Stirred


class MemoryFaults:
    """See the promises of ``ports/faults.py``."""

    def __init__(self) -> None:
        self._kept: dict[str, Fault] = {}

    async def note(self, came: Sequence[Fault]) -> Sequence[Stirred]:
        stirred: list[Stirred] = []
        for one in came:
            known = self._kept.get(one.id)
            fault = one if known is None else joined(known, one)
            self._kept[one.id] = fault
            if known is None or (known.state, fault.state) == _REOPENED:
                stirred.append(Stirred(fault=fault, new=known is None))
        for app in {one.app for one in came}:
            self._crowd_out(app)
        return [one for one in stirred if one.fault.id in self._kept]

    async def list(
        self,
        *,
        app: AppId | None = None,
        function: str | None = None,
        state: FaultState | None = None,
        count_max: int = 100,
    ) -> Sequence[Fault]:
        found = [
            fault
            for fault in self._kept.values()
            if (app is None or fault.app == app)
            and (function is None or fault.function == function)
            and (state is None or fault.state is state)
        ]
        return sorted(found, key=_newest)[:count_max]

    async def find(self, id: str) -> Fault | None:
        return self._kept.get(id)

    async def set_state(self, id: str, state: FaultState, *, now: float) -> Fault | None:
        if id in self._kept:
            self._kept[id] = in_state(self._kept[id], state, now=now)
        return self._kept.get(id)

    async def keep_trace(self, id: str, trace: str) -> None:
        if id in self._kept:
            self._kept[id] = replace(self._kept[id], trace=trace[-TRACE_CHARS_MAX:])

    async def erase(self, app: AppId) -> None:
        self._kept = {id: fault for id, fault in self._kept.items() if fault.app != app}

    async def sweep(self, *, before: float) -> int:
        old = [id for id, fault in self._kept.items() if fault.last_at < before]
        for id in old:
            del self._kept[id]
        return len(old)

    def _crowd_out(self, app: AppId) -> None:
        of_app = sorted((one for one in self._kept.values() if one.app == app), key=_newest)
        for fault in of_app[FAULTS_MAX:]:
            del self._kept[fault.id]


_REOPENED = (FaultState.RESOLVED, FaultState.OPEN)


def _newest(fault: Fault) -> tuple[float, str]:
    return (-fault.last_at, fault.id)
