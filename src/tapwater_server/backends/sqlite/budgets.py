"""Budgets and their marks in SQLite, answered from memory."""

import sqlite3

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.budget import Budget, Mark
from tapwater_server.model.ids import AppId
from tapwater_server.ports.budgets import HeldBudgets

_ALL = "SELECT body FROM budget"
_MARKS = "SELECT budget, since, at_percent, reached_at, spent, told_at FROM budget_mark"
_PUT = """
INSERT INTO budget (name, body) VALUES (:name, :body)
ON CONFLICT (name) DO UPDATE SET body = :body
"""
_REMOVE = "DELETE FROM budget WHERE name = :name"
_FORGET = "DELETE FROM budget_mark WHERE budget = :name"
_MARK = """
INSERT INTO budget_mark (budget, since, at_percent, reached_at, spent, told_at)
SELECT :budget, :since, :at_percent, :reached_at, :spent, :told_at
WHERE EXISTS (SELECT 1 FROM budget WHERE name = :budget)
ON CONFLICT (budget, since, at_percent) DO UPDATE SET
    reached_at = :reached_at, spent = :spent, told_at = :told_at
"""
_PASSED = "DELETE FROM budget_mark WHERE budget = :budget AND since < :since"


class SqliteBudgets:
    """See the promises of ``ports/budgets.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database, self._held = database, HeldBudgets()
        self.get, self.all, self.marks = self._held.get, self._held.all, self._held.marks
        self.watch = self._held.watch
        database.load(self._load)

    async def put(self, budget: Budget) -> None:
        self._held.check_room_for(budget.name)
        row = {"name": budget.name, "body": msgspec.json.encode(budget)}
        keeps = self._held.keeps_marks(budget)

        def work(connection: sqlite3.Connection) -> None:
            if not keeps:
                connection.execute(_FORGET, row)
            connection.execute(_PUT, row)

        await self._database.write(work, then=lambda _: self._held.put(budget))

    async def remove(self, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute(_FORGET, {"name": name})
            return connection.execute(_REMOVE, {"name": name}).rowcount > 0

        return await self._database.write(work, then=lambda _: self._held.remove(name))

    async def mark(self, mark: Mark) -> None:
        row = {
            "budget": mark.budget,
            "since": mark.since,
            "at_percent": mark.at_percent,
            "reached_at": mark.reached_at,
            "spent": mark.spent,
            "told_at": mark.told_at,
        }

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PASSED, row)
            connection.execute(_MARK, row)

        await self._database.write(work, then=lambda _: self._held.mark(mark))

    async def erase(self, app: AppId) -> None:
        for name in self._held.of_app(app):
            await self.remove(name)

    def _load(self, connection: sqlite3.Connection) -> None:
        for (body,) in connection.execute(_ALL):
            self._held.put(msgspec.json.decode(body, type=Budget))
        for budget, since, at_percent, reached_at, spent, told_at in connection.execute(_MARKS):
            self._held.mark(
                Mark(
                    budget=budget,
                    since=since,
                    at_percent=at_percent,
                    reached_at=reached_at,
                    spent=spent,
                    told_at=told_at,
                )
            )
