"""Tells of budgets whose steps were reached: functions by an event, people by mail and webhook."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from tapwater_server.model.budget import Budget, Does, Mark, ScopeKind, Step
from tapwater_server.model.budget_verdict import reached
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft
from tapwater_server.ports.budgets import Budgets
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.mail import Post
from tapwater_server.ports.notifier import Hook, Notice, Notifier
from tapwater_server.services.budgets.account import Account
from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.services.budgets.filling import Filling
from tapwater_server.services.budgets.refusing import amount, limit_of, moment

TYPE = "tapwater.budget.reached"
EVERY_S = 1.0
_log = logging.getLogger(__name__)


class Teller:
    """A loop with a step, once a second and whenever a step may have been reached.

    The event and the mails are in their own durable logs, under names that make a second telling
    nothing, before a mark says that they were told: after a kill -9 all of it is told once.
    Webhooks are carried by the notifier, which tries for a while and keeps no list on disk.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        budgets: Budgets,
        filling: Filling,
        log: EventLog,
        post: Post,
        notifier: Notifier,
        apps_of: Callable[[str], Sequence[AppId]],  # a project -> its apps
        secret_of: Callable[[str], str],  # a budget -> what its webhooks are signed with
        clock: Clock,
    ) -> None:
        self._accounts, self._budgets, self._filling = accounts, budgets, filling
        self._eventlog, self._post, self._notifier = log, post, notifier
        self._apps_of, self._secret_of, self._clock = apps_of, secret_of, clock
        self._stirred = asyncio.Event()
        accounts.when_crossed(self._stirred.set)

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self._stirred.clear()
            try:
                await self.step()
            except Exception:  # The border of a loop's step: a full disk is no end of it.
                _log.exception("budgets could not be looked after")
                await self._clock.sleep(EVERY_S)
            await wait_either(self._stirred, clock=self._clock, seconds=EVERY_S)

    async def step(self) -> int:
        """Begin what is due, tell what was reached; say how many steps were told of."""
        self._accounts.tick()
        told = 0
        for account in self._accounts.all():
            if account.stale:
                await self._filling.fill(account)
            for mark, step in list(self._untold(account)):
                await self._tell(account, mark, step)
                told += 1
        return told

    def _untold(self, account: Account) -> Iterator[tuple[Mark, Step]]:
        budget, now = account.budget, self._clock.now()
        marks = {
            mark.at_percent: mark
            for mark in self._budgets.marks(budget.name)
            if budget.is_marked(mark, since=account.since)
        }
        for step in reached(account.spent, steps=budget.steps, limit=budget.limit):
            mark = marks.get(step.at_percent)
            if mark is None:
                mark = Mark(
                    budget=budget.name,
                    since=account.since,
                    at_percent=step.at_percent,
                    reached_at=now,
                    spent=account.spent,
                )
            if not mark.told_at:
                yield mark, step

    async def _tell(self, account: Account, mark: Mark, step: Step) -> None:
        budget = account.budget
        await self._budgets.mark(mark)  # A slowed budget goes on from this moment after a start.
        facts = facts_of(budget, mark, step, until=account.until)
        events = [self._event(app, mark, facts) for app in self._audience(budget)]
        if events:
            await self._eventlog.append(events)
        for address in budget.mails:
            await self._mail(address, budget, mark, facts)
        if budget.webhooks:
            self._notifier.tell(
                Notice(
                    type=TYPE,
                    app=budget.scope.app,
                    subject=budget.name,
                    title=facts["title"],
                    text=facts["text"],
                    facts=facts,
                    event=False,
                    hooks=tuple(
                        Hook(url=url, secret=self._secret_of(budget.name))
                        for url in budget.webhooks
                    ),
                )
            )
        _log.warning("a budget's step was reached", extra={"budget": budget.name, **facts})
        await self._budgets.mark(replace(mark, told_at=self._clock.now()))

    def _audience(self, budget: Budget) -> Sequence[AppId]:
        """The apps whose functions may know: of the node's money, those alone that are named."""
        scope, own = budget.scope, list[AppId]()
        if scope.kind is ScopeKind.PROJECT:
            own.extend(self._apps_of(scope.project))
        elif scope.kind is not ScopeKind.NODE:
            own.append(scope.app)
        return tuple(dict.fromkeys([*own, *budget.tells]))

    def _event(self, app: AppId, mark: Mark, facts: dict[str, Any]) -> Event:
        return Event(
            id=_name(mark, facts["limit"]),
            app=app,
            type=TYPE,
            source="/budgets",
            subject=mark.budget,
            at=mark.reached_at,
            data=msgspec.json.encode(facts),
        )

    async def _mail(self, address: str, budget: Budget, mark: Mark, facts: dict[str, Any]) -> None:
        """Put a mail into the outbox; one that cannot be written must not stop the others."""
        key = f"{_name(mark, budget.limit)}:{address}"
        draft = Draft(
            to=(address,),
            subject=facts["title"],
            text=facts["text"],
            key=hashlib.sha256(key.encode()).hexdigest(),
        )
        try:
            await self._post.keep(self._post.write(budget.scope.app, draft))
        except TapwaterError as error:
            _log.error(
                "a budget's mail was not taken",
                extra={"budget": budget.name, "to": address, "reason": error.message},
            )


def _name(mark: Mark, limit: float) -> str:
    """Name a telling: the same step may be reached again when the limit was raised."""
    return f"budget:{mark.budget}:{mark.since:.0f}:{mark.at_percent:g}:{limit:g}"


def facts_of(budget: Budget, mark: Mark, step: Step, *, until: float) -> dict[str, Any]:
    """Say what a step means, for machines and for people."""
    share = f"{step.at_percent:g} %"
    does = {
        Does.WARN: "Nothing else happens at this step.",
        Does.SLOW: "From now on, what is left is spread over the rest of the time.",
        Does.REFUSE: "From now on, calls and uses of services are refused.",
    }[step.does]
    renews = moment(until, budget.zone)
    return {
        "budget": budget.name,
        "scope": {
            "kind": budget.scope.kind.value,
            "project": budget.scope.project,
            "app": budget.scope.app,
            "function": budget.scope.function,
        },
        "percent": step.at_percent,
        "does": step.does.value,
        "spent": mark.spent,
        "limit": budget.limit,
        "unit": budget.unit,
        "every": budget.every.value,
        "since": mark.since,
        "until": until,
        "reached_at": mark.reached_at,
        "title": f"Budget {budget.name}: {share} of {limit_of(budget)} are used",
        "text": (
            f"The budget {budget.name!r} of {budget.scope} has come to {amount(mark.spent)} of "
            f"{limit_of(budget)}: {share} were reached at "
            f"{moment(mark.reached_at, budget.zone)}. {does}\n\nIt renews at {renews}. "
            f"`tapwater budgets ls` shows it; `tapwater budgets set {budget.name} --limit …` "
            "raises it.\n"
        ),
    }


def secret_of(key: bytes, budget: str) -> str:
    """Make the secret that signs a budget's webhooks: always the same, and known to nobody else."""
    return hmac.new(key, f"budget\0{budget}".encode(), hashlib.sha256).hexdigest()
