"""Reads records, log lines and traces for whoever may see them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import msgspec
from msgspec.structs import asdict

from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Asked, LogLine, Meter, Record
from tapwater_server.services.seeing.tracing import Root, Trace, roots_of, trace_of

FOLLOW_S = 0.5  # How often we look for new lines: as often as they are written down.
LINES_OF_CALL_MAX = 10_000
RECORDS_OF_TRACE_MAX = 2_000
LINES_OF_TRACE_MAX = 2_000
LOOKED_AT_MAX = 5_000  # Records gone through for a page of traces.


class Reading:
    """Asks the meter; shows nobody what is of another's app."""

    def __init__(self, *, meter: Meter, clock: Clock) -> None:
        self._meter, self._clock = meter, clock

    async def lines(self, wanted: Asked) -> Sequence[LogLine]:
        return await self._meter.lines(wanted)

    async def follow(self, wanted: Asked) -> AsyncIterator[bytes]:
        """Give what is there, then what comes, a line of JSON each, until nobody reads on."""
        while True:
            lines = await self._meter.lines(wanted)
            for line in lines:
                yield msgspec.json.encode(asdict(line)) + b"\n"
            wanted = replace(wanted, after_seq=last_seq(lines, wanted.after_seq or 0))
            if len(lines) < wanted.count_max:
                await self._clock.sleep(FOLLOW_S)

    async def records(self, wanted: Asked) -> Sequence[Record]:
        return await self._meter.records(wanted)

    async def record(self, id: str, who: Principal) -> tuple[Record, Sequence[LogLine]]:
        """Find one invocation and what was said in it.

        Raises:
            NotFound: there is none, or it is of an app that is not theirs.
        """
        records = await self._meter.records(Asked(invocation=id, count_max=1))
        if not records or not who.may_deploy(AppId(records[0].app)):
            raise NotFound(f"there is no invocation {id[:64]!r}")
        lines = await self._meter.lines(Asked(invocation=id, count_max=LINES_OF_CALL_MAX))
        return records[0], lines

    async def traces(self, app: AppId | None, since: float | None, limit: int) -> Sequence[Root]:
        """Find the newest traces: their first calls."""
        wanted = Asked(app=app, since=since, count_max=min(LOOKED_AT_MAX, limit * 20))
        return roots_of(await self._meter.records(wanted))[:limit]

    async def trace(self, id: str, who: Principal) -> Trace:
        """Put one trace together, of what is in apps they may see.

        Raises:
            NotFound: there is nothing of it, or it is of apps that are not theirs.
        """
        records = await self._meter.records(Asked(trace=id, count_max=RECORDS_OF_TRACE_MAX))
        spans = await self._meter.spans(id)
        lines = await self._meter.lines(Asked(trace=id, count_max=LINES_OF_TRACE_MAX))
        trace = trace_of(
            id,
            records=[one for one in records if who.may_deploy(AppId(one.app))],
            spans=[one for one in spans if who.may_deploy(AppId(one.app))],
            lines=[one for one in lines if who.may_deploy(AppId(one.app))],
        )
        if not trace.spans:
            raise NotFound(f"there is no trace {id[:64]!r}")
        return trace


def last_seq(lines: Sequence[LogLine], before: int) -> int:
    """Give the number to go on after."""
    return max((line.seq for line in lines), default=before)
