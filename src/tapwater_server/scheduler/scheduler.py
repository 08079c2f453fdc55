"""The door itself: a free seat at once, else a chair in the waiting room and a new instance."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tapwater_server.instances.bindings import Bindings
from tapwater_server.instances.call import CallInProgress
from tapwater_server.instances.instance import Instance
from tapwater_server.instances.lifecycle import State
from tapwater_server.instances.speech import Logs
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.ids import FunctionId, RevisionId
from tapwater_server.model.invocation import Ending, Invocation, Usage, Verb
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Call, Exchange
from tapwater_server.ports.tracing import Spans, unseen
from tapwater_server.scheduler.capacity import Capacity
from tapwater_server.scheduler.growth import Growth, ZygoteSource
from tapwater_server.scheduler.keepalive import window
from tapwater_server.scheduler.lane import Lane, LaneStats
from tapwater_server.scheduler.load import Histogram
from tapwater_server.scheduler.scaler import Scaler
from tapwater_server.scheduler.settings import SchedulerSettings
from tapwater_server.scheduler.waiting import retry_after_s

Key = tuple[RevisionId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStats:
    """The node at a glance."""

    lanes: tuple[LaneStats, ...]
    instances: int
    starting: int
    waiting: int
    memory_held_bytes: int
    memory_budget_bytes: int
    evicted: int
    hungry: int  # functions that want an instance and find no room


class Scheduler:
    """Keeps ``Invoker``. ``run()`` must run beside it; ``stop()`` ends all instances."""

    def __init__(
        self,
        *,
        zygotes: ZygoteSource,
        clock: Clock,
        ids: IdSource,
        bindings: Bindings,
        logs: Logs,
        spans: Spans = unseen,
        settings: SchedulerSettings,
        available: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._settings = settings
        self._lanes: dict[Key, Lane] = {}
        self._habits: dict[FunctionId, Histogram] = {}
        self._waiting = 0
        self._stopping = False
        self._capacity = Capacity(settings=settings, available=available)
        self._growth = Growth(
            owner=self,
            zygotes=zygotes,
            capacity=self._capacity,
            clock=clock,
            ids=ids,
            bindings=bindings,
            logs=logs,
            spans=spans,
            settings=settings,
        )
        self._scaler = Scaler(
            lanes=self._lanes,
            growth=self._growth,
            capacity=self._capacity,
            zygotes=zygotes,
            clock=clock,
            settings=settings,
            refuse=self._refuse,
            seat=self._seat,
        )
        zygotes.when_forgotten(self.retire)

    # The door.

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        """Begin a call. With a free seat its frame is on its way when this returns."""
        now = invocation.arrived_at
        if not now:
            now = invocation.arrived_at = self._monotonic()
        call = CallInProgress(invocation, exchange)
        function = invocation.function
        lane = self._lanes.get((invocation.revision, function.id.name))
        if lane is None:
            lane = self._lane(invocation.revision, function)
        if now - lane.last_at >= 1.0:
            lane.note_arrival(now)
        if invocation.depth > CHAIN_DEPTH_MAX:
            call.end(Ending.USER_ERROR, Usage(), _TOO_DEEP)
            return call
        if not lane.room.waiting and not self._stopping:
            instance = lane.pool.borrow()
            if instance is not None:
                instance.begin(call)
                return call
            if lane.quick and self._hold(lane, call):
                return call
        self._wait(lane, call)
        return call

    # What the operator and assembly say.

    def serve(self, revisions: Iterable[Revision]) -> None:
        """These revisions are live: keep their least instances; all others drain."""
        live: set[RevisionId] = set()
        for revision in revisions:
            live.add(revision.id)
            for function in revision.functions:
                if function.limits.instances_min:
                    self._lanes.get((revision.id, function.id.name)) or self._lane(
                        revision.id, function
                    )
        for (revision_id, _), lane in self._lanes.items():
            lane.retired = revision_id not in live

    def retire(self, revision: RevisionId) -> None:
        """Drain one revision: what runs may finish, what is idle ends."""
        for (revision_id, _), lane in self._lanes.items():
            if revision_id == revision:
                lane.retired = True

    def runs(self, revision: RevisionId) -> bool:
        """Whether a call of a revision, which may be gone, is in its seat."""
        return any(lane.running for (id, _), lane in self._lanes.items() if id == revision)

    def instances_of(self, function: FunctionId) -> Iterator[Instance]:
        """Go through the instances of a function, of all its revisions."""
        for (_, name), lane in tuple(self._lanes.items()):
            if name == function.name and lane.function.id == function:
                yield from lane.pool

    async def run(self) -> None:
        """Enforce deadlines, scale and reap, until cancelled."""
        while True:
            self.step()
            await self._clock.sleep(self._scaler.pause_s)

    def step(self) -> int:
        """One round of the scaler; say how much it did."""
        return self._scaler.step()

    async def stop(self, *, drain_s: float) -> None:
        """Refuse new calls, let running ones finish for ``drain_s``, then end everything."""
        self._stopping = True
        for lane in self._lanes.values():
            self._refuse(lane, "the platform is stopping", count=len(lane.room))
        await self._growth.stop()
        await self._scaler.stop()
        until = self._monotonic() + drain_s
        while self._monotonic() < until and any(lane.running for lane in self._lanes.values()):
            self._scaler.sweep(self._monotonic())
            await self._clock.sleep(0.01)
        for lane in self._lanes.values():
            for instance in lane.pool:
                instance.kill(Ending.CANCELLED, "the platform is stopping")
        until = self._monotonic() + 5.0
        while self._monotonic() < until and self._capacity.instances:
            await self._clock.sleep(0.01)

    def stats(self) -> SchedulerStats:
        """Say how it goes, function by function."""
        now = self._monotonic()
        return SchedulerStats(
            lanes=tuple(lane.stats(now) for lane in self._lanes.values()),
            instances=self._capacity.instances,
            starting=self._capacity.starting,
            waiting=sum(len(lane.room) for lane in self._lanes.values()),
            memory_held_bytes=self._capacity.held_bytes,
            memory_budget_bytes=self._settings.memory_budget_bytes,
            evicted=self._growth.evicted,
            hungry=len(self._growth.hungry),
        )

    # What growth tells.

    def on_freed(self, lane: Lane, instance: Instance, usage: Usage) -> None:
        """A call has ended: the next one may sit down."""
        load = lane.load
        load.note_call(usage.wall_s, usage.cpu_s, usage.memory_peak_bytes, cold=usage.cold)
        if instance.state > State.BUSY:
            lane.pool.forget(instance)
            return
        if instance.calls and instance.seats == 1:  # It goes on with the call it held.
            lane.pool.goes_on(instance)
            self._hold_waiting(lane)
            return
        lane.last_at = instance.idle_since
        lane.pool.give_back(instance)
        if self._growth.hungry and not instance.calls and self._growth.must_yield(lane, instance):
            lane.pool.retire(instance)
        elif lane.room.waiting:
            self._seat(lane)

    def on_started(self, lane: Lane) -> None:
        """A new instance stands ready."""
        self._seat(lane)

    def on_start_failed(self, lane: Lane) -> None:
        """Those who wait and have no other hope are told."""
        if not len(lane.pool) and not lane.starting:
            self._fail(lane)

    def on_gone(self, lane: Lane) -> None:
        """An instance is gone; those who wait need another."""
        if len(lane.room):
            self._growth.grow(lane)

    def on_returned(self, lane: Lane, call: CallInProgress) -> None:
        """An instance gives back the call it held: it is the first to get a seat."""
        if self._stopping:
            self._overload(lane, call, "the platform is stopping")
            return
        lane.room.enter_first(call)
        self._seat(lane)
        if len(lane.room):
            self._growth.grow(lane)

    # Inside.

    def _hold(self, lane: Lane, call: CallInProgress) -> bool:
        """Give a call to a busy instance, to come next there; False: none takes it."""
        invocation = call.invocation
        if call.sender is not None or invocation.verb is Verb.WEBSOCKET:
            return False
        instance = lane.pool.borrow_ahead()
        if instance is None:
            return False
        instance.hold(call)
        return True

    def _hold_waiting(self, lane: Lane) -> None:
        """Let the next who waits come ahead, where one may."""
        head = lane.room.head() if lane.quick else None
        if head is not None and self._hold(lane, head):
            lane.room.leave(head)

    def _lane(self, revision: RevisionId, function: Function) -> Lane:
        habit = self._habits.setdefault(function.id, Histogram())
        lane = Lane(
            revision=revision,
            function=function,
            habit=habit,
            window=window(
                habit,
                fixed_s=self._settings.keep_alive_s,
                keep_s_max=self._settings.keep_alive_s_max,
            ),
        )
        self._lanes[(revision, function.id.name)] = lane
        return lane

    def _wait(self, lane: Lane, call: CallInProgress) -> None:
        if self._stopping:
            call.retry_after_s = 1.0
            call.end(Ending.OVERLOADED, Usage(), "the platform is stopping")
            return
        if lane.room.full:
            self._overload(lane, call, "too many calls are waiting for this function")
            return
        lane.room.enter(call)
        failure = lane.failure
        if failure is not None and self._monotonic() < failure.until and not len(lane.pool):
            self._fail(lane)
            return
        if lane.promised():
            return  # A seat frees sooner than one could be made; the scaler looks again shortly.
        self._growth.grow(lane)

    def _seat(self, lane: Lane) -> None:
        while lane.room.waiting:
            instance = lane.pool.borrow()
            if instance is None:
                return
            call = lane.room.next()
            assert call is not None
            instance.begin(call)

    def _fail(self, lane: Lane) -> None:
        failure = lane.failure
        message = failure.message if failure is not None else "no instance could start"
        while (call := lane.room.next()) is not None:
            call.by_function = failure is not None and failure.by_function
            call.end(Ending.START_FAILED, Usage(cold=True), message)

    def _refuse(self, lane: Lane, message: str, *, count: int) -> None:
        """Send away the first ``count`` of those who wait."""
        for _ in range(count):
            call = lane.room.next()
            if call is None:
                return
            self._overload(lane, call, message)

    def _overload(self, lane: Lane, call: CallInProgress, message: str) -> None:
        call.retry_after_s = retry_after_s(
            waiting=len(lane.room) + 1,
            seats=len(lane.pool) * lane.function.limits.concurrency,
            service_s=lane.load.service_s,
        )
        waited_s = self._monotonic() - call.invocation.arrived_at
        call.end(Ending.OVERLOADED, Usage(queue_s=waited_s), message)


_TOO_DEEP = f"functions called each other more than {CHAIN_DEPTH_MAX} deep: this looks like a loop"
