"""What is said to whoever a budget keeps out."""

from dataclasses import dataclass
from datetime import datetime

from tapwater_server.model.budget import Budget
from tapwater_server.model.budget_verdict import AGAIN_S, Verdict
from tapwater_server.model.cron import zone_named
from tapwater_server.model.errors import BudgetExhausted, BudgetSlowed
from tapwater_server.model.invocation import Ending
from tapwater_server.services.budgets.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Whose account has no room, and for how long."""

    account: Account
    verdict: Verdict

    @property
    def ending(self) -> Ending:
        return Ending.BUDGET if self.verdict.for_good else Ending.SLOWED

    def __str__(self) -> str:
        budget = self.account.budget
        said = f"the budget {budget.name!r} of {budget.scope} ({limit_of(budget)})"
        if self.verdict.for_good:
            return f"{said} is used up; it renews at {moment(self.account.until, budget.zone)}"
        if self.verdict.again_s <= AGAIN_S:
            return f"{said} is nearly used up, and what is left is held for calls that run now"
        return (
            f"{said} is nearly used up: what is left is spread over the rest of the {budget.every}"
        )

    def error(self) -> BudgetExhausted | BudgetSlowed:
        """The same for a service."""
        kind = BudgetExhausted if self.verdict.for_good else BudgetSlowed
        return kind(str(self), retry_after_s=self.verdict.again_s, budget=self.account.budget.name)


def limit_of(budget: Budget) -> str:
    """Say a limit as a person would.

    >>> from tapwater_server.model.budget import Every, Scope, ScopeKind
    >>> scope = Scope(kind=ScopeKind.NODE)
    >>> limit_of(Budget(name="b", scope=scope, every=Every.DAY, limit=1e6, unit="calls"))
    '1,000,000 calls a day'
    """
    return f"{amount(budget.limit)} {budget.unit} a {budget.every}"


def amount(number: float) -> str:
    """Write an amount without needless digits.

    >>> amount(5.0), amount(0.123456789), amount(1234.5)
    ('5', '0.123457', '1,234.5')
    """
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.6f}".rstrip("0") if abs(number) >= 1e-4 else f"{number:.3g}"


def moment(at: float, zone: str) -> str:
    """Write a time as the clock in its zone shows it."""
    return datetime.fromtimestamp(at, zone_named(zone)).isoformat(timespec="seconds")
