"""Serves budgets: /budgets of the node's API."""

from collections.abc import Callable, Sequence
from typing import Any

from tapwater_server.model.budget import UNITS, Mark, Standing
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.drafting import BudgetAsked
from tapwater_server.services.budgets.service import BudgetService
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Who

Said = dict[str, Any]
_ONE = "/budgets/{name}"


class BudgetsApi:
    """Translates; the service decides."""

    def __init__(
        self, *, service: BudgetService, accounts: Accounts, secret_of: Callable[[str], str]
    ) -> None:
        self._service, self._prices, self._secret_of = service, accounts.prices, secret_of

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/budgets",
                says="List budgets by name, with what is spent of each.",
                handler=self._list,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="GET",
                path=_ONE,
                says="Show a budget.",
                handler=self._get,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="PUT",
                path=_ONE,
                says="Set a budget. Its limit holds from this moment on.",
                handler=self._put,
                who=Who.HOLDER,
                takes=BudgetAsked,
            ),
            Endpoint(
                method="DELETE",
                path=_ONE,
                says="Remove a budget.",
                handler=self._remove,
                who=Who.HOLDER,
            ),
        )

    async def _list(self, asked: Asked) -> Said:
        return {
            "currency": self._prices.currency,
            "free": self._prices.is_free,
            "budgets": [says(one) for one in self._service.all(asked.who)],
        }

    async def _get(self, asked: Asked) -> Said:
        return self._whole(self._service.get(asked.who, asked.params["name"]))

    async def _put(self, asked: Asked) -> Said:
        said = await asked.body(BudgetAsked)
        return self._whole(await self._service.put(asked.who, asked.params["name"], said))

    async def _remove(self, asked: Asked) -> None:
        await self._service.remove(asked.who, asked.params["name"])

    def _whole(self, standing: Standing) -> Said:
        """With what its webhooks are signed with, for whoever checks them."""
        said = says(standing)
        if standing.budget.webhooks:
            said["webhook_secret"] = self._secret_of(standing.budget.name)
        note = self._note(standing.budget.unit)
        return {**said, "note": note} if note else said

    def _note(self, unit: str) -> str:
        if unit == self._prices.currency:
            free = (
                "the node's tariff is free: this budget does not fill; give it prices, or limit "
                "a quantity such as calls"
            )
            return free if self._prices.is_free else ""
        if unit in UNITS:
            return ""
        return f"the node's tariff is in {self._prices.currency} now: this budget does not fill"


def says(standing: Standing) -> Said:
    """Write a budget down."""
    budget = standing.budget
    scope = budget.scope
    return {
        "name": budget.name,
        "scope": scope.kind.value,
        "project": scope.project,
        "app": scope.app,
        "function": f"{scope.app}:{scope.function}" if scope.function else "",
        "every": budget.every.value,
        "zone": budget.zone,
        "unit": budget.unit,
        "limit": budget.limit,
        "spent": standing.spent,
        "reserved": standing.reserved,
        "since": standing.since,
        "until": standing.until,
        "state": standing.state,
        "strict": budget.strict,
        "steps": [{"at": step.at_percent, "does": step.does.value} for step in budget.steps],
        "reached": [_mark_says(mark) for mark in standing.marks],
        "mails": list(budget.mails),
        "webhooks": list(budget.webhooks),
        "tells": list(budget.tells),
        "by_admin": budget.by_admin,
        "set_by": budget.set_by,
    }


def _mark_says(mark: Mark) -> Said:
    return {
        "at": mark.at_percent,
        "reached_at": mark.reached_at,
        "spent": mark.spent,
        "told": bool(mark.told_at),
    }
