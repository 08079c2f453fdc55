"""Fills accounts from the ledger: at a start, for a new budget, and after the clock went back."""

from collections.abc import Iterable, Mapping, Sequence

from tapwater_server.model.budget import Budget, Scope, ScopeKind
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ledger import Ledger, Sums, Wanted
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

    async def fill_all(self, accounts: Sequence[Account]) -> None:
        """Set accounts that nothing is counted to yet, before anything is admitted: one look at
        the ledger for each period, however many budgets there are.
        """
        await self._meter.flush()
        periods: dict[tuple[float, float], list[Account]] = {}
        for account in accounts:
            periods.setdefault((account.since, account.until), []).append(account)
        for (since, until), some in periods.items():
            wanted = Wanted(since=since, until=until, by=("project", "app", "function"))
            of_scope = _by_scope(await self._ledger.sums(wanted))
            for account in some:
                found = of_scope.get(_key(account.budget.scope), ())
                account.set(sum(map(account.weigh, found)), self._clock.now())

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


def _key(scope: Scope) -> tuple[str, ...]:
    return scope.kind, scope.project, scope.app, scope.function


def _by_scope(sums: Iterable[Sums]) -> Mapping[tuple[str, ...], Sequence[Mapping[str, float]]]:
    """Find sums by whatever scope they are of."""
    found: dict[tuple[str, ...], list[Mapping[str, float]]] = {}
    for one in sums:
        project, app, function = one.key
        for key in (
            (ScopeKind.NODE, "", "", ""),
            (ScopeKind.PROJECT, project, "", ""),
            (ScopeKind.APP, "", app, ""),
            (ScopeKind.FUNCTION, "", app, function),
        ):
            found.setdefault(key, []).append(one.amounts)
    return found


def _project(budget: Budget) -> str | None:
    return budget.scope.project if budget.scope.kind is ScopeKind.PROJECT else None
