"""What there must be of budgets before anything is let in."""

from dataclasses import dataclass

from tapwater_server.ports.budgets import Budgets
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.service import BudgetService


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The accounts that admission asks, what fills them, and the service that sets them up."""

    budgets: Budgets
    accounts: Accounts
    filling: Filling
    service: BudgetService
