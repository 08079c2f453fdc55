"""One simulated machine: its desks, its memory, its events."""

import heapq
from collections.abc import Callable
from itertools import count

from tapwater_server.instances.eviction import Candidate, batch_bytes, choose
from tapwater_server.scheduler.keepalive import warm_now
from tapwater_server.scheduler.placement import Claim, Room, fair_bytes, next_claim, yields
from tapwater_server.scheduler.scaling import instances_to_start
from tapwater_server.scheduler.simulation.desk import Box, Desk
from tapwater_server.scheduler.simulation.settings import SimulationSettings
from tapwater_server.scheduler.simulation.trace import Arrival

_HASTE_S = 0.01  # The scaler looks again after so long while somebody waits.

Event = tuple[float, int, Callable[[float], None]]


class Node:
    """Obeys the pure decisions on a virtual clock."""

    def __init__(self, number: int, settings: SimulationSettings, events: list[Event]) -> None:
        self.number = number
        self._settings = settings
        self._events = events
        self._order = count(number, settings.nodes)
        self._desks: dict[str, Desk] = {}
        self._hungry: dict[Desk, None] = {}
        self._waiting: dict[Desk, None] = {}  # somebody waits there, or did a moment ago
        self._starting = 0
        self._charged_bytes = 0
        self._age = 0.0
        self._metered_at = 0.0
        self._idle_bytes = 0
        self._busy_bytes = 0
        self._zygote_bytes = 0
        self._starting_bytes = 0
        self._instances = 0  # starting ones included
        self._checking = False
        self.idle_byte_s = 0.0
        self.busy_byte_s = 0.0
        self.zygote_byte_s = 0.0
        self.peak_bytes = 0
        self.evicted = 0
        self.imports = 0
        self.prewarmed = 0

    @property
    def desks(self) -> tuple[Desk, ...]:
        """All functions this node has seen."""
        return tuple(self._desks.values())

    def room(self, function: str) -> Room:
        """Say what there is for one more call of ``function``."""
        desk = self._desks.get(function)
        return Room(
            node=self.number,
            free_bytes=self._settings.memory_budget_bytes - self._charged_bytes,
            idle_instances=len(desk.free) if desk is not None else 0,
            waiting=len(desk.waiting) if desk is not None else 0,
            zygote=desk is not None and desk.zygote,
        )

    def arrive(self, arrival: Arrival) -> None:
        """One call comes in."""
        now = arrival.time_s
        desk = self._desks.get(arrival.function)
        if desk is None:
            desk = Desk(len(self._desks), arrival.function, self._settings)
            self._desks[arrival.function] = desk
        desk.arrive(arrival)
        if desk.free and not desk.waiting:
            self._seat(desk, arrival, now)
        elif len(desk.waiting) >= self._settings.limits.waiting_max:
            desk.refused += 1
        else:
            desk.waiting.append(arrival)
            self._waiting[desk] = None
            self._grow(desk, now)
            self._look_again(now)

    def meter(self, now: float) -> None:
        """Add up memory until now."""
        passed = now - self._metered_at
        self._metered_at = now
        self.idle_byte_s += self._idle_bytes * passed
        self.busy_byte_s += self._busy_bytes * passed
        self.zygote_byte_s += self._zygote_bytes * passed
        self.peak_bytes = max(self.peak_bytes, self._held_bytes())

    def _held_bytes(self) -> int:
        """What really is taken, whatever admission believes."""
        return self._idle_bytes + self._busy_bytes + self._zygote_bytes + self._starting_bytes

    # Calls.

    def _seat(self, desk: Desk, arrival: Arrival, now: float) -> None:
        box = desk.free[-1]
        self.meter(now)
        if not box.running:
            self._idle_bytes -= box.size_bytes
            box.size_bytes = max(box.size_bytes, desk.memory_bytes)
            self._busy_bytes += box.size_bytes
        box.running += 1
        desk.running += 1
        desk.uses += 1
        if box.running == self._settings.limits.concurrency:
            desk.free.pop()
        desk.waited(now - arrival.time_s)
        self._at(now + arrival.duration_s, lambda at: self._end(desk, box, arrival, at))

    def _end(self, desk: Desk, box: Box, arrival: Arrival, now: float) -> None:
        box.running -= 1
        desk.running -= 1
        desk.last_at = now
        desk.load.note_call(arrival.duration_s, 0.0, box.size_bytes, cold=False)
        self._revalue(desk, box)
        if box.running + 1 == self._settings.limits.concurrency:
            desk.free.append(box)
        if not box.running:
            self.meter(now)
            self._busy_bytes -= box.size_bytes
            self._idle_bytes += box.size_bytes
            box.idle_since = now
            if self._must_yield(desk, box):
                self._drop(desk, box, now)
                self._feed(now)
                return
        if desk.waiting:
            self._seat(desk, desk.waiting.popleft(), now)
        elif not box.running and not desk.timer_at:
            self._set_timer(desk, now + desk.window().keep_s)

    # Instances.

    def _grow(self, desk: Desk, now: float) -> None:
        for _ in range(instances_to_start(desk.demand(now))):
            if not self._admits(desk, now):
                if desk not in self._hungry:
                    self._hungry[desk] = None
                    desk.hungry_since = now
                return
            self._start(desk, now)
        self._hungry.pop(desk, None)

    def _start(self, desk: Desk, now: float) -> None:
        box = Box(charge_bytes=desk.charge_bytes(), size_bytes=desk.memory_bytes)
        desk.starting += 1
        self._starting += 1
        desk.charged_bytes += box.charge_bytes
        self._charged_bytes += box.charge_bytes
        self._starting_bytes += box.size_bytes
        self._instances += 1
        took_s = self._settings.fork_s
        if not desk.zygote:
            took_s += self._settings.import_s
            desk.zygote = True
            self.imports += 1
            self.meter(now)
            self._zygote_bytes += self._settings.zygote_bytes
            self._charged_bytes += self._settings.zygote_bytes
        self._at(now + took_s, lambda at: self._started(desk, box, at))

    def _started(self, desk: Desk, box: Box, now: float) -> None:
        desk.starting -= 1
        self._starting -= 1
        desk.boxes.add(box)
        box.idle_since = now
        self.meter(now)
        self._starting_bytes -= box.size_bytes
        self._idle_bytes += box.size_bytes
        desk.free.append(box)
        cold = True
        while desk.waiting and desk.free:
            desk.cold_starts += cold and desk.free[-1] is box
            self._seat(desk, desk.waiting.popleft(), now)
        if not box.running and not desk.timer_at:
            self._set_timer(desk, now + desk.window().keep_s)
        self._feed(now)

    def _drop(self, desk: Desk, box: Box, now: float) -> None:
        self.meter(now)
        self._idle_bytes -= box.size_bytes
        self._instances -= 1
        self._charged_bytes -= box.charge_bytes
        desk.charged_bytes -= box.charge_bytes
        desk.boxes.discard(box)
        desk.free.remove(box)
        box.alive = False

    # The loop that makes it so.

    def _set_timer(self, desk: Desk, at: float) -> None:
        desk.timer_at = at
        self._at(at, lambda now: self._look(desk, now))

    def _look(self, desk: Desk, now: float) -> None:
        """Reap what has idled too long; warm what will be called soon."""
        desk.timer_at = 0.0
        window = desk.window()
        idle_s = now - desk.last_at
        warm = not desk.running and warm_now(window, idle_s=idle_s)
        keep = max(self._settings.limits.instances_min, 1 if warm else 0)
        idle = sorted((box for box in desk.free if not box.running), key=lambda b: b.idle_since)
        for box in idle:
            if now - box.idle_since < window.keep_s or len(desk.boxes) <= keep:
                break
            self._drop(desk, box, now)
        self._feed(now)
        absent = not desk.boxes and not desk.starting
        if warm and window.prewarm_s is not None and absent and self._admits(desk, now):
            self.prewarmed += 1
            self._start(desk, now)
        self._next_look(desk, now)

    def _next_look(self, desk: Desk, now: float) -> None:
        window = desk.window()
        moments = [box.idle_since + window.keep_s for box in desk.free if not box.running]
        if window.prewarm_s is not None:
            begin = desk.last_at + window.prewarm_s
            moments += (begin, begin + window.warm_s)
        later = [moment for moment in moments if moment > now + 1e-6]
        if later:
            self._set_timer(desk, min(later))

    def _look_again(self, now: float) -> None:
        """As the scaler does while somebody waits."""
        if not self._checking:
            self._checking = True
            self._at(now + _HASTE_S, self._check)

    def _check(self, now: float) -> None:
        self._checking = False
        self._waiting = {desk: None for desk in self._waiting if desk.waiting}
        for desk in self._waiting:
            self._refuse_late(desk, now)
            if desk.waiting and desk not in self._hungry:
                self._grow(desk, now)
        self._feed(now)
        if self._waiting:
            self._look_again(now)

    def _refuse_late(self, desk: Desk, now: float) -> None:
        longest_s = self._settings.limits.waiting_s_max
        while desk.waiting and now - desk.waiting[0].time_s >= longest_s:
            desk.waiting.popleft()
            desk.refused += 1

    # Room.

    def _admits(self, desk: Desk, now: float) -> bool:
        if self._starting >= self._settings.starts_in_flight_max:
            return False
        size = self._needed_bytes(desk)
        short = self._short_bytes(size)
        if short > 0 and self._evict(short, desk, now) < short:
            return False
        return not self._spoken_for(desk, size)

    def _short_bytes(self, size: int) -> int:
        """Say how much is missing, by what instances are taken to hold and by what they do."""
        if not self._instances:
            return 0
        taken = max(self._charged_bytes, self._held_bytes())
        return max(0, taken + size - self._settings.memory_budget_bytes)

    def _revalue(self, desk: Desk, box: Box) -> None:
        """Take an instance to hold what is now known of its function."""
        change = desk.charge_bytes() - box.charge_bytes
        box.charge_bytes += change
        desk.charged_bytes += change
        self._charged_bytes += change

    def _spoken_for(self, desk: Desk, size: int) -> bool:
        theirs = self._wanted_by_others(desk)
        if not theirs or not self._short_bytes(size + theirs):
            return False
        return desk.charged_bytes + size > self._fair_bytes(desk)

    def _evict(self, wanted_bytes: int, spare: Desk, now: float) -> int:
        """Give up idle instances, then zygotes nobody runs from."""
        boxes = {
            box: desk
            for desk in self._desks.values()
            if desk is not spare and not desk.waiting
            for box in desk.free
            if not box.running
        }
        verdict = choose(
            (
                Candidate(
                    key=box,
                    age=box.idle_since,
                    uses=desk.uses,
                    cost_s=self._settings.fork_s,
                    size_bytes=box.charge_bytes,
                )
                for box, desk in boxes.items()
            ),
            wanted_bytes=batch_bytes(wanted_bytes, budget_bytes=self._settings.memory_budget_bytes),
            age=self._age,
        )
        self._age = verdict.age
        for box in verdict.victims:
            self.evicted += 1
            self._drop(boxes[box], box, now)
        freed = verdict.freed_bytes
        return freed if freed >= wanted_bytes else freed + self._unwarm(wanted_bytes - freed, spare)

    def _unwarm(self, wanted_bytes: int, spare: Desk) -> int:
        desks = (
            desk
            for desk in self._desks.values()
            if desk.zygote and desk is not spare and not desk.boxes and not desk.starting
        )
        verdict = choose(
            (
                Candidate(
                    key=desk,
                    age=desk.last_at,
                    uses=desk.uses,
                    cost_s=self._settings.import_s,
                    size_bytes=self._settings.zygote_bytes,
                )
                for desk in desks
            ),
            wanted_bytes=wanted_bytes,
            age=self._age,
        )
        for desk in verdict.victims:
            desk.zygote = False
            self.evicted += 1
            self._zygote_bytes -= self._settings.zygote_bytes
            self._charged_bytes -= self._settings.zygote_bytes
        return verdict.freed_bytes

    def _needed_bytes(self, desk: Desk) -> int:
        """What one more instance would take, with its zygote where there is none."""
        return desk.charge_bytes() + (0 if desk.zygote else self._settings.zygote_bytes)

    def _wanted_by_others(self, desk: Desk) -> int:
        return sum(
            self._needed_bytes(other)
            for other in self._hungry
            if other is not desk and other.waiting
        )

    def _fair_bytes(self, desk: Desk) -> int:
        claimants = {desk, *self._hungry, *(d for d in self._desks.values() if d.running)}
        return fair_bytes(budget_bytes=self._settings.memory_budget_bytes, claimants=len(claimants))

    def _must_yield(self, desk: Desk, box: Box) -> bool:
        theirs = self._wanted_by_others(desk)
        if not theirs or not self._short_bytes(theirs):
            return False
        return yields(
            held_bytes=desk.charged_bytes,
            size_bytes=box.charge_bytes,
            fair=self._fair_bytes(desk),
        )

    def _feed(self, now: float) -> None:
        while self._hungry:
            desks = [desk for desk in self._hungry if desk.waiting]
            self._hungry = dict.fromkeys(desks)
            claim = next_claim(
                Claim(
                    key=key,
                    held_bytes=desk.charged_bytes,
                    wanted_bytes=desk.charge_bytes(),
                    waiting_since=desk.hungry_since,
                )
                for key, desk in enumerate(desks)
            )
            if claim is None:
                return
            desk = desks[claim.key]
            wanted = instances_to_start(desk.demand(now))
            if not wanted:
                del self._hungry[desk]
            elif self._admits(desk, now):
                self._start(desk, now)
            else:
                return

    def _at(self, when: float, then: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), then))
