"""Numbers over time: what is asked of ``ports/stats.py``, and how its answer is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.model.errors import Invalid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.stats import Point, SeriesWanted, Stats, percentile
from tapwater_server.services.seeing.searching import TIME_MAX
from tapwater_server.web.asked import Asked
from tapwater_server.web.node import app_in_query

STEPS_MAX = 2_000
POINTS_MAX = 20_000
SPAN_S = 3600.0  # That is looked at where nobody says since when.
DIMENSIONS = ("app", "function", "revision", "route")
STATS_QUERY = {
    "app": "only this app's",
    "function": "only this function's (group/name)",
    "revision": "only this revision's",
    "route": "only this route's, as deployed",
    "since": "from this time on (seconds since the epoch); usually an hour ago",
    "until": "up to this time; usually now",
    "step": "seconds in each point, rounded up to minutes; none: all in one",
    "by": f"a point for each: {', '.join(DIMENSIONS)}, with commas between",
}


class Series:
    """Answers ``/stats``."""

    def __init__(self, *, stats: Stats, clock: Clock) -> None:
        self._stats, self._clock = stats, clock

    async def read(self, asked: Asked) -> Mapping[str, Any]:
        wanted = self._wanted(asked)
        points = await self._stats.series(wanted)
        if len(points) > POINTS_MAX:
            raise Invalid(f"that would be more than {POINTS_MAX} points: ask for a longer step")
        return {
            "by": wanted.by,
            "since": wanted.since,
            "until": wanted.until,
            "points": [point_says(point) for point in points],
        }

    def _wanted(self, asked: Asked) -> SeriesWanted:
        """Read the query.

        Raises:
            Invalid: it means nothing, or too many points.
            NotFound: the app is not for who asks.
        """
        until = asked.number("until", low=0, high=TIME_MAX)
        until = self._clock.now() if until is None else until
        since = asked.number("since", low=0, high=TIME_MAX)
        since = until - SPAN_S if since is None else since
        step_s = asked.number("step", low=0, high=TIME_MAX) or 0.0
        if since > until:
            raise Invalid("since is after until")
        if step_s and (until - since) / max(step_s, 60.0) > STEPS_MAX:
            raise Invalid(f"that would be more than {STEPS_MAX} steps: ask for a longer one")
        return SeriesWanted(
            since=since,
            until=until,
            step_s=step_s,
            by=_by(asked.text("by")),
            app=app_in_query(asked),
            function=asked.text("function"),
            revision=asked.text("revision"),
            route=asked.text("route"),
        )


def point_says(point: Point) -> Mapping[str, Any]:
    """Write a point as JSON."""
    return {
        "at": point.at,
        "key": point.key,
        "calls": point.calls,
        "errors": point.errors,
        "endings": point.endings,
        "cold": point.cold,
        "wall_ms": point.wall_ms,
        "cpu_ms": point.cpu_ms,
        "queue_ms": point.queue_ms,
        "latency_ms": latency_says(point.latency),
        "start_ms": {
            "p50": _rounded(percentile(point.starts, 0.5)),
            "p99": _rounded(percentile(point.starts, 0.99)),
        },
        "memory_peak_bytes": point.memory_peak_bytes,
        "bytes_in": point.bytes_in,
        "bytes_out": point.bytes_out,
    }


def latency_says(buckets: Mapping[int, int]) -> Mapping[str, float]:
    """Three percentiles, in milliseconds."""
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return {name: _rounded(percentile(buckets, share)) for name, share in shares.items()}


def _rounded(ms: float) -> float:
    return round(ms, 3)


def _by(said: str | None) -> tuple[str, ...]:
    by: Sequence[str] = said.split(",") if said else ()
    for name in by:
        if name not in DIMENSIONS:
            raise Invalid(
                f"there is no {name[:20]!r} to sum by (there are: {', '.join(DIMENSIONS)})"
            )
    if len(set(by)) < len(by):
        raise Invalid("by names one thing twice")
    return tuple(by)
