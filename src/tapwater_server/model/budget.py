"""A budget: how much of what, of which scope, in a day or a month, and what is done on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tapwater_server.model.ids import AppId
from tapwater_server.model.usage import QUANTITIES


class ScopeKind(StrEnum):
    """What a budget is about."""

    NODE = "node"
    PROJECT = "project"
    APP = "app"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose use counts. Only what the kind needs is set."""

    kind: ScopeKind
    project: str = ""
    app: AppId = AppId("")
    function: str = ""  # "group/name" of the app

    def __str__(self) -> str:
        """Say it in a sentence's middle.

        >>> str(Scope(kind=ScopeKind.APP, app=AppId("shop")))
        'the app shop'
        """
        match self.kind:
            case ScopeKind.NODE:
                return "the whole node"
            case ScopeKind.PROJECT:
                return f"the project {self.project}"
            case ScopeKind.APP:
                return f"the app {self.app}"
            case ScopeKind.FUNCTION:
                return f"the function {self.app}:{self.function}"


class Every(StrEnum):
    """How often a budget begins anew."""

    DAY = "day"
    MONTH = "month"


class Does(StrEnum):
    """What a step of a budget does."""

    WARN = "warn"  # an event, mails, webhooks
    SLOW = "slow"  # what is left is spread over the rest of the time
    REFUSE = "refuse"  # nothing more is let in


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Step:
    """At so many percent of the limit, something is done. Each step warns, too."""

    at_percent: float
    does: Does


USUAL = (
    Step(at_percent=50, does=Does.WARN),
    Step(at_percent=80, does=Does.WARN),
    Step(at_percent=100, does=Does.REFUSE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One budget. ``unit`` is one of ``UNITS``, or the currency of the node's own tariff."""

    name: str
    scope: Scope
    every: Every
    limit: float
    unit: str
    zone: str = "UTC"
    strict: bool = False  # a call is let in only if the most it can use still fits
    steps: tuple[Step, ...] = USUAL
    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    tells: tuple[AppId, ...] = ()  # apps whose functions hear of it, besides those it is about
    by_admin: bool = True  # whoever holds a token of the app alone may not change it
    set_by: str = ""  # the name of the token

    def at(self, step: Step) -> float:
        """Give the amount at which a step is reached."""
        return self.limit * step.at_percent / 100

    def is_marked(self, mark: "Mark", *, since: float) -> bool:
        """Say whether a mark is of this period and still holds: the limit may have been raised."""
        return mark.since == since and any(
            step.at_percent == mark.at_percent and mark.spent >= self.at(step)
            for step in self.steps
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A step was reached in a period, and whoever is to know has been told (``told_at``)."""

    budget: str
    since: float  # when the period began
    at_percent: float
    reached_at: float
    spent: float
    told_at: float = 0.0  # 0.0: not yet


@dataclass(frozen=True, slots=True)
class Weight:
    """What a unit measures: so much of a quantity is one of it."""

    quantity: str
    each: float = 1.0


UNITS: Mapping[str, Weight] = {
    **{name: Weight(name) for name in QUANTITIES},
    "gb_s": Weight("mb_ms", 1024.0 * 1000.0),
    "cpu_s": Weight("cpu_ms", 1000.0),
    "egress_gb": Weight("egress_bytes", 1e9),
    "gb_out": Weight("bytes_out", 1e9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a budget stands: what is seen of it from outside."""

    budget: Budget
    spent: float
    reserved: float  # of calls that run now
    since: float
    until: float
    state: str
    marks: tuple[Mark, ...] = field(default=())
