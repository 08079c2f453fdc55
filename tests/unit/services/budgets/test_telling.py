"""Who is told of a step, and that it is once: over new starts and raised limits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tapwater_server.backends.memory.budgets import MemoryBudgets
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.budget import Budget, Every, Scope, ScopeKind
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter
from tapwater_server.model.tariff import FREE
from tapwater_server.ports.ledger import Sums, Wanted
from tapwater_server.ports.meter import Use
from tapwater_server.ports.notifier import Notice
from tapwater_server.services.budgets.account import Account
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.prices import ListPrices
from tapwater_server.services.budgets.telling import TYPE, Teller, secret_of
from tapwater_server.testing.clock import ManualClock

SHOP, BLOG = AppId("shop"), AppId("blog")
MAILS = Budget(
    name="mails",
    scope=Scope(kind=ScopeKind.APP, app=SHOP),
    every=Every.DAY,
    limit=10,
    unit="mails",
    mails=("ada@example.com",),
    webhooks=("https://example.com/hook",),
)


class Book:
    """A ledger and a meter: what was used is in the sums at once, unless a call comes between."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.between: list[Any] = []  # what happens while sums are read

    async def flush(self) -> None:
        """All is there."""

    async def sums(self, wanted: Wanted) -> Sequence[Sums]:
        spent = self.spent
        if self.between:
            self.between.pop(0)()
        return [Sums(amounts={"mails": spent})]


class Post:
    """Keeps letters by their key, as the outbox does."""

    def __init__(self) -> None:
        self.letters: dict[str, Draft] = {}

    def write(self, app: AppId, draft: Draft) -> Letter:
        if "bad" in draft.to[0]:
            raise Invalid("that is no address")
        self.letters.setdefault(draft.key, draft)
        return Letter(
            id=draft.key, app=app, sender="t@x", recipients=draft.to, to=draft.to[0],
            subject=draft.subject, accepted_at=0.0,
        )  # fmt: skip

    async def keep(self, letter: Letter) -> None:
        assert letter.id in self.letters


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.budgets, self.log = MemoryBudgets(), MemoryEventLog(clock=self.clock)
        self.book, self.post = Book(), Post()
        self.notices: list[Notice] = []
        self.start()

    def start(self) -> None:
        """What is in memory alone is gone."""
        self.accounts = Accounts(
            prices=ListPrices(lambda: FREE), project_of=lambda app: "default", clock=self.clock
        )
        self.filling = Filling(
            meter=self.book,  # type: ignore[arg-type]  # Only flush() is asked.
            ledger=self.book,
            clock=self.clock,
        )
        self.teller = Teller(
            accounts=self.accounts,
            budgets=self.budgets,
            filling=self.filling,
            log=self.log,
            post=self.post,  # type: ignore[arg-type]  # Only write() and keep() are asked.
            notifier=self,  # type: ignore[arg-type]  # Only tell() is asked.
            apps_of=lambda project: (SHOP, BLOG) if project == "retail" else (),
            secret_of=lambda name: secret_of(b"key", name),
            clock=self.clock,
        )

    def tell(self, notice: Notice) -> bool:
        self.notices.append(notice)
        return True

    async def put(self, budget: Budget) -> Account:
        await self.budgets.put(budget)
        account = self.accounts.make(budget)
        account.recall(self.budgets.marks(budget.name))
        self.accounts.put(account)
        await self.filling.fill(account)
        return account

    def use(self, amount: float) -> None:
        self.book.spent += amount
        self.accounts.used(Use(at=self.clock.now(), app="shop", quantity="mails", amount=amount))

    async def events(self) -> list[tuple[str, float]]:
        logged = await self.log.read(after=0, count_max=100)
        assert all(one.event.type == TYPE for one in logged)
        return [(one.event.app, msgspec.json.decode(one.event.data)["percent"]) for one in logged]


@pytest.fixture
def world() -> World:
    return World()


async def test_each_step_is_told_once_everywhere(world: World) -> None:
    await world.put(MAILS)
    world.use(5)
    assert await world.teller.step() == 1
    assert await world.teller.step() == 0
    world.use(5)
    assert await world.teller.step() == 2
    assert await world.events() == [("shop", 50), ("shop", 80), ("shop", 100)]
    assert [draft.subject for draft in world.post.letters.values()] == [
        f"Budget mails: {percent} % of 10 mails a day are used" for percent in (50, 80, 100)
    ]
    assert len(world.notices) == 3
    assert world.notices[0].hooks[0].secret == secret_of(b"key", "mails")


async def test_a_new_start_tells_nothing_again(world: World) -> None:
    await world.put(MAILS)
    world.use(6)
    await world.teller.step()
    world.start()
    assert (await world.put(MAILS)).spent == 6
    assert await world.teller.step() == 0


async def test_who_was_killed_while_telling_tells_again_and_nobody_hears_it_twice(
    world: World,
) -> None:
    await world.put(MAILS)
    world.use(6)
    await world.teller.step()
    [mark] = world.budgets.marks("mails")
    await world.budgets.mark(replace(mark, told_at=0.0))
    world.start()
    await world.put(MAILS)
    assert await world.teller.step() == 1
    assert await world.events() == [("shop", 50)]
    assert len(world.post.letters) == 1


async def test_a_raised_limit_is_told_of_again(world: World) -> None:
    await world.put(MAILS)
    world.use(6)
    await world.teller.step()
    higher = replace(MAILS, limit=100)
    await world.budgets.put(higher)
    world.accounts.change(higher)
    assert await world.teller.step() == 0
    world.use(50)
    assert await world.teller.step() == 1
    assert await world.events() == [("shop", 50), ("shop", 50)]


async def test_each_period_has_tellings_of_its_own(world: World) -> None:
    await world.put(MAILS)
    world.use(6)
    await world.teller.step()
    await world.clock.advance(86_400)
    await world.teller.step()
    world.use(6)
    assert await world.teller.step() == 1
    assert len(await world.events()) == 2


@pytest.mark.parametrize(
    ("scope", "hear"),
    [
        (Scope(kind=ScopeKind.NODE), []),
        (Scope(kind=ScopeKind.PROJECT, project="retail"), ["shop", "blog"]),
        (Scope(kind=ScopeKind.FUNCTION, app=SHOP, function="a/b"), ["shop"]),
    ],
)
async def test_whose_functions_hear_of_it(world: World, scope: Scope, hear: list[str]) -> None:
    world.book.spent = 6
    await world.put(replace(MAILS, scope=scope))
    await world.teller.step()
    assert [app for app, _ in await world.events()] == hear


async def test_a_mail_that_cannot_be_written_stops_nothing(world: World) -> None:
    await world.put(replace(MAILS, mails=("bad@example.com", "ada@example.com")))
    world.use(6)
    assert await world.teller.step() == 1
    assert len(world.post.letters) == 1


async def test_what_is_used_while_sums_are_read_is_counted_once(world: World) -> None:
    world.book.spent = 2
    world.book.between = [lambda: world.use(1)] * 3
    assert (await world.put(MAILS)).spent == 5


async def test_under_a_load_that_never_pauses_it_is_early_and_not_late(world: World) -> None:
    world.book.between = [lambda: world.use(1)] * 10
    account = await world.put(MAILS)
    assert world.book.spent <= account.spent <= world.book.spent + 1


async def test_two_that_fill_at_once_do_not_count_twice(world: World) -> None:
    world.book.spent = 4
    account = await world.put(MAILS)
    await world.filling.fill(account)
    await world.filling.fill(account)
    assert account.spent == 4


async def test_after_the_clock_went_back_the_ledger_is_asked(world: World) -> None:
    account = await world.put(MAILS)
    world.use(6)
    world.clock.jump(-86_400)
    world.book.spent = 1  # Of that day.
    await world.teller.step()
    await world.teller.step()
    assert (account.spent, account.stale) == (1, False)
