"""Budgets in memory: the reference."""

from tapwater_server.model.budget import Budget, Mark
from tapwater_server.model.ids import AppId
from tapwater_server.ports.budgets import HeldBudgets


class MemoryBudgets:
    """See the promises of ``ports/budgets.py``."""

    def __init__(self) -> None:
        self._held = HeldBudgets()
        self.get, self.all, self.marks = self._held.get, self._held.all, self._held.marks
        self.watch = self._held.watch

    async def put(self, budget: Budget) -> None:
        self._held.check_room_for(budget.name)
        self._held.put(budget)

    async def remove(self, name: str) -> bool:
        there = self._held.get(name) is not None
        self._held.remove(name)
        return there

    async def mark(self, mark: Mark) -> None:
        self._held.mark(mark)

    async def erase(self, app: AppId) -> None:
        for name in self._held.of_app(app):
            self._held.remove(name)
