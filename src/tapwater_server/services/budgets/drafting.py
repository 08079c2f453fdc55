"""From what somebody says of a budget to the budget, checked. Pure."""

import re
from collections.abc import Callable
from math import inf, isfinite
from urllib.parse import urlsplit

import msgspec

from tapwater_server.model.address import parse_address
from tapwater_server.model.budget import USUAL, Budget, Does, Every, Scope, ScopeKind, Step
from tapwater_server.model.cron import zone_named
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import parse_app_id, parse_function_id
from tapwater_server.model.project import parse_project
from tapwater_server.services.budgets.prices import Prices, check_unit

STEPS_MAX, PLACES_MAX = 20, 20
LIMIT_MAX = 1e18
PERCENT_MAX = 1000.0
URL_CHARS_MAX = 2000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class StepAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """At so many percent: ``warn``, ``slow`` or ``refuse``."""

    at: float
    does: Does


class BudgetAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One of ``project``, ``app``, ``function`` (``app:group/name``), or none: the whole node."""

    limit: float
    unit: str = ""  # "": the currency of the node's tariff
    every: Every = Every.MONTH
    zone: str = "UTC"
    project: str = ""
    app: str = ""
    function: str = ""
    strict: bool = False
    steps: list[StepAsked] | None = None
    mails: list[str] = []
    webhooks: list[str] = []
    tells: list[str] = []


def budget_of(
    asked: BudgetAsked, *, name: str, prices: Prices, by_admin: bool, set_by: str
) -> Budget:
    """Make a budget of it.

    Raises:
        Invalid: something is wrong with it.
    """
    check_name(name)
    if not isfinite(asked.limit) or not 0 <= asked.limit <= LIMIT_MAX:
        raise Invalid(f"a limit is from 0 to {LIMIT_MAX:g}")
    unit = asked.unit or prices.currency
    check_unit(unit, prices)
    try:
        zone_named(asked.zone)
    except ValueError as error:
        raise Invalid(str(error), problems=[{"where": "zone", "what": str(error)}]) from None
    return Budget(
        name=name,
        scope=scope_of(asked),
        every=asked.every,
        limit=asked.limit,
        unit=unit,
        zone=asked.zone,
        strict=asked.strict,
        steps=_steps(asked.steps),
        mails=tuple(dict.fromkeys(map(parse_address, _few(asked.mails, "mails")))),
        webhooks=_each(asked.webhooks, "webhooks", _url),
        tells=tuple(parse_app_id(app) for app in _few(asked.tells, "tells")),
        by_admin=by_admin,
        set_by=set_by,
    )


def check_name(name: str) -> None:
    """Refuse what cannot name a budget.

    Raises:
        Invalid: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:100]!r} is not the name of a budget: use letters, digits, dots, dashes and "
            "underscores, 80 at most, and begin with a letter or digit"
        )


def scope_of(asked: BudgetAsked) -> Scope:
    """Say whose use counts.

    Raises:
        Invalid: more than one thing is named, or what is no name.
    """
    named = [said for said in (asked.project, asked.app, asked.function) if said]
    if len(named) > 1:
        raise Invalid("a budget is of one project, one app or one function, or of the whole node")
    if asked.project:
        return Scope(kind=ScopeKind.PROJECT, project=parse_project(asked.project))
    if asked.app:
        return Scope(kind=ScopeKind.APP, app=parse_app_id(asked.app))
    if asked.function:
        id = parse_function_id(asked.function)
        return Scope(kind=ScopeKind.FUNCTION, app=id.app, function=id.name)
    return Scope(kind=ScopeKind.NODE)


def _steps(asked: list[StepAsked] | None) -> tuple[Step, ...]:
    if asked is None:
        return USUAL
    if not 1 <= len(asked) <= STEPS_MAX:
        raise Invalid(f"a budget has 1 to {STEPS_MAX} steps")
    steps = sorted({Step(at_percent=one.at, does=one.does) for one in asked})
    if any(not (isfinite(one.at) and 0 < one.at <= PERCENT_MAX) for one in asked):
        raise Invalid(f"a step is at more than 0 and at most {PERCENT_MAX:g} percent")
    if len({step.at_percent for step in steps}) < len(steps):
        raise Invalid("two steps at the same percentage: the stronger one warns, too")
    for does in (Does.SLOW, Does.REFUSE):
        if sum(step.does is does for step in steps) > 1:
            raise Invalid(f"one step can {does}, and no more")
    _check_order(steps)
    return tuple(steps)


def _check_order(steps: list[Step]) -> None:
    """Refuse a slowing that would never come: what is refused needs no slowing."""
    at = {step.does: step.at_percent for step in steps}
    if at.get(Does.SLOW, 0.0) > at.get(Does.REFUSE, inf):
        raise Invalid("a budget slows before it refuses: put slow at fewer percent")


def _few(said: list[str], where: str) -> list[str]:
    if len(said) > PLACES_MAX:
        raise Invalid(f"{where}: at most {PLACES_MAX}")
    return list(dict.fromkeys(said))


def _each(said: list[str], where: str, check: Callable[[str], None]) -> tuple[str, ...]:
    for one in _few(said, where):
        check(one)
    return tuple(_few(said, where))


def _url(text: str) -> None:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or len(text) > URL_CHARS_MAX or not text.isascii() or not text.isprintable():
        raise Invalid(f"{text[:100]!r} is not an address of the web: write https://…")
