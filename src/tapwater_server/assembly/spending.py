"""What budgets need before anything is let in: projects, the budgets, and their filled accounts."""

from tapwater_server.assembly.footing import Footing
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.prices import ListPrices
from tapwater_server.services.budgets.service import BudgetService
from tapwater_server.services.budgets.spending import Spending


async def open_spending(footing: Footing) -> Spending:
    """Fill the accounts from the ledger, then listen to the meter."""
    stores, clock = footing.stores, footing.clock
    prices = ListPrices(footing.tariff)
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
