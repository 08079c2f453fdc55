"""Serves what was seen: /stats, /live, /invocations, /logs and /traces of the node's API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict

from tapwater_server.model.errors import Invalid
from tapwater_server.ports.meter import Record
from tapwater_server.services.seeing.pulse import Pulse
from tapwater_server.services.seeing.reading import Reading, last_seq
from tapwater_server.services.seeing.searching import (
    LOGS_QUERY,
    RECORDS_QUERY,
    TIME_MAX,
    wanted_lines,
    wanted_records,
)
from tapwater_server.services.seeing.series import STATS_QUERY, Series
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Handler, Streamed, Who, always
from tapwater_server.web.node import app_in_query

TRACES_MAX = 200
NDJSON = {"content-type": "application/x-ndjson"}
_HEX = frozenset("0123456789abcdef")

Price = Callable[[Record], Mapping[str, str]]  # what a call cost: an amount, and its currency


class SeeingApi:
    """Translates; the parts that read decide."""

    def __init__(
        self, *, reading: Reading, series: Series, pulse: Pulse, price: Price | None = None
    ) -> None:
        self._reading, self._series, self._pulse = reading, series, pulse
        self._price = price

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            _get(
                "/stats", "Rates, latencies, endings, cold starts.", self._series.read, STATS_QUERY
            ),
            Endpoint(
                method="GET",
                path="/live",
                says="The numbers of each second as it ends, as server-sent events.",
                handler=self._live,
                who=Who.HOLDER,
                query={"app": "only this app's", "function": "only this function's (group/name)"},
                media="text/event-stream",
                waits=True,
                endless=always,
            ),
            Endpoint(
                method="GET",
                path="/logs",
                says="Log lines of functions, and of the platform about them.",
                handler=self._logs,
                who=Who.HOLDER,
                query=LOGS_QUERY,
                waits=True,
                endless=_follows,
            ),
            _get("/invocations", "Calls, the newest first.", self._records, RECORDS_QUERY),
            _get("/invocations/{id}", "One call, and what was said in it.", self._record),
            _get(
                "/traces",
                "The newest traces: their first calls.",
                self._traces,
                {
                    "app": "only those in which this app was called",
                    "since": "only from this time on (seconds since the epoch)",
                    "limit": f"how many at most (50; up to {TRACES_MAX})",
                },
            ),
            _get(
                "/traces/{id}",
                "One trace: every call and step of it, and what was said meanwhile.",
                self._trace,
            ),
        )

    async def _live(self, asked: Asked) -> Streamed:
        return Streamed(self._pulse.live(app_in_query(asked), asked.text("function")))

    async def _logs(self, asked: Asked) -> Mapping[str, Any] | Streamed:
        wanted = wanted_lines(asked)
        if _follows(asked):
            if wanted.before_seq is not None or wanted.until is not None:
                raise Invalid("what is followed has no end: leave out before and until")
            return Streamed(self._reading.follow(wanted), headers=NDJSON)
        lines = await self._reading.lines(wanted)
        return {
            "lines": [asdict(one) for one in lines],
            "next": last_seq(lines, wanted.after_seq or 0),
        }

    async def _records(self, asked: Asked) -> Mapping[str, Any]:
        wanted = wanted_records(asked)
        records = await self._reading.records(wanted)
        full = len(records) >= wanted.count_max
        return {
            "invocations": [asdict(one) for one in records],
            "before": records[-1].id if full else None,
        }

    async def _record(self, asked: Asked) -> Mapping[str, Any]:
        record, lines = await self._reading.record(asked.params["id"], asked.who)
        said = {**asdict(record), "lines": [asdict(one) for one in lines]}
        if self._price is not None:
            said["cost"] = self._price(record)
        return said

    async def _traces(self, asked: Asked) -> Mapping[str, Any]:
        since = asked.number("since", low=0, high=TIME_MAX)
        limit = int(asked.number("limit", low=1, high=TRACES_MAX) or 50)
        return {"traces": await self._reading.traces(app_in_query(asked), since, limit)}

    async def _trace(self, asked: Asked) -> Mapping[str, Any]:
        id = asked.params["id"].lower()
        if len(id) != 32 or not set(id) <= _HEX:
            raise Invalid("a trace's id is 32 hexadecimal digits")
        trace = await self._reading.trace(id, asked.who)
        return {
            "trace": trace.trace,
            "at": trace.at,
            "took_ms": trace.took_ms,
            "spans": trace.spans,
            "lines": [asdict(line) for line in trace.lines],
        }


def _follows(asked: Asked) -> bool:
    return asked.flag("follow", default=False)


def _get(
    path: str, says: str, handler: Handler, query: Mapping[str, str] | None = None
) -> Endpoint:
    return Endpoint(
        method="GET", path=path, says=says, handler=handler, who=Who.HOLDER, query=query or {}
    )
