"""Makes instances for those who wait, as far as there is room, and fairly when there is not."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from tapwater_server.instances.bindings import Bindings
from tapwater_server.instances.call import CallInProgress
from tapwater_server.instances.eviction import Candidate, batch_bytes, choose
from tapwater_server.instances.instance import Instance
from tapwater_server.instances.lifecycle import State
from tapwater_server.instances.opening import open_instance
from tapwater_server.instances.speech import Logs
from tapwater_server.model.errors import StartFailed, TapwaterError
from tapwater_server.model.function import Function
from tapwater_server.model.ids import InstanceId, RevisionId
from tapwater_server.model.invocation import Usage
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.meter import LogLine
from tapwater_server.ports.sandbox import Zygote
from tapwater_server.ports.tracing import Spans
from tapwater_server.scheduler.capacity import Capacity
from tapwater_server.scheduler.lane import Failure, Lane
from tapwater_server.scheduler.placement import Claim, fair_bytes, next_claim, yields
from tapwater_server.scheduler.scaling import Demand, instances_to_start
from tapwater_server.scheduler.settings import SchedulerSettings

FAILURE_S_MIN, FAILURE_S_MAX = 0.5, 30.0  # A module that fails is not imported for every request.
STOP_S_MAX = 1.0  # An import that is under way is not waited for.


class ZygoteSource(Protocol):
    """Where zygotes come from."""

    async def get(self, revision: RevisionId, function: Function) -> Zygote: ...

    async def relieve(self, wanted_bytes: int) -> int: ...

    def when_forgotten(self, told: Callable[[RevisionId], None]) -> None: ...


class Owner(Protocol):
    """The scheduler, as its growth sees it."""

    def on_freed(self, lane: Lane, instance: Instance, usage: Usage) -> None: ...

    def on_started(self, lane: Lane) -> None: ...

    def on_start_failed(self, lane: Lane) -> None: ...

    def on_gone(self, lane: Lane) -> None: ...

    def on_returned(self, lane: Lane, call: CallInProgress) -> None: ...


class Growth:
    """Starts instances, within ``Capacity``."""

    def __init__(
        self,
        *,
        owner: Owner,
        zygotes: ZygoteSource,
        capacity: Capacity,
        clock: Clock,
        ids: IdSource,
        bindings: Bindings,
        logs: Logs,
        spans: Spans,
        settings: SchedulerSettings,
    ) -> None:
        self._owner = owner
        self._zygotes = zygotes
        self._capacity = capacity
        self._clock = clock
        self._ids = ids
        self._bindings = bindings
        self._logs, self._spans = logs, spans
        self._settings = settings
        self._charges: dict[Instance, tuple[Lane, int]] = {}
        self._starts: set[asyncio.Task[None]] = set()
        self._age = 0.0
        self.hungry: dict[Lane, None] = {}  # want to start, and there is no room
        self.evicted = 0
        self.stopping = False

    def grow(self, lane: Lane) -> None:
        """Start what ``lane`` wants, or remember that it is hungry."""
        if self.stopping or (lane.failure is not None and not self._may_retry(lane)):
            return
        self.start(lane, instances_to_start(self._demand(lane)))

    def start(self, lane: Lane, count: int) -> None:
        """Start ``count`` instances, as far as there is room."""
        for _ in range(count):
            size_bytes = lane.expected_bytes(self._settings.overcommit)
            if not self._admits(lane, size_bytes):
                if lane not in self.hungry:
                    self.hungry[lane] = None
                    lane.hungry_since = self._clock.monotonic()
                return
            self._launch(lane, size_bytes)
        self.hungry.pop(lane, None)

    def feed(self) -> None:
        """Room may have become free: start for the hungry, least served first."""
        while self.hungry and not self.stopping and not self._capacity.crowded():
            lanes = [lane for lane in self.hungry if len(lane.room)]
            self.hungry = dict.fromkeys(lanes)
            claim = next_claim(self._claims(lanes))
            if claim is None:
                return
            lane = lanes[claim.key]
            before = lane.starting
            self.start(lane, min(1, instances_to_start(self._demand(lane))))
            if lane.starting == before and lane in self.hungry:
                return
            if instances_to_start(self._demand(lane)):
                self.hungry.setdefault(lane)

    def must_yield(self, lane: Lane, instance: Instance) -> bool:
        """Whether an instance that became free goes, because others have less and are hungry."""
        theirs = self._wanted_by_others(lane)
        if not theirs:
            return False
        _, size_bytes = self._charges[instance]
        capacity = self._capacity
        full = capacity.instances >= self._settings.instances_max
        return (full or capacity.short_bytes(theirs) > 0) and yields(
            held_bytes=lane.held_bytes, size_bytes=size_bytes, fair=self._fair_bytes(lane)
        )

    def lane_of(self, instance: Instance) -> Lane:
        """Say whose it is."""
        return self._charges[instance][0]

    def evict(self, wanted_bytes: int, *, spare: Lane | None = None) -> int:
        """Retire idle instances, the least worth keeping first; say what that will free."""
        verdict = choose(
            (
                Candidate(
                    key=instance,
                    age=instance.idle_since,
                    uses=instance.calls_total + 1,
                    cost_s=lane.load.start_s or self._settings.keep_alive_s / 1000,
                    size_bytes=size_bytes,
                )
                for instance, (lane, size_bytes) in self._idle(spare)
            ),
            wanted_bytes=batch_bytes(wanted_bytes, budget_bytes=self._settings.memory_budget_bytes),
            age=self._age,
        )
        self._age = verdict.age
        for instance in verdict.victims:
            self.evicted += 1
            self.lane_of(instance).pool.retire(instance)
        return verdict.freed_bytes

    def revalue(self) -> None:
        """Take what instances are now known to hold for what they hold."""
        for instance, (lane, before) in tuple(self._charges.items()):
            after = lane.expected_bytes(self._settings.overcommit)
            if after != before:
                self._charges[instance] = (lane, after)
                self._capacity.revalue(lane, before, after)

    async def stop(self) -> None:
        """Start nothing more, and wait until nothing is starting."""
        self.stopping = True
        if not self._starts:
            return
        # A fork is over in a moment, and cut in the middle it leaves a process nobody owns.
        _, imports = await asyncio.wait(self._starts, timeout=STOP_S_MAX)
        for start in imports:
            start.cancel()
        await asyncio.gather(*imports, return_exceptions=True)

    def _demand(self, lane: Lane) -> Demand:
        return lane.demand(self._clock.monotonic(), cores=self._settings.cores)

    def _idle(self, spare: Lane | None) -> Iterable[tuple[Instance, tuple[Lane, int]]]:
        kept: dict[Lane, int] = {}
        for instance, charge in self._charges.items():
            lane = charge[0]
            if lane is spare or instance.state is not State.IDLE or len(lane.room):
                continue
            left = kept.setdefault(lane, len(lane.pool))
            if left > lane.function.limits.instances_min:
                kept[lane] = left - 1
                yield instance, charge

    def _wanted_by_others(self, lane: Lane) -> int:
        """What one instance for each of the other hungry functions would hold."""
        return sum(
            other.expected_bytes(self._settings.overcommit)
            for other in self.hungry
            if other is not lane and len(other.room)
        )

    def _claims(self, lanes: list[Lane]) -> Iterable[Claim]:
        for key, lane in enumerate(lanes):
            yield Claim(
                key=key,
                held_bytes=lane.held_bytes,
                wanted_bytes=lane.expected_bytes(self._settings.overcommit),
                waiting_since=lane.hungry_since,
            )

    def _fair_bytes(self, lane: Lane) -> int:
        busy = (owner for instance, (owner, _) in self._charges.items() if instance.calls)
        claimants = {lane, *self.hungry, *busy}
        return fair_bytes(budget_bytes=self._settings.memory_budget_bytes, claimants=len(claimants))

    def _admits(self, lane: Lane, size_bytes: int) -> bool:
        capacity = self._capacity
        if capacity.crowded():
            if capacity.instances >= self._settings.instances_max:
                self.evict(1, spare=lane)
            return False
        short = capacity.short_bytes(size_bytes)
        if short:
            self.evict(short, spare=lane)
            return False
        return not self._spoken_for(lane, size_bytes)

    def _spoken_for(self, lane: Lane, size_bytes: int) -> bool:
        """Whether the room left is needed by others, who are hungry and hold less than ``lane``."""
        theirs = self._wanted_by_others(lane)
        if not theirs or not self._capacity.short_bytes(size_bytes + theirs):
            return False
        return lane.held_bytes + size_bytes > self._fair_bytes(lane)

    def _launch(self, lane: Lane, size_bytes: int) -> None:
        self._capacity.take(lane, size_bytes)
        start = asyncio.get_running_loop().create_task(self._start(lane, size_bytes))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)

    async def _start(self, lane: Lane, size_bytes: int) -> None:
        instance: Instance | None = None
        try:
            instance = await self._open(lane)
        except Exception as error:
            # Whatever it was, a bug of ours included: those who wait must hear of it.
            self._failed(lane, error)
        finally:
            self._capacity.started(lane)
            if instance is None:
                self._capacity.give_back(lane, size_bytes)
        if instance is None:
            self._owner.on_start_failed(lane)
        else:
            self._charges[instance] = (lane, size_bytes)
            lane.failure = None
            lane.pool.add(instance)
            self._owner.on_started(lane)
        self.feed()

    async def _open(self, lane: Lane) -> Instance:
        wanted = self._clock.monotonic()
        zygote = await self._zygotes.get(lane.revision, lane.function)
        began = self._clock.monotonic()
        try:
            guest = await zygote.fork(lane.function.limits)
        except StartFailed:
            # It may have been given up, or killed, between the two lines: then there is another.
            another = await self._zygotes.get(lane.revision, lane.function)
            if another is zygote:
                raise
            guest = await another.fork(lane.function.limits)
        instance = Instance(
            id=InstanceId(self._ids.fresh()),
            guest=guest,
            function=lane.function,
            clock=self._clock,
            bindings=self._bindings,
            logs=self._logs,
            spans=self._spans,
            freed=lambda freed, usage: self._owner.on_freed(lane, freed, usage),
            gone=lambda gone: self._gone(lane, gone),
            returned=lambda call: self._owner.on_returned(lane, call),
        )
        await open_instance(instance, guest)
        now = self._clock.monotonic()
        lane.load.note_start(now - began)
        instance.account.start_s = now - wanted
        return instance

    def _gone(self, lane: Lane, instance: Instance) -> None:
        lane.pool.forget(instance)
        charge = self._charges.pop(instance, None)
        if charge is not None:
            self._capacity.give_back(lane, charge[1])
        self._owner.on_gone(lane)
        self.feed()

    def _may_retry(self, lane: Lane) -> bool:
        assert lane.failure is not None
        return self._clock.monotonic() >= lane.failure.until

    def _failed(self, lane: Lane, error: Exception) -> None:
        named = f"{type(error).__name__}: {error}"
        message = error.message if isinstance(error, TapwaterError) else named
        count = lane.failure.count + 1 if lane.failure is not None else 1
        pause_s = min(FAILURE_S_MIN * 2 ** min(count - 1, 10), FAILURE_S_MAX)
        lane.failure = Failure(
            message=message,
            by_function=isinstance(error, StartFailed) and error.by_function,
            count=count,
            until=self._clock.monotonic() + pause_s,
        )
        facts = f" {dict(error.facts)}" if isinstance(error, StartFailed) and error.facts else ""
        self._logs(
            LogLine(
                at=self._clock.now(),
                app=lane.function.id.app,
                function=lane.function.id.name,
                invocation="",
                instance="",
                level="platform",
                text=f"no instance could be started: {message}{facts}",
            )
        )
