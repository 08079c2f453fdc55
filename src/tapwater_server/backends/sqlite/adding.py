"""Adds up calls by the batch: the same sums as ``model/usage.py`` gives for each of them.

Twenty thousand calls a second are added up beside the loop that serves them, and hold its lock
while they are: so calls are grouped first, and a group is added up by what runs in C.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil

from tapwater_server.model.usage import flex_mb, is_error, used_mb, vcpus
from tapwater_server.ports import stats
from tapwater_server.ports.ledger import DAY_S, HOUR_S, OTHER, Line
from tapwater_server.ports.meter import Record, Use
from tapwater_server.ports.stats import Tally, histogram

MINUTE_S = 60
# While a disk is full, sums go on in memory for hours: so many lines of each sort, then users and
# routes are others, and hours are days. No batch that is written in time comes near it.
LINES_MAX = 50_000
USERS_CALLS_MAX = 50_000  # Not added up by user yet; they are whole records.
_MIB = 2**20
_NOISE_MS = 1e-6  # As in model/usage.py.
_Place = tuple[str, str, str, str, int]  # app, function, revision, route, memory


class Added:
    """The sums of some records and uses."""

    def __init__(self, *, project_of: Callable[[str], str]) -> None:
        self._project_of = project_of
        self.sums: dict[Line, dict[str, float]] = defaultdict(dict)  # by the hour
        self.users: dict[Line, dict[str, float]] = defaultdict(dict)  # by the day
        self.tallies: dict[stats.Line, Tally] = {}  # by the minute
        self._theirs: dict[tuple[int, str, int], list[Record]] = {}  # calls of users
        self._theirs_count = 0

    def records(self, records: Sequence[Record]) -> None:
        """Add calls."""
        groups: dict[_Place, list[Record]] = {}
        for one in records:
            place = one.app, one.function, one.revision, one.route, one.memory_bytes
            group = groups.get(place)
            if group is None:
                groups[place] = group = []
            group.append(one)
        for place, calls in groups.items():
            for minute, some in by_minute(calls).items():
                self._group(place, minute, some)

    def uses(self, uses: Iterable[Use]) -> None:
        """Add what was used outside of calls; what a call used is in its record."""
        for use in uses:
            if not use.within:
                found = {use.quantity: use.amount}
                line = self._line(int(use.at), use.app, function=use.function)
                self._add(line, found)
                if use.user:
                    day = line.at // DAY_S * DAY_S
                    self._add_user(Line(day, line.project, use.app, user=use.user), found)

    def add(self, other: "Added") -> None:
        """Add other sums."""
        other.settle()
        for line, amounts in other.sums.items():
            self._add(line, amounts)
        for line, amounts in other.users.items():
            self._add_user(line, amounts)
        for place, tally in other.tallies.items():
            self._add_tally(place, tally)

    def _group(self, place: _Place, minute: int, calls: Sequence[Record]) -> None:
        app, function, revision, route, memory_bytes = place
        at = minute * MINUTE_S
        line = self._line(at, app, function=function, revision=revision, route=route)
        tally, amounts = added_up(calls, memory_bytes)
        self._add_tally(stats.Line(at, *place[:4]), tally)
        self._add(line, amounts)
        of_users = [one for one in calls if one.user]
        if of_users:
            theirs = self._theirs.setdefault((line.at // DAY_S * DAY_S, app, memory_bytes), [])
            theirs += of_users
            self._theirs_count += len(of_users)
            if self._theirs_count > USERS_CALLS_MAX:
                self.settle()

    def _add(self, line: Line, amounts: Mapping[str, float]) -> None:
        if len(self.sums) >= LINES_MAX and line not in self.sums:
            line = line._replace(at=line.at // DAY_S * DAY_S, route=OTHER if line.route else "")
        merge(self.sums[line], amounts)

    def _add_user(self, line: Line, amounts: Mapping[str, float]) -> None:
        if len(self.users) >= LINES_MAX and line not in self.users:
            line = line._replace(user=OTHER)
        merge(self.users[line], amounts)

    def _add_tally(self, line: stats.Line, tally: Tally) -> None:
        if len(self.tallies) >= LINES_MAX and line not in self.tallies:
            # By the hour: what is by the minute is not looked at so much later.
            at = line.at // HOUR_S * HOUR_S
            line = line._replace(at=at, route=OTHER if line.route else "")
        self.tallies.setdefault(line, Tally()).add(tally)

    @property
    def pending(self) -> int:
        """How many calls are not added up by their users yet."""
        return self._theirs_count

    def settle(self) -> None:
        """Add up by users. Last: each has few calls in a batch, of several functions."""
        for (day, app, memory_bytes), calls in self._theirs.items():
            groups: dict[str, list[Record]] = {}
            for one in calls:
                groups.setdefault(one.user, []).append(one)
            project = self._project_of(app)
            for user, theirs in groups.items():
                _, amounts = added_up(theirs, memory_bytes)
                self._add_user(Line(day, project, app, user=user), amounts)
        self._theirs.clear()
        self._theirs_count = 0

    def _line(
        self, at: int, app: str, *, function: str, revision: str = "", route: str = ""
    ) -> Line:
        hour = at // HOUR_S * HOUR_S
        return Line(hour, self._project_of(app), app, function, revision, route)


def merge(into: dict[str, float], found: Mapping[str, float]) -> None:
    """Add amounts to others."""
    for name, amount in found.items():
        into[name] = into.get(name, 0) + amount


def by_minute(calls: list[Record]) -> dict[int, list[Record]]:
    """Sort calls by the minute in which they ended: nearly always one."""
    ends = [one.at + (one.queue_ms + one.wall_ms) / 1e3 for one in calls]
    first = int(min(ends) // MINUTE_S)
    if first == int(max(ends) // MINUTE_S):
        return {first: calls}
    found: dict[int, list[Record]] = {}
    for one, end in zip(calls, ends, strict=True):
        found.setdefault(int(end // MINUTE_S), []).append(one)
    return found


def added_up(calls: Sequence[Record], memory_bytes: int) -> tuple[Tally, dict[str, float]]:
    """Add up calls of one memory limit, as the series show them and as the ledger keeps them."""
    tally = _tally(calls)
    found: dict[str, float] = {}
    for one in calls:
        if one.used:
            merge(found, one.used)
    if tally.errors:
        found["errors"] = tally.errors
    billed = [one for one in calls if one.instance or one.by_function]
    if billed:
        of_all = tally if len(billed) == len(calls) else _tally(billed)
        merge(found, _amounts(billed, of_all, memory_bytes / _MIB))
    return tally, found


def _tally(calls: Sequence[Record]) -> Tally:
    endings = Counter([one.ending for one in calls])
    starts = [one.start_ms for one in calls if one.cold]
    return Tally(
        calls=len(calls),
        errors=sum([count for ending, count in endings.items() if is_error(ending)]),
        endings=dict(endings),
        cold=len(starts),
        wall_ms=sum([one.wall_ms for one in calls]),
        cpu_ms=sum([one.cpu_ms for one in calls]),
        queue_ms=sum([one.queue_ms for one in calls]),
        start_ms=sum([one.start_ms for one in calls]),
        bytes_in=sum([one.bytes_in for one in calls]),
        bytes_out=sum([one.bytes_out for one in calls]),
        memory_peak_bytes=max([one.memory_peak_bytes for one in calls]),
        latency=histogram([one.queue_ms + one.wall_ms for one in calls]),
        starts=histogram(starts),
    )


def _amounts(calls: Sequence[Record], tally: Tally, mb: float) -> dict[str, float]:
    ups = [ceil(one.wall_ms - _NOISE_MS) for one in calls]
    hundreds = [(up + 99) // 100 * 100 for up in ups]
    ms_100 = sum(hundreds)
    found = {
        "calls": len(calls),
        "cold": tally.cold,
        "wall_ms": tally.wall_ms,
        "cpu_ms": tally.cpu_ms,
        "cpu_ms_1": sum([ceil(one.cpu_ms - _NOISE_MS) for one in calls]),
        "queue_ms": tally.queue_ms,
        "start_ms": tally.start_ms,
        "mb_ms": mb * tally.wall_ms,
        "mb_ms_1": mb * sum(ups),
        "mb_ms_100": mb * ms_100,
        "mb_ms_used": _used(calls, ups),
        "mb_ms_flex": flex_mb(mb) * sum([ms if ms > 1000 else 1000 for ms in hundreds]),
        "vcpu_ms_100": vcpus(mb) * ms_100,
        "bytes_in": tally.bytes_in,
        "bytes_out": tally.bytes_out,
        "egress_bytes": sum([one.egress_bytes for one in calls]),
    }
    return {name: amount for name, amount in found.items() if amount}


def _used(calls: Sequence[Record], ups: Sequence[int]) -> float:
    """Azure's memory x time. Many calls have the same peak: the kernel is not asked each time."""
    times: dict[int, int] = defaultdict(int)
    for one, ms in zip(calls, ups, strict=True):
        times[one.memory_peak_bytes] += ms if ms > 100 else 100
    return sum([used_mb(peak) * ms for peak, ms in times.items()])
