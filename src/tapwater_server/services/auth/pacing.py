"""How often somebody may try: buckets by address of the client and by account."""

from collections import OrderedDict
from dataclasses import dataclass

from tapwater_server.model.errors import RateLimited
from tapwater_server.ports.clock import Clock

BUCKETS_MAX = 50_000  # Beyond this the longest unused are forgotten: they are full by then.


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """So many at once, and then one each so many seconds."""

    burst: int
    each_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """What each kind of attempt may cost. Accounts there are not are paced like those there are.

    ``by_account`` is of one client at one account, so that nobody locks others out by failing in
    their name; ``by_target`` is of all clients at one account.
    """

    by_client: Pace = Pace(burst=60, each_s=1.0)
    by_account: Pace = Pace(burst=10, each_s=30.0)
    by_target: Pace = Pace(burst=100, each_s=6.0)
    by_app: Pace = Pace(burst=200, each_s=0.5)  # that may end in a letter
    letters: Pace = Pace(burst=4, each_s=300.0)  # mails to one address


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Pacing:
    """Counts attempts, for this node."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()

    def take(self, pace: Pace, *name: str) -> None:
        """Take one.

        Raises:
            RateLimited: there is none left; it says when there will be.
        """
        wait_s = self.wait_s(pace, *name)
        if wait_s > 0:
            raise RateLimited("too many attempts: wait a little", retry_after_s=wait_s)

    def wait_s(self, pace: Pace, *name: str) -> float:
        """Take one and give 0.0, or give the seconds until there is one."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(float(pace.burst), now)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        bucket.level = min(float(pace.burst), bucket.level + (now - bucket.at) / pace.each_s)
        bucket.at = now
        if bucket.level >= 1.0:
            bucket.level -= 1.0
            return 0.0
        return (1.0 - bucket.level) * pace.each_s

    def give_back(self, *name: str) -> None:
        """An attempt turned out to be the account's owner."""
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket.level += 1.0
