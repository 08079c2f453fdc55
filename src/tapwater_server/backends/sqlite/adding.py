"""Adds up calls by the batch: the same sums as ``model/usage.py`` gives for each of them.

Twenty thousand calls a second are added up beside the loop that serves them, and hold its lock
while they are: so calls are grouped first, and a group is added up by what runs in C.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil

from tapwater_server.model.usage import flex_mb, is_billed, is_error, used_mb, vcpus
from tapwater_server.ports import stats
from tapwater_server.ports.ledger import DAY_S, HOUR_S, Line
from tapwater_server.ports.meter import Record, Use
from tapwater_server.ports.stats import Tally, bucket_of

MINUTE_S = 60
_MIB = 2**20
_NOISE_MS = 1e-6  # As in model/usage.py.
_Place = tuple[int, str, str, str, str, int]  # minute, app, function, revision, route, memory


class Added:
    """The sums of some records and uses."""

    def __init__(self, *, project_of: Callable[[str], str]) -> None:
        self._project_of = project_of
        self.sums: dict[Line, dict[str, float]] = defaultdict(dict)  # by the hour
        self.users: dict[Line, dict[str, float]] = defaultdict(dict)  # by the day
        self.tallies: dict[stats.Line, Tally] = {}  # by the minute

    def records(self, records: Iterable[Record]) -> None:
        """Add calls."""
        groups: dict[_Place, list[Record]] = {}
        for one in records:
            place = (
                int(one.at + (one.queue_ms + one.wall_ms) / 1e3) // MINUTE_S,
                one.app,
                one.function,
                one.revision,
                one.route,
                one.memory_bytes,
            )
            group = groups.get(place)
            if group is None:
                groups[place] = group = []
            group.append(one)
        for place, calls in groups.items():
            self._group(place, calls)

    def uses(self, uses: Iterable[Use]) -> None:
        """Add what was used outside of calls; what a call used is in its record."""
        for use in uses:
            if not use.within:
                found = {use.quantity: use.amount}
                line = self._line(int(use.at), use.app, function=use.function)
                merge(self.sums[line], found)
                if use.user:
                    merge(self.users[self._user(line, use.user)], found)

    def _group(self, place: _Place, calls: Sequence[Record]) -> None:
        minute, app, function, revision, route, memory_bytes = place
        at = minute * MINUTE_S
        line = self._line(at, app, function=function, revision=revision, route=route)
        merge(self.sums[line], summed(calls, memory_bytes))
        tallied = stats.Line(at, app, function, revision, route)
        if tallied in self.tallies:
            self.tallies[tallied].add(tally(calls))
        else:
            self.tallies[tallied] = tally(calls)
        users: dict[str, list[Record]] = defaultdict(list)
        for one in calls:
            if one.user:
                users[one.user].append(one)
        for user, theirs in users.items():
            merge(self.users[self._user(line, user)], summed(theirs, memory_bytes))

    def _line(
        self, at: int, app: str, *, function: str, revision: str = "", route: str = ""
    ) -> Line:
        hour = at // HOUR_S * HOUR_S
        return Line(hour, self._project_of(app), app, function, revision, route)

    def _user(self, line: Line, user: str) -> Line:
        return Line(line.at // DAY_S * DAY_S, line.project, line.app, user=user)


def merge(into: dict[str, float], found: Mapping[str, float]) -> None:
    """Add amounts to others."""
    for name, amount in found.items():
        into[name] = into.get(name, 0) + amount


def summed(calls: Sequence[Record], memory_bytes: int) -> dict[str, float]:
    """Add up calls of functions with one memory limit; what is nothing is left out."""
    found: dict[str, float] = {}
    for one in calls:
        if one.used:
            merge(found, one.used)
    errors = sum([is_error(one.ending) for one in calls])
    billed = [one for one in calls if is_billed(one)]
    merge(found, {"errors": errors} if errors else {})
    amounts = _of_time(billed, memory_bytes) if billed else {}
    merge(found, {name: amount for name, amount in amounts.items() if amount})
    return found


def _of_time(calls: Sequence[Record], memory_bytes: int) -> dict[str, float]:
    mb = memory_bytes / _MIB
    walls, cpus = [one.wall_ms for one in calls], [one.cpu_ms for one in calls]
    ups = [max(ceil(ms - _NOISE_MS), 0) for ms in walls]
    hundreds = [(up + 99) // 100 * 100 for up in ups]
    peaks = [one.memory_peak_bytes for one in calls]
    wall_ms, ms_100 = sum(walls), sum(hundreds)
    return {
        "calls": len(calls),
        "cold": sum([one.cold for one in calls]),
        "wall_ms": wall_ms,
        "cpu_ms": sum(cpus),
        "cpu_ms_1": sum([max(ceil(ms - _NOISE_MS), 0) for ms in cpus]),
        "queue_ms": sum([one.queue_ms for one in calls]),
        "start_ms": sum([one.start_ms for one in calls]),
        "mb_ms": mb * wall_ms,
        "mb_ms_1": mb * sum(ups),
        "mb_ms_100": mb * ms_100,
        "mb_ms_used": _used(peaks, ups),
        "mb_ms_flex": flex_mb(mb) * sum([max(ms, 1000) for ms in hundreds]),
        "vcpu_ms_100": vcpus(mb) * ms_100,
        "bytes_in": sum([one.bytes_in for one in calls]),
        "bytes_out": sum([one.bytes_out for one in calls]),
        "egress_bytes": sum([one.egress_bytes for one in calls]),
    }


def _used(peaks: Sequence[int], ups: Sequence[int]) -> float:
    """Azure's memory x time. Many calls have the same peak: the kernel is not asked each time."""
    by_peak: dict[int, int] = defaultdict(int)
    for peak, ms in zip(peaks, ups, strict=True):
        by_peak[peak] += ms if ms > 100 else 100
    return sum([used_mb(peak) * ms for peak, ms in by_peak.items()])


def tally(calls: Sequence[Record]) -> Tally:
    """Count calls as the series show them."""
    endings = Counter([one.ending for one in calls])
    starts = [one.start_ms for one in calls if one.cold]
    latencies = [one.queue_ms + one.wall_ms for one in calls]
    return Tally(
        calls=len(calls),
        errors=sum(count for ending, count in endings.items() if is_error(ending)),
        endings=dict(endings),
        cold=len(starts),
        wall_ms=sum([one.wall_ms for one in calls]),
        cpu_ms=sum([one.cpu_ms for one in calls]),
        queue_ms=sum([one.queue_ms for one in calls]),
        start_ms=sum([one.start_ms for one in calls]),
        bytes_in=sum([one.bytes_in for one in calls]),
        bytes_out=sum([one.bytes_out for one in calls]),
        memory_peak_bytes=max([one.memory_peak_bytes for one in calls]),
        latency=dict(Counter(map(bucket_of, latencies))),
        starts=dict(Counter(map(bucket_of, starts))),
    )
