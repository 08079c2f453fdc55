"""The pool as a state machine: a seat is never given twice, and none is forgotten."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tapwater_server.instances.lifecycle import Signal, State, move
from tapwater_server.instances.pool import Pool


class Seats:
    """What the pool needs of an instance, and no more."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.calls: dict[int, None] = {}
        self.state = State.IDLE
        self.idle_since = 0.0
        self.number = 0

    def begin(self) -> None:
        assert len(self.calls) < self.seats
        assert self.state in (State.IDLE, State.BUSY)
        self.number += 1
        self.calls[self.number] = None
        self.state = move(self.state, Signal.TAKEN)

    def end(self) -> None:
        self.calls.popitem()
        if not self.calls:
            self.state = move(self.state, Signal.FREED)

    def retire(self) -> None:
        self.state = move(self.state, Signal.RETIRED)


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()
        self.all: list[Seats] = []

    @rule(seats=st.integers(1, 3))
    def add(self, seats: int) -> None:
        one = Seats(seats)
        self.all.append(one)
        self.pool.add(one)  # type: ignore[arg-type]

    @rule()
    def borrow(self) -> None:
        free = [one for one in self.all if one.state <= State.BUSY and len(one.calls) < one.seats]
        got = self.pool.borrow()
        assert (got is None) == (not free)
        if got is not None:
            got.begin()  # type: ignore[call-arg]

    @precondition(lambda self: any(one.calls for one in self.all))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.all if one.calls]))
        one.end()
        self.pool.give_back(one)  # type: ignore[arg-type]

    @precondition(lambda self: any(one.state <= State.BUSY for one in self.all))
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([o for o in self.all if o.state <= State.BUSY]))
        self.pool.retire(one)  # type: ignore[arg-type]

    @precondition(lambda self: any(self.all))
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.all))
        self.all.remove(one)
        one.calls.clear()
        one.state = move(one.state, Signal.DIED)
        self.pool.forget(one)  # type: ignore[arg-type]

    @invariant()
    def the_idle_are_those_without_calls(self) -> None:
        idle = {id(one) for one in self.all if one.state is State.IDLE}
        assert {id(one) for one in self.pool.idle()} == idle
        assert len(self.pool) == len(self.all)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_longest_idle_are_reaped_and_enough_are_kept() -> None:
    pool = Pool()
    for idle_since in (30.0, 10.0, 20.0):
        one = Seats(1)
        one.idle_since = idle_since
        pool.add(one)  # type: ignore[arg-type]
    reapable = pool.reapable(now=100.0, idle_s_max=75.0, keep=0)
    assert [one.idle_since for one in reapable] == [10.0, 20.0]
    assert [one.idle_since for one in pool.reapable(now=100.0, idle_s_max=0.0, keep=2)] == [10.0]
