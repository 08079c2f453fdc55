"""One budget's account: what was spent in its period, and what is held for calls that run."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from math import inf

from tapwater_server.model.budget import Budget, Does, Mark, Standing
from tapwater_server.model.budget_period import Period, period_of
from tapwater_server.model.budget_verdict import Limits, Spending, Verdict, decide, state_of
from tapwater_server.model.cron import zone_named
from tapwater_server.services.budgets.prices import Weigh


class Account:
    """Counts in units of the budget. All of it on the loop; nothing here waits or writes.

    ``acts_at`` is what a call is compared with: below it, there is nothing to think about.
    """

    def __init__(
        self, budget: Budget, *, weigh: Weigh, now: float, crossed: Callable[[], None]
    ) -> None:
        self.weigh, self._crossed = weigh, crossed
        self._zone: tzinfo = zone_named(budget.zone)
        self.spent = self.reserved = 0.0
        self.added = 0.0  # by calls, ever: who fills it from the ledger looks whether it moved
        self.stale = True  # until the ledger was asked; and again when the clock went back
        self.slowed_at: float | None = None
        self.begin(budget, period_of(now, budget.every, self._zone))

    def begin(self, budget: Budget, period: Period) -> None:
        """Take a budget's words and a period as they are from now on."""
        self.budget, self.period = budget, period
        self.since, self.until = period.since, period.until
        self.limits = Limits.of(budget)
        self.acts_at = inf if self.limits.acts_at is None else self.limits.acts_at
        self.acts = self.limits.acts_at is not None
        self._set_next()

    def change(self, budget: Budget, now: float) -> None:
        """Let what was spent stand, under new limits."""
        self.begin(budget, self.period)
        if self.limits.slows_at is None or self.spent < self.limits.slows_at:
            self.slowed_at = None
        else:
            self.slowed_at = self.slowed_at or now

    def recall(self, marks: Sequence[Mark]) -> None:
        """Know again since when it is slowed."""
        slows = {step.at_percent for step in self.budget.steps if step.does is Does.SLOW}
        for mark in marks:
            if mark.at_percent in slows and self.budget.is_marked(mark, since=self.since):
                self.slowed_at = mark.reached_at

    def set(self, spent: float, now: float) -> None:
        """Believe the ledger."""
        self.spent, self.stale = spent, False
        self._set_next()
        self._look(now)

    def add(self, amount: float, at: float, now: float) -> None:
        """Count what was used at a time; what was before the period is in the ledger only."""
        if not self.since <= now < self.until:
            self.roll(now)
        if amount and self.since <= at < self.until:
            self.added += amount
            self.spent += amount
            if self.spent >= self._next_at:
                self._look(now)

    def roll(self, now: float) -> None:
        """Begin the period that the clock is in."""
        period = period_of(now, self.budget.every, self._zone)
        if period.since < self.since:
            self.stale = True  # What was counted stays, until the ledger has been asked.
        else:
            self.spent, self.slowed_at = 0.0, None
        self.begin(self.budget, period)
        self._look(now)

    def judge(
        self, now: float, *, reserved: float | None = None, extra: float = 0.0, wanted: float = 0.0
    ) -> Verdict:
        """Judge one more use. ``extra`` was used and is not counted yet."""
        if not self.since <= now < self.until:
            self.roll(now)
        held = self.reserved if reserved is None else reserved
        if self.spent + held + extra + wanted < self.acts_at:
            return _ADMITTED
        spending = Spending(
            spent=self.spent + extra,
            reserved=max(0.0, held),
            now=now,
            since=self.since,
            until=self.until,
            wanted=wanted,
            slowed_at=self.slowed_at,
        )
        return decide(
            spending, limits=self.limits, steps=self.budget.steps, limit=self.budget.limit
        )

    @property
    def left(self) -> float:
        """How much may still be used until it refuses, or slows."""
        end = self.limits.refuses_at
        return max(0.0, (self.acts_at if end is None else end) - self.spent - self.reserved)

    def standing(self, now: float, marks: Sequence[Mark]) -> Standing:
        """Show it."""
        if not self.since <= now < self.until:
            self.roll(now)
        budget = self.budget
        state = state_of(self.spent, limits=self.limits, steps=budget.steps, limit=budget.limit)
        return Standing(
            budget=budget,
            spent=self.spent,
            reserved=max(0.0, self.reserved),
            since=self.since,
            until=self.until,
            state=state.value,
            marks=tuple(mark for mark in marks if budget.is_marked(mark, since=self.since)),
        )

    def _set_next(self) -> None:
        above = [at for at in map(self.budget.at, self.budget.steps) if at > self.spent]
        self._next_at = min(above, default=inf)

    def _look(self, now: float) -> None:
        """See whether steps were reached; who tells of them is called."""
        slows_at = self.limits.slows_at
        if slows_at is not None and self.spent >= slows_at and self.slowed_at is None:
            self.slowed_at = now
        self._set_next()
        self._crossed()


_ADMITTED = Verdict(
    state=state_of(
        0.0, limits=Limits(refuses_at=None, slows_at=None, acts_at=None), steps=(), limit=1.0
    )
)
