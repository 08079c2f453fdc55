"""Reserved concurrency: so many calls of a function at a time, whatever their version."""

from tapwater_server.clouds.aws.lambda_.refusals import throttled
from tapwater_server.clouds.aws.lambda_.resolving import Callee
from tapwater_server.model.ids import AppId


class Throttling:
    """Counts calls by the function's app."""

    def __init__(self) -> None:
        self._running: dict[AppId, int] = {}

    def running(self, app: AppId) -> int:
        """Say how many calls run."""
        return self._running.get(app, 0)

    def check(self, callee: Callee) -> None:
        """See that a function may be called at all.

        Raises:
            AwsError: no call is reserved for it.
        """
        if callee.reserved == 0:
            raise throttled("Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded")

    def enter(self, callee: Callee) -> None:
        """A call begins.

        Raises:
            AwsError: it may not: as many as are reserved run already.
        """
        running = self._running.get(callee.app, 0)
        if callee.reserved is not None and running >= callee.reserved:
            raise throttled("Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded")
        self._running[callee.app] = running + 1

    def leave(self, callee: Callee) -> None:
        """It is over."""
        left = self._running[callee.app] - 1
        if left:
            self._running[callee.app] = left
        else:
            del self._running[callee.app]
