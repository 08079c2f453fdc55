"""The durable bus does what the reference does, whatever is asked of both, in whatever order."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.ports.bus import (
    Bus,
    Dead,
    Delivery,
    Done,
    Errand,
    Filter,
    Later,
    Returned,
    Settlement,
)
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import SHOP, errand

T = TypeVar("T")

LINES = ("a", "b")
delays = st.sampled_from([0.0, 0.0, 1.0, 5.0])
settlements: st.SearchStrategy[Settlement] = st.one_of(
    st.builds(Done, st.binary(max_size=2)),
    st.builds(Later, delays, st.sampled_from(["", "why"])),
    st.builds(Returned, delays),
    st.builds(Dead, st.sampled_from(["x", "y"])),
)
wishes = st.fixed_dictionaries(
    {
        "id": st.integers(0, 40).map(str),
        "line": st.sampled_from(LINES),
        "key": st.sampled_from(["", "k", "l"]),
        "at_once": st.sampled_from([1, 1, 1, 2, 3]),
        "priority": st.sampled_from([0, 0, 5]),
        "replaces": st.sampled_from(["", "", "", "r"]),
        "replaced_s_max": st.sampled_from([0.0, 3.0]),
        "delay": delays,
        "lives": st.sampled_from([0.0, 0.0, 0.0, 2.0, 6.0]),
    }
)
filters = st.builds(
    Filter,
    app=st.just(SHOP),
    state=st.sampled_from(["", "waiting", "leased", "done", "dead"]),
    line=st.sampled_from(["", *LINES]),
    ids=st.sampled_from([(), (), ("1", "2", "3")]),
    reason_contains=st.sampled_from(["", "", "x"]),
)


class TwoBuses(RuleBasedStateMachine):
    """Asks both the same and compares every answer, and all that can be seen afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self._path = Path(self._folder.name) / "bus.db"
        self._reference = MemoryBus(clock=self.clock)
        self._open()
        self.leased: list[tuple[Delivery, Delivery]] = []  # by the reference, by the durable one

    def _open(self) -> None:
        self._database = Database(self._path, schema="bus", synchronous="NORMAL")
        self._durable = SqliteBus(database=self._database, clock=self.clock)

    def teardown(self) -> None:
        self._run(self._database.close())
        self._runner.close()
        self._folder.cleanup()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _both(self, ask: Any) -> Any:
        wanted, got = self._run(ask(self._reference)), self._run(ask(self._durable))
        assert got == wanted
        return got

    @rule(wanted=st.lists(wishes, min_size=1, max_size=4))
    def publish(self, wanted: list[dict[str, Any]]) -> None:
        errands = [self._errand(**one) for one in wanted]
        self._both(lambda bus: bus.publish(errands))

    @rule(line=st.sampled_from(LINES), count=st.integers(1, 4), lease_s=st.sampled_from([1.0, 4.0]))
    def lease(self, line: str, count: int, lease_s: float) -> None:
        named = self._run(self._durable.ready())
        wanted = self._run(self._reference.lease(line, count_max=count, lease_s=lease_s))
        got = self._run(self._durable.lease(line, count_max=count, lease_s=lease_s))
        assert [_bare(one) for one in got] == [_bare(one) for one in wanted]
        assert not got or line in named
        self.leased += zip(wanted, got, strict=True)

    @rule(data=st.data(), settlement=settlements)
    def settle(self, data: st.DataObject, settlement: Settlement) -> None:
        if self.leased:
            some = data.draw(st.lists(st.sampled_from(self.leased), min_size=1, max_size=3))
            wanted = self._run(self._reference.settle([(a, settlement) for a, _ in some]))
            assert self._run(self._durable.settle([(b, settlement) for _, b in some])) == wanted

    @rule(data=st.data())
    def extend(self, data: st.DataObject) -> None:
        if self.leased:
            a, b = data.draw(st.sampled_from(self.leased))
            wanted = self._run(self._reference.extend(a, lease_s=3.0))
            got = self._run(self._durable.extend(b, lease_s=3.0))
            assert (got and got.leased_until) == (wanted and wanted.leased_until)

    @rule(filter=filters, count=st.integers(1, 9))
    def revive(self, filter: Filter, count: int) -> None:
        self._both(lambda bus: bus.revive(filter, count_max=count))

    @rule(filter=filters, count=st.integers(1, 3))
    def drop(self, filter: Filter, count: int) -> None:
        async def ask(bus: Bus) -> list[str]:
            return sorted(await bus.drop(filter, count_max=count))

        self._both(ask)

    @rule(filter=filters, count=st.integers(1, 9), after=st.sampled_from(["", "3", "none"]))
    def list(self, filter: Filter, count: int, after: str) -> None:
        self._both(lambda bus: bus.list(filter, after=after, count_max=count))

    @rule(age=st.sampled_from([2.0, 20.0]))
    def sweep(self, age: float) -> None:
        self._both(lambda bus: bus.sweep(older_than_s=age))

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 10.0]))
    def time_goes_by(self, seconds: float) -> None:
        self._run(self.clock.advance(seconds))

    @rule(seconds=st.sampled_from([-5.0, 5.0]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.clock.jump(seconds)

    @rule()
    def open_anew(self) -> None:
        self._run(self._database.close())
        self._open()

    @invariant()
    def all_is_the_same(self) -> None:
        self._both(lambda bus: bus.list(Filter(app=SHOP), count_max=100))
        self._both(lambda bus: bus.lines(SHOP))

    def _errand(self, *, delay: float, lives: float, **facts: Any) -> Errand:
        now = self.clock.now()
        return errand(
            **facts,
            not_before=now + delay if delay else 0.0,
            expires_at=now + lives if lives else 0.0,
        )


def _bare(delivery: Delivery) -> Delivery:
    """Without what may differ: the numbers, and what is of no use once it is leased."""
    plain = replace(delivery.errand, not_before=0.0, replaced_s_max=0.0)
    return replace(delivery, errand=plain, seq=0)


TwoBuses.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None, phases=(__import__('hypothesis').Phase.generate,), print_blob=False,
    suppress_health_check=list(HealthCheck),
)
test_two_buses = TwoBuses.TestCase
