"""An invoker that wraps an invoker: a call that no budget has room for does not begin.

It stands inside of ``Recorded``: what is refused has its record, with the ending that says why,
and costs nothing.
"""

from tapwater_server.model.invocation import Invocation, Outcome, Usage
from tapwater_server.ports.invoker import Call, Exchange, Invoker, Resumed
from tapwater_server.services.budgets.accounts import Accounts


class Admitted:
    """Asks the accounts, which answer from memory; where there is no budget, not even that."""

    def __init__(self, inner: Invoker, *, accounts: Accounts) -> None:
        self._inner, self._accounts = inner, accounts

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if self._accounts.any:
            refusal = self._accounts.admit(invocation)
            if refusal is not None:
                exchange.ended(
                    Outcome(
                        ending=refusal.ending,
                        usage=Usage(),
                        message=str(refusal),
                        retry_after_s=refusal.verdict.again_s,
                    )
                )
                return _OVER
        return self._inner.start(invocation, exchange)


class _Over:
    """A call that has ended: whatever is done to it, nothing happens."""

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Resumed) -> None:
        """It always is."""

    def resume(self) -> None:
        """Nothing waits."""

    def cancel(self, reason: str) -> None:
        """It is over."""


_OVER = _Over()
