"""One function of one revision, as the scheduler sees it: who waits, who runs, what was seen."""

from dataclasses import dataclass

from tapwater_server.instances.lifecycle import State
from tapwater_server.instances.pool import Pool
from tapwater_server.model.function import Function
from tapwater_server.model.ids import RevisionId
from tapwater_server.scheduler.keepalive import Window
from tapwater_server.scheduler.load import Histogram, Load
from tapwater_server.scheduler.scaling import SHORT_S, Demand, expected_bytes, useful_seats
from tapwater_server.scheduler.waiting import WaitingRoom

QUICK_S = 0.001  # Below this, waking a process costs a good part of the call.
IDLE_S_MIN = 1.0  # Shorter pauses are no idle times: nobody would end an instance in them.


@dataclass(slots=True, kw_only=True)
class Failure:
    """The last starts failed; until then nobody tries again."""

    message: str
    by_function: bool
    count: int
    until: float


class Lane:
    """The desk of one function. Only the scheduler and its parts touch it."""

    __slots__ = (
        "failure",
        "function",
        "habit",
        "held_bytes",
        "hungry_since",
        "last_at",
        "load",
        "pool",
        "quick",
        "retired",
        "revision",
        "room",
        "starting",
        "window",
    )

    def __init__(
        self, *, revision: RevisionId, function: Function, habit: Histogram, window: Window
    ) -> None:
        self.revision = revision
        self.function = function
        self.pool = Pool()
        self.room = WaitingRoom(chairs=function.limits.waiting_max)
        self.load = Load()
        self.habit = habit  # idle times of the function, whatever the revision
        self.window = window
        self.starting = 0
        self.held_bytes = 0  # what its instances are taken to hold
        self.last_at = 0.0  # when the last call came or ended
        self.hungry_since = 0.0
        self.quick = False  # calls are so short that one may wait behind another
        self.retired = False  # another revision has taken its place
        self.failure: Failure | None = None

    @property
    def running(self) -> int:
        """Calls in seats."""
        return sum(len(instance.calls) for instance in self.pool)

    @property
    def empty(self) -> bool:
        """Whether there is nothing here to look after."""
        return not (len(self.pool) or self.starting or len(self.room))

    def settle_spare(self, now: float, *, cores: int) -> None:
        """Let only as many instances work as the cores can drive; more would take turns.

        Calls that have run for long are not what the estimate was made of: they count extra.
        """
        self.quick = 0.0 < self.load.quiet_s < QUICK_S and self.load.service_s < SHORT_S
        if len(self.pool) <= cores:
            self.pool.spare = 0
            return
        seats = useful_seats(self.demand(now, cores=cores))
        if seats < len(self.pool):
            seats += sum(
                now - call.seated_at > SHORT_S
                for instance in self.pool
                for call in instance.calls.values()
            )
        used = -(-seats // self.function.limits.concurrency)
        self.pool.spare = max(0, len(self.pool) - used)

    def promised(self) -> bool:
        """Whether the last who came will wait for a seat no longer than a new one would take.

        The same judgement as ``instances_to_start``, in short: it is made for every call that
        waits.
        """
        load, seats = self.load, len(self.pool) * self.function.limits.concurrency
        return 0.0 < self.room.waiting * load.service_s < load.start_s * seats

    def note_arrival(self, now: float) -> None:
        """A call has come: was the function idle before?"""
        idle_s = now - self.last_at
        if idle_s >= IDLE_S_MIN and self.last_at and not self.running:
            self.habit.add(idle_s)
        self.last_at = now

    def demand(self, now: float, *, cores: int) -> Demand:
        """Say what it has and wants."""
        limits = self.function.limits
        head = self.room.head()
        there = sum(instance.state <= State.BUSY for instance in self.pool)
        return Demand(
            waiting=len(self.room),
            running=self.running,
            instances=there,
            ending=len(self.pool) - there,
            starting=self.starting,
            concurrency=limits.concurrency,
            instances_max=limits.instances_max,
            service_s=self.load.service_s,
            start_s=self.load.start_s,
            quiet_s=self.load.quiet_s,
            cpu_s=self.load.cpu_s,
            cores=cores,
            head_waited_s=now - head.invocation.arrived_at if head is not None else 0.0,
        )

    def expected_bytes(self, overcommit: float) -> int:
        """Say what one more instance is taken to hold."""
        return expected_bytes(
            limit_bytes=self.function.limits.memory_bytes,
            peak_bytes=self.load.peak_bytes,
            overcommit=overcommit,
        )

    def stats(self, now: float) -> "LaneStats":
        """Say how it goes."""
        states = [instance.state for instance in self.pool]
        return LaneStats(
            app=self.function.id.app,
            function=self.function.id.name,
            revision=self.revision,
            starting=self.starting,
            idle=states.count(State.IDLE),
            busy=states.count(State.BUSY),
            draining=states.count(State.DRAINING) + states.count(State.CLOSING),
            running=self.running,
            waiting=len(self.room),
            calls=self.load.calls,
            cold_starts=self.load.cold_starts,
            p50_s=self.load.walls.quantile(0.5),
            p95_s=self.load.walls.quantile(0.95),
            memory_bytes=self.held_bytes,
            idle_s=max(0.0, now - self.last_at),
            retired=self.retired,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStats:
    """One function of one revision at a glance."""

    app: str
    function: str
    revision: str
    starting: int
    idle: int
    busy: int
    draining: int
    running: int
    waiting: int
    calls: int
    cold_starts: int
    p50_s: float
    p95_s: float
    memory_bytes: int
    idle_s: float
    retired: bool
