"""What is let in, held and counted: with a clock that is wound by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tapwater_server.model.budget import Budget, Does, Every, Mark, Scope, ScopeKind, Step
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Invocation, Verb
from tapwater_server.ports.meter import Record, Use
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")
DAY_S = 86_400.0
HELLO = Function(
    id=FunctionId(SHOP, "users/hello"),
    kind=Kind.RESTFUL,
    style=Style.VERBS,
    file="users/restful/hello.py",
    group="users",
    limits=FunctionLimits(memory_bytes=128 << 20, timeout_s=10.0),
)
OF_SHOP = Scope(kind=ScopeKind.APP, app=SHOP)
CALLS = Budget(name="calls", scope=OF_SHOP, every=Every.DAY, limit=3, unit="calls")


class ByTheCall:
    """Prices for tests: a euro a call, and a cent a document written."""

    currency = "EUR"
    is_free = False

    def look_again(self) -> None:
        """They stay."""

    def cost(self, amounts: Any) -> float:
        return float(amounts.get("calls", 0) + amounts.get("doc_writes", 0) / 100)


class World:
    """Accounts and a clock; calls that begin and end when a test says so."""

    def __init__(self) -> None:
        self.clock = ManualClock(now=1_800_000_000.0 // DAY_S * DAY_S + 3600)
        self.projects: dict[str, str] = {}
        self.accounts = Accounts(
            prices=ByTheCall(),
            project_of=lambda app: self.projects.get(app, "default"),
            clock=self.clock,
        )
        self.count = 0

    def put(self, budget: Budget, spent: float = 0.0) -> None:
        account = self.accounts.make(budget)
        account.set(spent, self.clock.now())
        self.accounts.put(account)

    def begin(self, function: Function = HELLO) -> Invocation | None:
        """A call that is let in, or None."""
        self.count += 1
        invocation = Invocation(
            id=InvocationId(str(self.count)),
            revision=RevisionId("r"),
            function=function,
            verb=Verb.HTTP,
        )
        return invocation if self.accounts.admit(invocation) is None else None

    def end(self, invocation: Invocation | None, *, wall_ms: float = 5.0, **said: Any) -> None:
        assert invocation is not None
        id = invocation.function.id
        said = {"used": dict(invocation.used or {}), **said}
        record = Record(
            id=invocation.id,
            at=self.clock.now() - wall_ms / 1e3,
            app=id.app,
            function=id.name,
            revision="r",
            method="GET",
            path="/",
            status=200,
            ending="ok",
            cold=False,
            queue_ms=0.0,
            wall_ms=wall_ms,
            cpu_ms=1.0,
            memory_peak_bytes=0,
            memory_bytes=invocation.function.limits.memory_bytes,
            bytes_in=0,
            bytes_out=0,
            instance="one",
            **said,
        )
        self.accounts.noted(record)

    def spent(self, name: str = "calls") -> float:
        account = self.accounts.get(name)
        assert account is not None
        return account.spent

    def reserved(self, name: str = "calls") -> float:
        account = self.accounts.get(name)
        assert account is not None
        return account.reserved


@pytest.fixture
def world() -> World:
    return World()


def test_without_budgets_nobody_asks(world: World) -> None:
    assert not world.accounts.any
    world.put(CALLS)
    assert world.accounts.any
    world.accounts.remove("calls")
    assert not world.accounts.any


def test_the_call_after_the_last_is_refused(world: World) -> None:
    world.put(CALLS)
    for _ in range(3):
        world.end(world.begin())
    assert world.begin() is None
    assert (world.spent(), world.reserved(), world.accounts.held) == (3, 0, 0)


def test_calls_at_the_same_time_do_not_go_beyond(world: World) -> None:
    world.put(CALLS)
    running = [world.begin() for _ in range(200)]
    assert sum(one is not None for one in running) == 3
    refusal = world.accounts.check(SHOP)
    assert refusal is not None
    assert refusal.ending is Ending.SLOWED  # Those that run may yet cost nothing.
    for one in running[:3]:
        world.end(one)
    refusal = world.accounts.check(SHOP)
    assert refusal is not None
    assert refusal.ending is Ending.BUDGET
    assert "3 calls a day" in str(refusal)


def test_a_new_period_begins_with_nothing(world: World) -> None:
    world.put(CALLS, spent=3)
    assert world.begin() is None
    world.clock.jump(DAY_S)
    assert world.begin() is not None


def test_what_ends_is_counted_when_it_ends(world: World) -> None:
    """As the ledger does it: a call over midnight is of the day in which it ended."""
    world.put(CALLS)
    running = world.begin()
    world.clock.jump(DAY_S)
    world.end(running, wall_ms=DAY_S * 1e3)
    assert (world.spent(), world.reserved()) == (1, 0)


def test_a_clock_set_back_keeps_what_was_spent_until_the_ledger_is_asked(world: World) -> None:
    world.put(CALLS, spent=3)
    world.clock.jump(-2 * DAY_S)
    assert world.begin() is None
    account = world.accounts.get("calls")
    assert account is not None
    assert account.stale
    account.set(0.0, world.clock.now())
    assert world.begin() is not None


def test_a_raised_limit_lets_in_at_once(world: World) -> None:
    world.put(CALLS, spent=3)
    opened: list[bool] = []
    world.accounts.when_opened(lambda: opened.append(world.accounts.is_closed(SHOP, "users/hello")))
    assert world.accounts.is_closed(SHOP, "users/hello")
    world.accounts.change(replace(CALLS, limit=5))
    assert opened == [False]
    assert world.begin() is not None


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        (Scope(kind=ScopeKind.NODE), True),
        (Scope(kind=ScopeKind.PROJECT, project="retail"), True),
        (Scope(kind=ScopeKind.PROJECT, project="default"), False),
        (OF_SHOP, True),
        (Scope(kind=ScopeKind.APP, app=AppId("other")), False),
        (Scope(kind=ScopeKind.FUNCTION, app=SHOP, function="users/hello"), True),
        (Scope(kind=ScopeKind.FUNCTION, app=SHOP, function="users/other"), False),
    ],
)
def test_use_goes_to_the_budgets_it_is_about(world: World, scope: Scope, counts: bool) -> None:
    world.projects["shop"] = "retail"
    world.put(replace(CALLS, scope=scope))
    world.end(world.begin())
    assert world.spent() == counts


def test_the_tightest_of_several_budgets_decides(world: World) -> None:
    world.put(replace(CALLS, name="wide", limit=100))
    world.put(replace(CALLS, name="tight", limit=1))
    world.end(world.begin())
    assert world.begin() is None
    assert world.reserved("wide") == 0  # What was refused holds nothing.


def test_a_browsers_use_counts_for_the_app_and_one_within_a_call_only_once(world: World) -> None:
    world.put(replace(CALLS, unit="doc_writes"))
    for within in ("", "some call"):
        use = Use(at=world.clock.now(), app="shop", quantity="doc_writes", amount=2, within=within)
        world.accounts.used(use)
    running = world.begin()
    assert running is not None
    running.used = {"doc_writes": 1.0}
    world.end(running)
    assert world.spent() == 3
    assert world.accounts.check(SHOP) is not None


def test_one_call_that_writes_without_end_is_stopped(world: World) -> None:
    world.put(replace(CALLS, unit="doc_writes", limit=10))
    running = world.begin()
    assert running is not None
    running.used = {}
    writes = 0
    while world.accounts.check(SHOP, "users/hello", call=running.id) is None:
        writes += 1
        running.used["doc_writes"] = float(writes)
    assert writes == 10
    assert world.begin() is None  # It is held, before it is spent.


def test_who_was_let_in_may_go_on_while_there_is_room(world: World) -> None:
    world.put(CALLS)
    running = [world.begin() for _ in range(3)]
    for one in running[:2]:
        world.end(one)
    last = running[2]
    assert last is not None
    assert world.accounts.check(SHOP, "users/hello", call=last.id) is None
    assert world.accounts.check(SHOP, "users/hello", call="another") is not None


async def test_a_call_that_has_run_through_the_budget_reads_no_more(world: World) -> None:
    world.put(replace(CALLS, unit="gb_s", limit=1.0))
    running = world.begin()
    assert running is not None
    await world.clock.advance(7.9)
    assert world.accounts.check(SHOP, "users/hello", call=running.id) is None
    await world.clock.advance(0.2)
    assert world.accounts.check(SHOP, "users/hello", call=running.id) is not None


def test_money_is_over_all_that_costs(world: World) -> None:
    world.put(replace(CALLS, unit="EUR", limit=2))
    running = world.begin()
    assert running is not None
    running.used = {"doc_writes": 100.0}
    world.end(running)
    assert world.spent() == 2
    assert world.begin() is None


GB_S = replace(CALLS, unit="gb_s", limit=2.5)  # Of 128 MiB: 20 seconds, two whole calls.


def test_a_strict_budget_holds_the_most_a_call_can_use(world: World) -> None:
    world.put(replace(GB_S, strict=True))
    running = [world.begin() for _ in range(200)]
    assert sum(one is not None for one in running) == 2
    for one in running[:2]:
        world.end(one, wall_ms=10_000)
    assert world.spent() == pytest.approx(2.5)
    assert world.begin() is None


def test_a_strict_budget_gives_back_what_was_not_used(world: World) -> None:
    world.put(replace(GB_S, strict=True))
    for _ in range(100):
        world.end(world.begin(), wall_ms=8)
    assert world.spent() == pytest.approx(0.1)


def test_a_call_without_a_time_limit_holds_all_that_is_left(world: World) -> None:
    endless = replace(HELLO, limits=replace(HELLO.limits, timeout_s=None))
    world.put(GB_S)
    running = world.begin(endless)
    assert world.reserved() == pytest.approx(2.5)
    assert world.begin(endless) is None
    world.end(running)
    assert world.begin(endless) is not None


def test_otherwise_it_holds_what_calls_used_lately(world: World) -> None:
    world.put(GB_S)
    for _ in range(50):
        world.end(world.begin(), wall_ms=8)
    began = [world.begin() for _ in range(200)]
    assert all(began)
    assert world.reserved() == pytest.approx(0.2)


async def test_what_a_long_call_has_used_is_held_while_it_runs(world: World) -> None:
    world.put(GB_S)
    for _ in range(10):
        world.end(world.begin(), wall_ms=8)
    running = [world.begin() for _ in range(4)]
    await world.clock.advance(5.0)
    world.accounts.tick()
    assert world.reserved() == pytest.approx(2.5)
    assert world.begin() is None
    for one in running:
        world.end(one, wall_ms=5_000)
    assert world.reserved() == pytest.approx(0, abs=1e-9)


def test_slowed_deliveries_wait_and_are_looked_at_again(world: World) -> None:
    slow = (Step(at_percent=50, does=Does.SLOW), Step(at_percent=100, does=Does.REFUSE))
    world.put(replace(CALLS, limit=10, steps=slow), spent=6)
    opened: list[int] = []
    world.accounts.when_opened(lambda: opened.append(1))
    assert world.accounts.is_closed(SHOP, "users/hello")
    world.accounts.tick()
    assert opened == [1]


def test_the_moment_of_slowing_outlives_a_start(world: World) -> None:
    slow = (Step(at_percent=50, does=Does.SLOW), Step(at_percent=100, does=Does.REFUSE))
    budget, now = replace(CALLS, limit=10, steps=slow), world.clock.now()
    account = world.accounts.make(budget)
    mark = Mark(budget="calls", since=account.since, at_percent=50, reached_at=now - 600, spent=5)
    account.recall([mark])
    account.set(6, now)
    assert account.slowed_at == now - 600


async def test_a_clock_that_leaps_holds_nothing_for_years_that_nobody_ran(world: World) -> None:
    """The call goes on after the clock is right again: what is held for it must not stay."""
    world.put(GB_S)
    for _ in range(10):
        world.end(world.begin(), wall_ms=8)
    running = world.begin()
    world.clock.jump(73 * 365 * DAY_S)
    await world.clock.advance(1.0)
    world.accounts.tick()
    assert world.begin() is not None
    world.clock.jump(-73 * 365 * DAY_S)
    world.accounts.tick()
    assert world.reserved() < 1.0
    assert world.begin() is not None
    world.end(running)


def test_slowed_by_a_clock_that_was_ahead_it_opens_in_time(world: World) -> None:
    slow = (Step(at_percent=50, does=Does.SLOW), Step(at_percent=100, does=Does.REFUSE))
    world.clock.jump(15 * 3600.0)
    world.put(replace(CALLS, limit=100, steps=slow), spent=50)
    account = world.accounts.get("calls")
    assert account is not None
    assert account.slowed_at == world.clock.now()
    world.clock.jump(-15 * 3600.0)
    verdict = account.judge(world.clock.now(), wanted=0.0)
    assert verdict.again_s < 3600.0, "half is left for the day: a call every half hour"


def test_money_that_is_not_the_tariffs_any_more_limits_nothing(world: World) -> None:
    world.put(replace(CALLS, unit="USD", limit=0.5))
    for _ in range(3):
        world.end(world.begin())
    assert world.spent() == 0


def test_crossing_a_step_is_told_at_once(world: World) -> None:
    world.put(CALLS)
    crossed: list[float] = []
    told: Callable[[], None] = lambda: crossed.append(world.spent())  # noqa: E731
    world.accounts.when_crossed(told)
    for _ in range(3):
        world.end(world.begin())
    assert crossed == [2, 3]  # 50 % is one and a half; 80 % and 100 % come together.
