"""One function on one simulated node: its instances, who waits, what was seen."""

from collections import deque

from tapwater_server.scheduler.keepalive import Window, window
from tapwater_server.scheduler.load import Histogram, Load
from tapwater_server.scheduler.scaling import Demand, expected_bytes
from tapwater_server.scheduler.simulation.settings import SimulationSettings
from tapwater_server.scheduler.simulation.trace import Arrival

_NO_WAIT_S = 1e-6  # The least a histogram can tell from none.
_WINDOW_SAMPLES = 20  # The window is worked out anew after so many idle times.


class Box:
    """One simulated instance."""

    __slots__ = ("alive", "charge_bytes", "idle_since", "running", "size_bytes")

    def __init__(self, *, charge_bytes: int, size_bytes: int) -> None:
        self.charge_bytes = charge_bytes  # what admission takes it to hold
        self.size_bytes = size_bytes  # what it holds
        self.running = 0
        self.idle_since = 0.0
        self.alive = True


class Desk:
    """The simulated counterpart of a lane, with the same pure decisions."""

    __slots__ = (
        "_settings",
        "_window",
        "_window_total",
        "boxes",
        "called",
        "charged_bytes",
        "cold_starts",
        "free",
        "function",
        "habit",
        "hungry_since",
        "key",
        "last_at",
        "limit_bytes",
        "load",
        "memory_bytes",
        "refused",
        "running",
        "starting",
        "timer_at",
        "uses",
        "waiting",
        "waits",
        "zygote",
    )

    def __init__(self, key: int, function: str, settings: SimulationSettings) -> None:
        self.key = key
        self.function = function
        self._settings = settings
        self._window: Window | None = None
        self._window_total = 0
        self.boxes: set[Box] = set()
        self.free: deque[Box] = deque()  # with a free seat, the warmest last
        self.waiting: deque[Arrival] = deque()
        self.starting = 0
        self.running = 0
        self.charged_bytes = 0
        self.memory_bytes = 0
        # A call of the trace was served with what it took, so the limit cannot have been less.
        self.limit_bytes = settings.limits.memory_bytes
        self.last_at = 0.0
        self.hungry_since = 0.0
        self.timer_at = 0.0
        self.uses = 0
        self.zygote = False
        self.load = Load()
        self.habit = Histogram()
        self.waits = Histogram()
        self.called = 0
        self.cold_starts = 0
        self.refused = 0

    def arrive(self, arrival: Arrival) -> None:
        """Note a call, and how long the function had idled before."""
        self.called += 1
        if not self.running and self.called > 1 and arrival.time_s - self.last_at >= 1.0:
            self.habit.add(arrival.time_s - self.last_at)
        self.last_at = arrival.time_s
        self.memory_bytes = int(arrival.memory_mb * 2**20)
        self.limit_bytes = max(self.limit_bytes, self.memory_bytes)

    def waited(self, seconds: float) -> None:
        """Note how long a call waited for its seat; most did not wait at all."""
        self.waits.add(max(seconds, _NO_WAIT_S))

    def window(self) -> Window:
        """Give the keep-alive window, worked out from time to time."""
        settings = self._settings
        if not settings.histogram:
            return Window(keep_s=settings.keep_alive_s)
        fresh = self.habit.total - self._window_total < _WINDOW_SAMPLES
        if self._window is None or not fresh or self.habit.total < 2 * _WINDOW_SAMPLES:
            self._window_total = self.habit.total
            self._window = window(
                self.habit,
                fixed_s=settings.keep_alive_s,
                keep_s_max=settings.keep_alive_s_max,
            )
        return self._window

    def demand(self, now: float) -> Demand:
        """Say what it has and wants."""
        limits = self._settings.limits
        return Demand(
            waiting=len(self.waiting),
            running=self.running,
            instances=len(self.boxes),
            starting=self.starting,
            concurrency=limits.concurrency,
            instances_max=limits.instances_max,
            service_s=self.load.service_s,
            start_s=self._settings.fork_s,
            head_waited_s=now - self.waiting[0].time_s if self.waiting else 0.0,
        )

    def charge_bytes(self) -> int:
        """Say what one more instance is taken to hold."""
        return expected_bytes(
            limit_bytes=self.limit_bytes,
            peak_bytes=self.load.peak_bytes,
            overcommit=self._settings.overcommit,
        )
