"""Shows the chain of events that led to an errand, for the dead letter of a loop."""

from collections.abc import Iterable

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.eventlog import EventLog

LOOKED_AT_MAX = 10_000  # Events looked through for those of the chain.
PAGE_MAX = 500
SHOWN_MAX = 8


class Chains:
    """Finds the events of a chain in the log, as far as it is kept."""

    def __init__(self, *, log: EventLog) -> None:
        self._log = log

    async def too_long(self, errand: Errand) -> str:
        """Say that a chain was stopped, and how it went."""
        events = await self._of_root(errand)
        return too_long(errand, events)

    async def _of_root(self, errand: Errand) -> list[Event]:
        app, found = AppId(errand.app), list[Event]()
        first = await self._log.find(app, errand.root)
        last = await self._log.find(app, errand.event) if errand.event else None
        end = last.seq if last is not None else await self._log.last()
        after = first.seq - 1 if first is not None else max(0, end - LOOKED_AT_MAX)
        for _ in range(LOOKED_AT_MAX // PAGE_MAX):
            page = await self._log.read(after=after, count_max=PAGE_MAX, app=app, data=False)
            found += [one.event for one in page if errand.root in {one.event.root, one.event.id}]
            if not page or page[-1].seq >= end:
                break
            after = page[-1].seq
        return found


def too_long(errand: Errand, events: Iterable[Event]) -> str:
    """Write the reason of a dead letter whose chain was too long."""
    by_depth: dict[int, str] = {}
    for event in events:
        by_depth.setdefault(event.depth, f"{event.type} {event.subject or event.source}")
    steps = [by_depth[depth] for depth in sorted(by_depth)]
    if len(steps) > SHOWN_MAX:
        half = SHOWN_MAX // 2
        steps = [*steps[:half], "…", *steps[-half:]]
    function = errand.function.partition(":")[2]
    shown = " → ".join([*steps, function] if function else steps)
    return (
        f"a loop: functions and events led to each other more than {CHAIN_DEPTH_MAX} times, "
        f"beginning with {errand.root or errand.id}: {shown}"
    )
