"""What is held for calls that run: an estimate at first, then what they have really used so far."""

from math import inf

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.usage_single import AmountsOf
from tapwater_server.ports.meter import Record
from tapwater_server.services.budgets.account import Account

# As TCP judges how long an answer may take (RFC 6298): a mean, and how far from it calls are.
MEAN_SHARE, SPREAD_SHARE, SPREADS = 0.125, 0.25, 4.0


_ONE_CALL = {"calls": 1.0}


class Line:
    """A function, or an app as a whole, and the accounts that its use goes to."""

    __slots__ = ("_function", "_worst", "accounts", "acting", "means", "spreads")

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts
        self.acting = any(account.acts for account in accounts)
        self.means: list[float | None] = [None] * len(accounts)
        self.spreads = [0.0] * len(accounts)
        self._function: Function | None = None
        self._worst: tuple[float, ...] = ()

    def estimates(self, function: Function) -> list[float]:
        """Say what is held for a call, of each account: what hardly any such call used more than
        lately; the most it can use where that is not known, or the budget is strict.
        """
        held: list[float] = []
        for place, account in enumerate(self.accounts):
            mean = self.means[place]
            if not account.acts:
                held.append(0.0)
            elif mean is None or account.budget.strict:
                worst = self.worst(function)[place]
                held.append(account.left if worst == inf else worst)
            else:
                held.append(mean + SPREADS * self.spreads[place])
        return held

    def worst(self, function: Function) -> tuple[float, ...]:
        """Say the most that a call can use by running: inf for one that has no time limit."""
        if self._function is not function:
            self._function = function
            if function.limits.timeout_s is None:
                self._worst = tuple(self._endless(account) for account in self.accounts)
            else:
                most = AmountsOf(so_far(function, function.limits.timeout_s, {}))
                self._worst = tuple(account.weigh(most) for account in self.accounts)
        return self._worst

    def needs(self, place: int) -> float:
        """Say how much must fit for a call to be let in, as far as is known."""
        worst = self._worst[place] if self._worst else 0.0
        return worst if self.accounts[place].budget.strict and worst != inf else 0.0

    def learn(self, place: int, amount: float) -> None:
        """Note what a call used in the end."""
        mean = self.means[place]
        if mean is None:
            self.means[place] = amount
            return
        off = amount - mean
        self.spreads[place] += SPREAD_SHARE * (abs(off) - self.spreads[place])
        self.means[place] = mean + MEAN_SHARE * off

    def learn_from(self, before: "Line") -> None:
        """Take over what is known of the accounts that both have."""
        known = zip(before.accounts, before.means, before.spreads, strict=True)
        of = {account: (mean, spread) for account, mean, spread in known}
        nothing = (None, 0.0)
        self.means = [of.get(account, nothing)[0] for account in self.accounts]
        self.spreads = [of.get(account, nothing)[1] for account in self.accounts]

    def _endless(self, account: Account) -> float:
        """A call without a time limit is still one call: only what grows with time has no end."""
        return account.weigh(_ONE_CALL) if account.budget.unit == "calls" else inf


class Hold:
    """What is held for one call, and what it has used of that so far."""

    __slots__ = ("amounts", "at", "invocation", "line", "used")

    def __init__(self, line: Line, held: list[float], invocation: Invocation, at: float) -> None:
        self.line, self.amounts, self.invocation, self.at = line, held, invocation, at
        self.used: list[float] = []
        for account, amount in zip(line.accounts, held, strict=True):
            account.reserved += amount

    def raise_to(self, now: float) -> None:
        """Look at what the call has used by now, and hold that where it is more."""
        used = AmountsOf(
            so_far(self.invocation.function, now - self.at, self.invocation.used or {})
        )
        self.used = [account.weigh(used) for account in self.line.accounts]
        for place, account in enumerate(self.line.accounts):
            more = self.used[place] - self.amounts[place]
            if account.acts and more > 0:
                account.reserved += more
                self.amounts[place] += more

    def of(self, account: Account) -> tuple[float, float]:
        """Give what is held, and what has come to be used since it was let in: that it is a call
        at all was looked at then.
        """
        place = self.line.accounts.index(account)
        used = self.used[place] - account.weigh(_ONE_CALL)
        return self.amounts[place], max(0.0, used)

    def release(self) -> None:
        for account, amount in zip(self.line.accounts, self.amounts, strict=True):
            account.reserved -= amount


def so_far(function: Function, ran_s: float, used: dict[str, float]) -> Record:
    """Write down a call as if it ended now, with its processors and memory all used."""
    limits = function.limits
    return Record(
        id="",
        at=0.0,
        app="",
        function="",
        revision="",
        method="",
        path="",
        status=0,
        ending="ok",
        cold=False,
        queue_ms=0.0,
        wall_ms=ran_s * 1e3,
        cpu_ms=ran_s * 1e3 * limits.cpu_share,
        memory_peak_bytes=limits.memory_bytes,
        memory_bytes=limits.memory_bytes,
        bytes_in=0,
        bytes_out=0,
        instance="one",
        used=used,
    )
