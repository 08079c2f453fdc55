"""What can be done with budgets: see them, set them, remove them; and who may do so."""

import asyncio
import logging
from collections.abc import Sequence

from tapwater_server.model.budget import Budget, ScopeKind, Standing
from tapwater_server.model.errors import NotAllowed, NotFound, Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.budgets import Budgets, counts_same
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.projects import Projects
from tapwater_server.services.budgets.account import Account
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.drafting import BudgetAsked, budget_of
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.prices import weigh_in

# A call is weighed in each budget it counts in, some 2 us each: without a ceiling, who has a token
# of one app could hold up the node. And nobody takes all the room that there is for budgets.
OF_ONE_SCOPE_MAX = 20
OF_ONE_APP_MAX = 1_000
_log = logging.getLogger(__name__)


class BudgetService:
    """A deploy token sees what can stop its apps, and sets budgets of them under names of theirs;
    what an admin has set it neither changes nor removes.
    """

    def __init__(
        self,
        *,
        budgets: Budgets,
        projects: Projects,
        accounts: Accounts,
        filling: Filling,
        clock: Clock,
    ) -> None:
        self._budgets, self._projects = budgets, projects
        self._accounts, self._filling, self._clock = accounts, filling, clock
        self._changing = asyncio.Lock()  # What is kept and what is obeyed change together.

    async def open(self) -> None:
        """Fill the accounts of all budgets; to be done before anything is admitted."""
        accounts: list[Account] = []
        for budget in self._budgets.all():
            account = self._accounts.make(budget)
            if weigh_in(budget.unit, self._accounts.prices) is None:
                _log.error(
                    "a budget's unit means nothing any more: it limits nothing",
                    extra={"budget": budget.name, "unit": budget.unit},
                )
            account.recall(self._budgets.marks(budget.name))
            accounts.append(account)
        await self._filling.fill_all(accounts)
        for account in accounts:
            self._accounts.put(account)

    def all(self, who: Principal) -> Sequence[Standing]:
        return [
            self._standing(account)
            for account in sorted(self._accounts.all(), key=lambda one: one.budget.name)
            if self._may_see(who, account.budget)
        ]

    def get(self, who: Principal, name: str) -> Standing:
        """Find one.

        Raises:
            NotFound: there is none that this caller may know of.
        """
        return self._standing(self._found(who, name))

    async def put(self, who: Principal, name: str, asked: BudgetAsked) -> Standing:
        """Set one. What was spent in its period counts from the start.

        Raises:
            Invalid: something is wrong with it.
            NotAllowed: it is for an admin to set.
            Overloaded: there are as many as may be.
        """
        budget = budget_of(
            asked, name=name, prices=self._accounts.prices, by_admin=who.admin, set_by=who.name
        )
        self._require_setting(who, budget)
        async with self._changing:
            account = self._accounts.get(name)
            if account is not None:
                self._require_changing(who, account.budget)
            self._require_room(budget)
            await self._budgets.put(budget)
            if account is not None and counts_same(account.budget, budget):
                self._accounts.change(budget)
            else:
                account = self._accounts.make(budget)
                self._accounts.put(account)  # It counts from here on; what was before is filled in.
                await self._filling.fill(account)
            return self._standing(account)

    async def remove(self, who: Principal, name: str) -> None:
        """Remove one.

        Raises:
            NotFound: there is none that this caller may know of.
            NotAllowed: an admin has set it.
        """
        async with self._changing:
            self._require_changing(who, self._found(who, name).budget)
            await self._budgets.remove(name)
            self._accounts.remove(name)

    async def erase(self, app: AppId) -> None:
        """Forget what holders of the app's own tokens have set."""
        async with self._changing:
            before = {budget.name for budget in self._budgets.all()}
            await self._budgets.erase(app)
            for name in before - {budget.name for budget in self._budgets.all()}:
                self._accounts.remove(name)

    def _found(self, who: Principal, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None or not self._may_see(who, account.budget):
            raise NotFound(f"there is no budget {name[:80]!r}")
        return account

    def _may_see(self, who: Principal, budget: Budget) -> bool:
        """Say whether a budget can stop an app of theirs, the node's aside."""
        if who.admin:
            return True
        if budget.scope.kind is ScopeKind.PROJECT:
            return any(self._projects.of(app) == budget.scope.project for app in who.apps)
        return budget.scope.app in who.apps

    def _require_setting(self, who: Principal, budget: Budget) -> None:
        if who.admin:
            return
        if budget.scope.app not in who.apps or any(app not in who.apps for app in budget.tells):
            raise NotAllowed("this token sets budgets of its own apps and their functions only")
        if not budget.name.startswith(f"{budget.scope.app}."):
            raise NotAllowed(
                f"with this token, a budget of {budget.scope.app} has a name that begins with "
                f"{budget.scope.app}. (as in {budget.scope.app}.monthly)"
            )

    def _require_changing(self, who: Principal, budget: Budget) -> None:
        if not who.admin and (budget.by_admin or not self._may_see(who, budget)):
            raise NotAllowed(f"an admin has set the budget {budget.name!r}: ask one to change it")

    def _require_room(self, budget: Budget) -> None:
        scope, before = budget.scope, self._budgets.get(budget.name)
        if before is not None and before.scope == scope:
            return
        others = [one for one in self._budgets.all() if one.name != budget.name]
        if sum(one.scope == scope for one in others) >= OF_ONE_SCOPE_MAX:
            raise Overloaded(f"there are {OF_ONE_SCOPE_MAX} budgets of {scope} already")
        if scope.app and sum(one.scope.app == scope.app for one in others) >= OF_ONE_APP_MAX:
            raise Overloaded(f"{scope.app} and its functions have {OF_ONE_APP_MAX} budgets already")

    def _standing(self, account: Account) -> Standing:
        return account.standing(self._clock.now(), self._budgets.marks(account.budget.name))
