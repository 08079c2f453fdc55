"""What a deploy has to do, given what is wanted and what is there. Pure; ``apply.py`` obeys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.control.layout import Found, Problem
from tapwater_server.control.toml import FILE, AppFile
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId

LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """An app as its bundle describes it."""

    app: AppId
    functions: tuple[Found, ...]
    file: AppFile
    requires_python: str = ""  # ">=3.12"
    peeked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # options by function
    rules: Mapping[str, Any] = field(default_factory=dict)  # who may what, checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """One function to prepare, and what is known of its options before it ran."""

    found: Found
    sources: tuple[Mapping[str, Any], ...]  # of the app's file, the weakest first
    peeked: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one deploy, in their order: prepare these, then point these names there."""

    revision: RevisionId
    preparing: tuple[Preparing, ...]
    aliases: tuple[Alias, ...]
    becomes_default: bool


def plan(
    desired: Desired,
    *,
    revision: RevisionId,
    alias: str,
    traffic: bool,
    aliases: Sequence[Alias],
    default_app: AppId | None,
) -> Plan:
    """Say what to do. Without ``traffic`` no alias moves; a first ``live`` is made all the same,
    because an app that nothing points at could not be reached.
    """
    moved: list[Alias] = []
    if traffic:
        moved.append(Alias(app=desired.app, name=alias, weights={revision: 100}))
    if not any(known.name == LIVE for known in (*aliases, *moved)):
        moved.append(Alias(app=desired.app, name=LIVE, weights={revision: 100}))
    return Plan(
        revision=revision,
        preparing=tuple(_preparing(desired, found) for found in desired.functions),
        aliases=tuple(moved),
        becomes_default=default_app is None,
    )


def _preparing(desired: Desired, found: Found) -> Preparing:
    own = desired.file.functions.get(found.name, {})
    return Preparing(
        found=found,
        sources=(desired.file.defaults, own),
        peeked=desired.peeked.get(found.name, {}),
    )


def resolve_weights(
    wanted: Mapping[str, int], revisions: Sequence[Revision], aliases: Sequence[Alias]
) -> dict[RevisionId, int]:
    """Turn weights by revision number or alias name into weights by revision, summing to 100.

    Raises:
        Invalid: they are no whole percents that sum to 100.
        NotFound: there is no such revision or alias.
    """
    numbers = {str(revision.number): revision.id for revision in revisions}
    by_name = {alias.name: alias.weights for alias in aliases}
    for weight in wanted.values():
        if not 0 <= weight <= 100:
            raise Invalid("weights are whole percents from 0 to 100")
    if sum(wanted.values()) != 100:
        raise Invalid(f"the weights sum to {sum(wanted.values())}; they must sum to 100")
    shares: dict[RevisionId, float] = {}
    for name, weight in wanted.items():
        if name.removeprefix("r") in numbers:
            parts: Mapping[RevisionId, int] = {numbers[name.removeprefix("r")]: 100}
        elif name in by_name:
            parts = by_name[name]
        else:
            raise NotFound(f"there is no revision and no alias {name!r}")
        for id, part in parts.items():
            shares[id] = shares.get(id, 0.0) + weight * part / 100
    return to_percents(shares)


def to_percents(shares: Mapping[RevisionId, float]) -> dict[RevisionId, int]:
    """Round shares that sum to 100 so that they still do: the largest remainders go up.

    >>> to_percents({"a": 33.5, "b": 66.5})
    {'a': 34, 'b': 66}
    """
    percents = {id: int(share) for id, share in shares.items()}
    by_rest = sorted(shares, key=lambda id: percents[id] - shares[id])
    for id in by_rest[: 100 - sum(percents.values())]:
        percents[id] += 1
    return {id: percent for id, percent in percents.items() if percent}


def refused_hosts(
    hosts: Sequence[str], *, domain: str, taken: Mapping[str, AppId]
) -> list[Problem]:
    """Say which of an app's own hosts it cannot have. ``taken``: those of other apps.

    On the platform's own names the control API listens: who answers there is sent its tokens.

    >>> refused_hosts(["shop.example"], domain="localhost", taken={})
    []
    """
    problems: list[Problem] = []
    for host in hosts:
        if f".{host}".endswith(f".{domain}"):
            what = f"{host!r} is one of the platform's own names"
        elif host.rpartition(".")[2].isdigit():
            what = f"{host!r} is an address, and no host name"
        elif host in taken:
            what = f"{host!r} is a host of another app"
        else:
            continue
        problems.append({"where": FILE, "what": f"hosts: {what}"})
    return problems


def rollback_target(
    revisions: Sequence[Revision], alias: Alias | None, to: int | None
) -> RevisionId:
    """Choose what to go back to: the asked number, or the newest one older than all that is live.

    Raises:
        NotFound: there is none.
    """
    if to is not None:
        for revision in revisions:
            if revision.number == to:
                return revision.id
        raise NotFound(f"there is no revision {to}")
    live = set(alias.weights) if alias is not None else set()
    oldest = min((one.number for one in revisions if one.id in live), default=None)
    before = [one for one in revisions if oldest is not None and one.number < oldest]
    if not before:
        raise NotFound("there is no earlier revision to go back to")
    return max(before, key=lambda one: one.number).id


def expendable(
    revisions: Sequence[Revision], aliases: Sequence[Alias], *, kept_max: int
) -> list[Revision]:
    """Name the revisions above the ceiling: the oldest that no alias points at."""
    held = {id for alias in aliases for id in alias.weights}
    loose = [one for one in revisions if one.id not in held]
    over = len(revisions) - kept_max
    return sorted(loose, key=lambda one: one.number)[: max(0, over)]
