"""A rule that tells people when something goes wrong, and what of it is true now. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.ids import AppId

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
MINUTES_MAX = 24 * 60
PLACES_MAX = 10  # Addresses of mail, and webhooks, each.
RULES_MAX = 100  # Of an app, and of the node.


class AlertKind(StrEnum):
    """What a rule looks at."""

    NEW_ERROR = "new_error"  # an error that was never seen before
    REGRESSED = "regressed"  # one that was resolved, and is back
    ERROR_RATE = "error_rate"  # percent of the calls of some minutes
    LATENCY = "latency"  # the 99th percentile in milliseconds of some minutes
    DEAD_LETTERS = "dead_letters"  # how many more than some minutes ago


MEASURED = frozenset({AlertKind.ERROR_RATE, AlertKind.LATENCY, AlertKind.DEAD_LETTERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule. ``app`` empty: the node's own, about all apps."""

    app: AppId
    name: str
    kind: AlertKind
    function: str = ""  # "": all of them
    above: float = 0.0  # percent, milliseconds, or how many: it is told when it is more
    minutes: int = 5  # that are looked at together
    calls_min: int = 20  # fewer calls than that in these minutes say nothing
    quiet_minutes: int = 60  # after it was told
    event: bool = True  # tapwater.alert, for the app's functions
    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    secret: str = ""  # the webhooks are signed with
    paused: bool = False

    @property
    def place(self) -> tuple[AppId, str]:
        return (self.app, self.name)

    def is_about(self, app: str, function: str) -> bool:
        """Say whether a function is one that the rule looks at."""
        return (not self.app or self.app == app) and (
            not self.function or self.function == function
        )
