"""Fills accounts from the ledger: at a start, for a new budget, and after the clock went back."""

from tapwater_server.model.budget import Budget, ScopeKind
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ledger import Ledger, Wanted
from tapwater_server.ports.meter import Meter
from tapwater_server.services.budgets.account import Account

TRIES_MAX = 5


class Filling:
    """Reads what was spent. An account counts by itself from when it is put."""

    def __init__(self, *, meter: Meter, ledger: Ledger, clock: Clock) -> None:
        self._meter, self._ledger, self._clock = meter, ledger, clock

    async def fill(self, account: Account) -> None:
        """Set an account to what the ledger says of its period.

        Sums that were read while calls ended may have them or not. It reads again until none
        did; under a load that never pauses, what ended while it read last is counted besides,
        and perhaps twice: a budget may be early by that, and is never late.
        """
        for left in reversed(range(TRIES_MAX)):
            await self._meter.flush()
            since, added = account.since, account.added
            spent = await self._read(account)
            meanwhile = account.added - added
            if account.since == since and (not meanwhile or not left):
                account.set(spent + meanwhile, self._clock.now())
                return

    async def _read(self, account: Account) -> float:
        budget = account.budget
        wanted = Wanted(
            since=account.since,
            until=account.until,
            project=_project(budget),
            app=budget.scope.app or None,
            function=budget.scope.function or None,
        )
        sums = await self._ledger.sums(wanted)
        return sum(account.weigh(one.amounts) for one in sums)


def _project(budget: Budget) -> str | None:
    return budget.scope.project if budget.scope.kind is ScopeKind.PROJECT else None
