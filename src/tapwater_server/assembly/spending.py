"""What budgets need before anything is let in: projects, the budgets, and their filled accounts."""

from collections.abc import Callable
from datetime import UTC, datetime

from tapwater_server.assembly.parts.billing import open_shelf
from tapwater_server.assembly.settings import Settings
from tapwater_server.assembly.stores import Stores
from tapwater_server.model.tariff import Tariff
from tapwater_server.ports.clock import Clock
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.prices import ListPrices
from tapwater_server.services.budgets.service import BudgetService
from tapwater_server.services.budgets.spending import Spending


async def open_spending(settings: Settings, stores: Stores, *, clock: Clock) -> Spending:
    """Fill the accounts from the ledger, then listen to the meter."""
    prices = ListPrices(own_tariff(settings, clock))
    accounts = Accounts(prices=prices, project_of=stores.projects.of, clock=clock)
    filling = Filling(meter=stores.meter, ledger=stores.ledger, clock=clock)
    service = BudgetService(
        budgets=stores.budgets,
        projects=stores.projects,
        accounts=accounts,
        filling=filling,
        clock=clock,
    )
    stores.meter.when_noted(accounts.noted)
    stores.meter.when_used(accounts.used)
    stores.projects.watch(accounts.look_up_again)
    await service.open()
    return Spending(budgets=stores.budgets, accounts=accounts, filling=filling, service=service)


def own_tariff(settings: Settings, clock: Clock) -> Callable[[], Tariff]:
    shelf = open_shelf(settings)
    return lambda: shelf.own(f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m}")
