"""What is held for calls that run: an estimate at first, then what they have really used so far."""

from math import inf

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.usage import amounts
from tapwater_server.ports.meter import Record
from tapwater_server.services.budgets.account import Account

SMOOTHING = 0.2  # How much the last call weighs in what one is expected to use.


class Line:
    """A function, or an app as a whole, and the accounts that its use goes to."""

    __slots__ = ("_function", "_worst", "accounts", "acting", "means")

    def __init__(self, accounts: tuple[Account, ...]) -> None:
        self.accounts = accounts
        self.acting = any(account.acts for account in accounts)
        self.means: list[float | None] = [None] * len(accounts)
        self._function: Function | None = None
        self._worst: tuple[float, ...] = ()

    def estimates(self, function: Function) -> list[float]:
        """Say what a call is held to use, of each account: what such calls used lately; the most
        it can use where that is not known, or the budget is strict.
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
                held.append(mean)
        return held

    def worst(self, function: Function) -> tuple[float, ...]:
        """Say the most that a call can use by running: inf for one that has no time limit."""
        if self._function is not function:
            self._function = function
            if function.limits.timeout_s is None:
                self._worst = tuple(self._endless(account) for account in self.accounts)
            else:
                most = amounts(so_far(function, function.limits.timeout_s, {}))
                self._worst = tuple(account.weigh(most) for account in self.accounts)
        return self._worst

    def needs(self, place: int) -> float:
        """Say how much must fit for a call to be let in, as far as is known."""
        worst = self._worst[place] if self._worst else 0.0
        return worst if self.accounts[place].budget.strict and worst != inf else 0.0

    def learn(self, place: int, amount: float) -> None:
        """Note what a call used in the end."""
        mean = self.means[place]
        self.means[place] = amount if mean is None else mean + SMOOTHING * (amount - mean)

    def _endless(self, account: Account) -> float:
        """A call without a time limit is still one call: only what grows with time has no end."""
        return account.weigh({"calls": 1.0}) if account.budget.unit == "calls" else inf


class Hold:
    """What is held for one call."""

    __slots__ = ("amounts", "at", "invocation", "line")

    def __init__(self, line: Line, held: list[float], invocation: Invocation, at: float) -> None:
        self.line, self.amounts, self.invocation, self.at = line, held, invocation, at
        for account, amount in zip(line.accounts, held, strict=True):
            account.reserved += amount

    def raise_to(self, now: float) -> None:
        """Hold what the call has used by now, where that is more."""
        used = amounts(so_far(self.invocation.function, now - self.at, self.invocation.used or {}))
        for place, account in enumerate(self.line.accounts):
            if account.acts:
                more = account.weigh(used) - self.amounts[place]
                if more > 0:
                    account.reserved += more
                    self.amounts[place] += more

    def of(self, account: Account) -> float:
        return self.amounts[self.line.accounts.index(account)]

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
