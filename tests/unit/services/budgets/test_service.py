"""Setting budgets: how many there may be, of one scope and of one app."""

from dataclasses import dataclass

import pytest

from tapwater_server.backends.memory.budgets import MemoryBudgets
from tapwater_server.backends.memory.ledger import MemoryLedger
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.projects import MemoryProjects
from tapwater_server.model.budget import Every
from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.model.project import Project
from tapwater_server.model.tariff import FREE
from tapwater_server.ports.meter import Use
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.drafting import BudgetAsked
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.prices import ListPrices
from tapwater_server.services.budgets.service import (
    OF_ONE_APP_MAX,
    OF_ONE_SCOPE_MAX,
    BudgetService,
)
from tapwater_server.testing.clock import ManualClock

ADMIN = Principal(name="admin", admin=True)
CI = Principal(name="ci", apps=frozenset({AppId("shop")}))


@dataclass(frozen=True)
class World:
    service: BudgetService
    budgets: MemoryBudgets
    meter: MemoryMeter
    ledger: MemoryLedger
    projects: MemoryProjects
    clock: ManualClock


@pytest.fixture
def world() -> World:
    meter, projects = MemoryMeter(), MemoryProjects()
    ledger = MemoryLedger(meter, project_of=projects.of)
    return opened(ManualClock(), meter, ledger, projects, MemoryBudgets())


def opened(
    clock: ManualClock,
    meter: MemoryMeter,
    ledger: MemoryLedger,
    projects: MemoryProjects,
    budgets: MemoryBudgets,
) -> World:
    accounts = Accounts(prices=ListPrices(lambda: FREE), project_of=projects.of, clock=clock)
    service = BudgetService(
        budgets=budgets,
        projects=projects,
        accounts=accounts,
        filling=Filling(meter=meter, ledger=ledger, clock=clock),
        clock=clock,
    )
    return World(service, budgets, meter, ledger, projects, clock)


def asked(*, app: str = "", function: str = "") -> BudgetAsked:
    return BudgetAsked(limit=5.0, unit="calls", app=app, function=function)


async def test_a_call_is_never_weighed_in_more_than_so_many(world: World) -> None:
    for number in range(OF_ONE_SCOPE_MAX):
        await world.service.put(CI, f"shop.{number}", asked(app="shop"))
    with pytest.raises(Overloaded, match="of the app shop already"):
        await world.service.put(CI, "shop.more", asked(app="shop"))
    with pytest.raises(Overloaded):
        await world.service.put(ADMIN, "more", asked(app="shop"))
    assert (await world.service.put(CI, "shop.0", asked(app="shop"))).budget.name == "shop.0"
    await world.service.put(ADMIN, "node", asked())
    with pytest.raises(Overloaded):
        await world.service.put(ADMIN, "node", asked(app="shop"))
    assert len(world.budgets.all()) == OF_ONE_SCOPE_MAX + 1


async def test_one_app_does_not_take_the_room_of_all(world: World) -> None:
    for number in range(OF_ONE_APP_MAX):
        await world.service.put(CI, f"shop.{number}", asked(function=f"shop:api/f{number}"))
    with pytest.raises(Overloaded, match="shop and its functions"):
        await world.service.put(CI, "shop.more", asked(function="shop:api/more"))
    await world.service.put(ADMIN, "other", asked(app="other"))


async def test_a_start_knows_what_was_spent_of_each_scope(world: World) -> None:
    await world.projects.put(Project(name="retail", apps=(AppId("shop"), AppId("till"))))
    for app, function, count in (
        ("shop", "api/a", 1),
        ("shop", "api/b", 2),
        ("shop", "", 4),  # by browsers
        ("till", "api/a", 8),
        ("blog", "api/a", 16),
    ):
        now = world.clock.now()
        use = Use(at=now, app=app, function=function, quantity="calls", amount=count)
        world.meter.use(use)
    for name, said in {
        "node": asked(),
        "retail": BudgetAsked(limit=5.0, unit="calls", project="retail"),
        "shop": asked(app="shop"),
        "shop.a": asked(function="shop:api/a"),
        "shop.day": BudgetAsked(limit=5.0, unit="calls", app="shop", every=Every.DAY),
        "none": asked(function="shop:api/none"),
    }.items():
        await world.service.put(ADMIN, name, said)
    before = {one.budget.name: one.spent for one in world.service.all(ADMIN)}
    wanted = {"node": 31, "retail": 15, "shop": 7, "shop.a": 1, "shop.day": 7, "none": 0}
    assert before == wanted
    again = opened(world.clock, world.meter, world.ledger, world.projects, world.budgets)
    await again.service.open()
    assert {one.budget.name: one.spent for one in again.service.all(ADMIN)} == wanted
