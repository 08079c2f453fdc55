"""The gate before the services: whose app is over a budget neither reads nor writes.

Nobody is locked out of their own data by it: holders of a token of the platform can always read
and delete (exports too), admins can do everything; and anybody may delete what they may delete
anyway, for that makes room.
"""

from collections.abc import Set

from tapwater_server.services.budgets.accounts import Accounts
from tapwater_server.web.asked import Asked

# The first part of a path of what has a price. Signing in, schedules and the marks of
# idempotency have none.
PRICED = frozenset(
    {
        "blobs",
        "cache",
        "docs",
        "docs-commit",
        "docs-export",
        "docs-get",
        "docs-import",
        "docs-live",
        "docs-query",
        "events",
        "mail",
        "mqtt",
        "queues",
        "topics",
    }
)
READS: Set[str] = frozenset({"/docs-query", "/docs-get", "/cache/-/get"})
DELETES: Set[str] = frozenset({"/blobs/-/delete", "/events/dead/drop"})
_READING = frozenset({"GET", "HEAD"})


class Gate:
    """Called with each request to a service, before it is answered."""

    def __init__(self, *, accounts: Accounts) -> None:
        self._accounts = accounts

    def __call__(self, asked: Asked, path: str) -> None:
        """Let a request through; ``path`` is the endpoint's.

        Raises:
            BudgetExhausted, BudgetSlowed: a budget has no room for it.
        """
        if not self._accounts.any or asked.who.admin or _frees(asked, path):
            return
        if path[1:].partition("/")[0] not in PRICED:
            return
        caller = asked.caller
        if caller is None and asked.who.is_trusted(asked.app) and _reads(asked, path):
            return
        refusal = (
            self._accounts.check(asked.app)
            if caller is None
            else self._accounts.check(asked.app, caller.function.id.name, call=caller.id)
        )
        if refusal is not None:
            raise refusal.error()


def _frees(asked: Asked, path: str) -> bool:
    return asked.method == "DELETE" or path in DELETES or path.endswith("/delete")


def _reads(asked: Asked, path: str) -> bool:
    return asked.method in _READING or path in READS
