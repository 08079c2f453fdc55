"""Every error raised on purpose: a stable code, a sentence for the caller, facts for the log.

Nothing here knows HTTP; the gateway's one table gives each code its status.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class TapwaterError(Exception):
    """An error with a stable ``code``. ``message`` is for the caller, ``facts`` for the log."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts: Mapping[str, Any] = facts


class Invalid(TapwaterError):
    """What was sent cannot be understood. ``problems`` names each place and what is wrong there."""

    code = "invalid"

    def __init__(
        self, message: str, *, problems: Sequence[Mapping[str, str]] = (), **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.problems = tuple(problems)


class NotFound(TapwaterError):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"


class NotAllowed(TapwaterError):
    """The caller is known and may not do this."""

    code = "not_allowed"


class Unauthenticated(TapwaterError):
    """The caller did not say who they are, or not credibly."""

    code = "unauthenticated"


class Conflict(TapwaterError):
    """The world has moved on: what was assumed does not hold any more."""

    code = "conflict"


class PreconditionFailed(TapwaterError):
    """A conditional request whose condition does not hold; nothing was changed."""

    code = "precondition_failed"


class NoSuchRange(TapwaterError):
    """The stretch that was asked for lies outside of what there is."""

    code = "range"


class StorageFull(TapwaterError):
    """The disk, or a quota on it, has no room for what was sent; nothing of it was kept."""

    code = "storage_full"


class KeyReused(TapwaterError):
    """An Idempotency-Key that was sent before, with another request."""

    code = "key_reused"


class NeedsIndex(TapwaterError):
    """A query would have to look at too much; ``problems`` says which index it needs."""

    code = "needs_index"

    def __init__(
        self, message: str, *, problems: Sequence[Mapping[str, str]] = (), **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.problems = tuple(problems)


class TooLarge(TapwaterError):
    """More bytes than a ceiling allows."""

    code = "too_large"


class Overloaded(TapwaterError):
    """No room now; later there may be. ``retry_after_s`` says when to come back."""

    code = "overloaded"

    def __init__(self, message: str, *, retry_after_s: float = 1.0, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """This caller asks too often. ``retry_after_s`` says when to come back."""

    code = "rate_limited"


class BudgetExhausted(Overloaded):
    """A budget is used up. ``retry_after_s`` says when it begins anew."""

    code = "budget_exhausted"


class BudgetSlowed(Overloaded):
    """What is left of a budget is for later. ``retry_after_s`` says when to come back."""

    code = "budget_slowed"


class DeployFailed(TapwaterError):
    """A deployment was refused; nothing has changed. ``problems`` name file, line and reason."""

    code = "deploy_failed"

    def __init__(
        self, message: str, *, problems: Sequence[Mapping[str, str]] = (), **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.problems = tuple(problems)


class StartFailed(TapwaterError):
    """A sandbox or an instance could not be started: the function's module failed, or we did.

    ``by_function``: it was the module, beyond doubt.
    """

    code = "start_failed"

    def __init__(self, message: str, *, by_function: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.by_function = by_function


class SettingsError(TapwaterError):
    """The platform's own settings are wrong; the message lists every complaint."""

    code = "settings"
