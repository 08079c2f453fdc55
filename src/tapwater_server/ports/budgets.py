"""Budgets, and which of their steps were reached in which period.

BDG-1  put(), remove(), mark() and erase() are durable before they return.
BDG-2  Reads answer from memory; watchers are told after a change of a budget is durable.
BDG-3  A mark is kept with its budget through a new start, and replaced by a later one of the same
       step and period; those of earlier periods go when a later one is marked.
BDG-4  remove() takes the marks along. put() keeps them, unless the budget counts something else.
BDG-5  erase() forgets what holders of an app's own tokens have set of it; what an admin has set
       stays, so that nobody gets rid of it by removing the app.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from tapwater_server.model.budget import Budget, Mark
from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId

BUDGETS_MAX = 10_000


class Budgets(Protocol):
    """See the promises above."""

    def get(self, name: str) -> Budget | None: ...

    def all(self) -> Sequence[Budget]:
        """By name."""
        ...

    def marks(self, name: str) -> Sequence[Mark]:
        """The lowest step first."""
        ...

    async def put(self, budget: Budget) -> None:
        """Add or replace one.

        Raises:
            Overloaded: there are ``BUDGETS_MAX``.
        """
        ...

    async def remove(self, name: str) -> bool: ...

    async def mark(self, mark: Mark) -> None: ...

    async def erase(self, app: AppId) -> None: ...

    def watch(self, told: Callable[[str], None]) -> None:
        """Be told the name of a budget that came, went or changed; not of marks."""
        ...


def counts_same(before: Budget, after: Budget) -> bool:
    """Say whether what was spent of one is what was spent of the other."""
    return (before.scope, before.every, before.unit, before.zone) == (
        after.scope,
        after.every,
        after.unit,
        after.zone,
    )


class HeldBudgets:
    """All of them in memory: what every backend answers from."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._marks: dict[str, tuple[Mark, ...]] = {}
        self._watchers: list[Callable[[str], None]] = []

    def get(self, name: str) -> Budget | None:
        return self._budgets.get(name)

    def all(self) -> Sequence[Budget]:
        return [self._budgets[name] for name in sorted(self._budgets)]

    def marks(self, name: str) -> Sequence[Mark]:
        return self._marks.get(name, ())

    def watch(self, told: Callable[[str], None]) -> None:
        self._watchers.append(told)

    def check_room_for(self, name: str) -> None:
        """Refuse one budget too many."""
        if name not in self._budgets and len(self._budgets) >= BUDGETS_MAX:
            raise Overloaded(f"there are {BUDGETS_MAX} budgets already: remove some")

    def keeps_marks(self, budget: Budget) -> bool:
        """Say whether marks go on to hold when a budget takes the place of the one before."""
        before = self._budgets.get(budget.name)
        return before is not None and counts_same(before, budget)

    def of_app(self, app: AppId) -> Sequence[str]:
        """Name those that erase() forgets."""
        return [
            one.name for one in self._budgets.values() if one.scope.app == app and not one.by_admin
        ]

    def put(self, budget: Budget) -> None:
        if not self.keeps_marks(budget):
            self._marks.pop(budget.name, None)
        self._budgets[budget.name] = budget
        self._tell(budget.name)

    def remove(self, name: str) -> None:
        self._marks.pop(name, None)
        if self._budgets.pop(name, None) is not None:
            self._tell(name)

    def mark(self, mark: Mark) -> None:
        if mark.budget not in self._budgets:
            return
        kept = [
            one
            for one in self._marks.get(mark.budget, ())
            if one.since >= mark.since and (one.since, one.at_percent) != _place(mark)
        ]
        self._marks[mark.budget] = tuple(sorted([*kept, mark], key=_place))

    def _tell(self, name: str) -> None:
        for told in self._watchers:
            told(name)


def _place(mark: Mark) -> tuple[float, float]:
    return mark.since, mark.at_percent
