"""All accounts of a node: who may be let in, what was used, what is to be told.

Asked before each call and each use of a service, and told of each: all of it from memory. What it
counts is what the ledger adds up, by the same rules; at a start it is filled from there.
"""

from collections.abc import Callable, Iterable, Mapping

from tapwater_server.model.budget import Budget, Scope, ScopeKind
from tapwater_server.model.budget_verdict import AGAIN_S, Verdict
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.usage_single import AmountsOf
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Record, Use
from tapwater_server.services.budgets.account import Account
from tapwater_server.services.budgets.holding import Hold, Line
from tapwater_server.services.budgets.prices import Amounts, Prices, weigh_in
from tapwater_server.services.budgets.refusing import Refusal

LINES_MAX = 20_000  # Of functions that were called lately; then all are looked up anew.
_LOOK_S = 1.0  # How old a call is when what it has used so far is first looked at.


class Accounts:
    """See above. ``any`` is false where there is no budget: then nobody asks anything."""

    def __init__(self, *, prices: Prices, project_of: Callable[[str], str], clock: Clock) -> None:
        self.prices = prices
        self._project_of, self._clock = project_of, clock
        self._accounts: dict[str, Account] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._before: dict[tuple[str, str], Line] = {}  # what was known before the last change
        self._holds: dict[str, Hold] = {}
        self._crossed: list[Callable[[], None]] = []
        self._opened: list[Callable[[], None]] = []
        self.any = False

    def make(self, budget: Budget) -> Account:
        """Make an account for a budget, to be put and filled. One whose unit means nothing here
        (any more: the tariff has another currency) counts nothing.
        """
        weigh = weigh_in(budget.unit, self.prices) or _nothing
        return Account(budget, weigh=weigh, now=self._clock.now(), crossed=self._tell_crossed)

    def put(self, account: Account) -> None:
        """Begin to obey an account."""
        self._accounts[account.budget.name] = account
        self._changed()

    def change(self, budget: Budget) -> None:
        """Let a budget have other limits; what was spent stands."""
        self._accounts[budget.name].change(budget, self._clock.now())
        self._changed()

    def remove(self, name: str) -> None:
        if self._accounts.pop(name, None) is not None:
            self._changed()

    def get(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def all(self) -> Iterable[Account]:
        return tuple(self._accounts.values())

    def when_crossed(self, told: Callable[[], None]) -> None:
        """Whom to call when a step may have been reached."""
        self._crossed.append(told)

    def when_opened(self, told: Callable[[], None]) -> None:
        """Whom to call when what was closed may be open again."""
        self._opened.append(told)

    def look_up_again(self) -> None:
        """Projects have changed: find anew which accounts a function's use goes to."""
        self._changed()

    def admit(self, invocation: Invocation) -> Refusal | None:
        """Let a call in, and hold what it may use; or say why not."""
        id = invocation.function.id
        line = self._line(id.app, id.name)
        if not line.acting:
            return None
        now, held = self._clock.now(), line.estimates(invocation.function)
        for account, amount in zip(line.accounts, held, strict=True):
            if account.acts and account.spent + account.reserved + amount >= account.acts_at:
                verdict = account.judge(now, wanted=amount if account.budget.strict else 0.0)
                if not verdict.admits:
                    return Refusal(account=account, verdict=verdict)
        self._holds[invocation.id] = Hold(line, held, invocation, self._clock.monotonic())
        return None

    def check(self, app: str, function: str = "", *, call: str = "") -> Refusal | None:
        """Say why a use of a service is not to be; ``call`` is the invocation that asks.

        A call has what is held for it to use; beyond that it takes what others could have.
        """
        line = self._line(app, function)
        if not line.acting:
            return None
        now, hold = self._clock.now(), self._holds.get(call)
        if hold is not None:
            hold.raise_to(self._clock.monotonic())
        for account in line.accounts:
            verdict = self._verdict(account, hold, now) if account.acts else None
            if verdict is not None and not verdict.admits:
                return Refusal(account=account, verdict=verdict)
        return None

    def is_closed(self, app: str, function: str) -> bool:
        """Say whether calls would be refused for longer than a moment."""
        if not self.any:
            return False
        now, line = self._clock.now(), self._line(app, function)
        verdicts = (
            account.judge(now, reserved=0.0, wanted=line.needs(place))
            for place, account in enumerate(line.accounts)
            if account.acts
        )
        return any(not verdict.admits and verdict.again_s > AGAIN_S for verdict in verdicts)

    def noted(self, record: Record) -> None:
        """A call is over: count what it used, give back what was held."""
        if not self.any:
            return
        line, hold = self._line(record.app, record.function), self._holds.pop(record.id, None)
        if line.accounts:
            used, now = AmountsOf(record), self._clock.now()
            for place, account in enumerate(line.accounts):
                amount = account.weigh(used)
                account.add(amount, record.ended_at, now)
                if hold is not None:
                    line.learn(place, amount)
        if hold is not None:
            hold.release()

    def used(self, use: Use) -> None:
        """A service was used outside a call."""
        if not self.any or use.within:
            return
        self.add(use.app, use.function, {use.quantity: use.amount}, at=use.at)

    def add(self, app: str, function: str, used: Mapping[str, float], *, at: float) -> None:
        now = self._clock.now()
        for account in self._line(app, function).accounts:
            account.add(account.weigh(used), at, now)

    def tick(self) -> int:
        """Once a second: begin new periods, look at calls that run long; say how many began."""
        now, rolled = self._clock.now(), 0
        for account in self._accounts.values():
            if not account.since <= now < account.until:
                account.roll(now)
                rolled += 1
        monotonic = self._clock.monotonic()  # How long a call runs is no matter of the date.
        for hold in self._holds.values():
            if monotonic - hold.at >= _LOOK_S:
                hold.raise_to(monotonic)
        if rolled:
            self.prices.look_again()
        if rolled or any(one.acts and _may_open(one.judge(now)) for one in self.all()):
            self._tell_opened()
        return rolled

    @property
    def held(self) -> int:
        """How many calls run for which something is held."""
        return len(self._holds)

    def _verdict(self, account: Account, hold: Hold | None, now: float) -> Verdict:
        if hold is None or account not in hold.line.accounts:
            return account.judge(now)
        held, used = hold.of(account)
        return account.judge(now, reserved=account.reserved - held, extra=used)

    def _line(self, app: str, function: str) -> Line:
        line = self._lines.get((app, function))
        if line is None:
            if len(self._lines) >= LINES_MAX:
                self._lines.clear()
            found = [one for one in self._accounts.values() if self._counts(one, app, function)]
            line = self._lines[app, function] = Line(tuple(found))
            before = self._before.pop((app, function), None)
            if before is not None:
                line.learn_from(before)
        return line

    def _counts(self, account: Account, app: str, function: str) -> bool:
        scope: Scope = account.budget.scope
        match scope.kind:
            case ScopeKind.NODE:
                return True
            case ScopeKind.PROJECT:
                return self._project_of(app) == scope.project
            case ScopeKind.APP:
                return app == scope.app
            case ScopeKind.FUNCTION:
                return app == scope.app and function == scope.function

    def _changed(self) -> None:
        self.any = bool(self._accounts)
        self._before = {**self._before, **self._lines} if len(self._before) < LINES_MAX else {}
        self._lines = {}
        self._tell_opened()

    def _tell_crossed(self) -> None:
        for told in self._crossed:
            told()

    def _tell_opened(self) -> None:
        for told in self._opened:
            told()


def _nothing(used: Amounts) -> float:
    return 0.0


def _may_open(verdict: Verdict) -> bool:
    """Whether waiting helps: it is slowed, or held for calls that run."""
    return not verdict.admits and not verdict.for_good
