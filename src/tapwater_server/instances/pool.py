"""The instances of one function of one revision: borrow, give back, reap."""

from collections.abc import Iterator

from tapwater_server.instances.instance import Instance
from tapwater_server.instances.lifecycle import State


class Pool:
    """Last in, first out: the warmest is used, and the others can fall asleep and be reaped."""

    __slots__ = ("_all", "_busy", "_free", "spare")

    def __init__(self) -> None:
        self._all: dict[Instance, None] = {}
        self._free: list[Instance] = []  # with at least one free seat; the last is the warmest
        self._busy: dict[Instance, None] = {}  # with one call and no other ahead, oldest first
        self.spare = 0  # so many stay asleep while the others are at work

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Instance]:
        return iter(tuple(self._all))

    def add(self, instance: Instance) -> None:
        """Take in a new one."""
        assert instance not in self._all
        self._all[instance] = None
        self._free.append(instance)

    def borrow(self) -> Instance | None:
        """Give the instance whose free seat is to be taken now, or None.

        The caller must ``begin()`` a call on it, and ``give_back()`` when that has ended.
        """
        free = self._free
        while free and free[-1].state > State.BUSY:
            free.pop()  # It was killed, or lost its promise, while it had a free seat.
        if len(free) <= self.spare and len(free) < len(self._all):
            return None
        if not free:
            return None
        instance = free[-1]
        if len(instance.calls) + 1 >= instance.seats:
            free.pop()
            self._busy[instance] = None
        return instance

    def borrow_ahead(self) -> Instance | None:
        """Give a busy instance that takes one call more, to begin when its own has ended."""
        for instance in self._busy:
            if instance.takes_ahead:
                del self._busy[instance]
                return instance
        return None

    def goes_on(self, instance: Instance) -> None:
        """It has begun the call that it held: it may be given another."""
        self._busy[instance] = None

    def give_back(self, instance: Instance) -> None:
        """A seat of ``instance`` is free again."""
        self._busy.pop(instance, None)
        if instance.state <= State.BUSY and len(instance.calls) + 1 == instance.seats:
            self._free.append(instance)

    def forget(self, instance: Instance) -> None:
        """It takes no more calls (retired or broken), or is gone."""
        self._busy.pop(instance, None)
        if instance in self._free:
            self._free.remove(instance)
        if instance.state is State.GONE:
            self._all.pop(instance, None)

    def retire(self, instance: Instance) -> None:
        """Let it finish and end."""
        instance.retire()
        self.forget(instance)

    def idle(self) -> list[Instance]:
        """Give those without a call, longest idle first."""
        return [instance for instance in self._free if instance.state is State.IDLE]

    def reapable(self, *, now: float, idle_s_max: float, keep: int) -> list[Instance]:
        """Give those idle for longer than ``idle_s_max``, but leave ``keep`` alive."""
        alive = sum(instance.state <= State.BUSY for instance in self._all)
        asleep = [i for i in self.idle() if now - i.idle_since >= idle_s_max]
        asleep.sort(key=lambda instance: instance.idle_since)
        return asleep[: max(0, alive - keep)]
