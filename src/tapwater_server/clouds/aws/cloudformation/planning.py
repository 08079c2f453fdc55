"""What must be done to a stack: from what is wanted and what is there. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapwater_server.clouds.aws.cloudformation.desired import Desired, Wanted
from tapwater_server.clouds.aws.cloudformation.intrinsics import (
    UNKNOWN,
    Scope,
    holds_unknown,
    resolve,
)
from tapwater_server.clouds.aws.cloudformation.troubles import Refused


class Deed(StrEnum):
    """What is done with one resource."""

    ADD = "Add"
    KEEP = "Keep"
    CHANGE = "Change"  # where it is
    REPLACE = "Replace"  # another is made, the old one goes when all is done
    REMOVE = "Remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """One resource as it was made."""

    name: str
    type: str
    id: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    deletion: str = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One resource, and what would be done with it."""

    name: str
    type: str
    deed: Deed
    id: str = ""
    changed: Sequence[str] = ()  # properties
    replacing: Sequence[str] = ()  # of these, what another resource is needed for
    unsure: bool = False  # depends on what is not known yet
    policy: str = "Delete"  # what becomes of the one that goes


# Of a type: which properties need another resource when they change; None: all of them.
Replaced = Callable[[str], frozenset[str] | None]


def scope_of(
    desired: Desired,
    made: Mapping[str, Had],
    *,
    imported: Callable[[str], Any],
    region: str,
    unknown: frozenset[str] = frozenset(),
) -> Scope:
    """Let expressions see parameters, and what of the resources is there."""

    def ref(name: str) -> Any:
        if name in desired.values:
            return desired.values[name]
        if name in unknown or name not in made:
            return UNKNOWN
        return made[name].id

    def attribute(name: str, which: str) -> Any:
        if name in unknown or name not in made:
            if name not in desired.resources:
                raise Refused(
                    f"Template error: instance of Fn::GetAtt references undefined resource {name}"
                )
            return UNKNOWN
        return attribute_of(made[name], which)

    return Scope(
        ref=ref,
        attribute=attribute,
        imported=imported,
        mappings=desired.mappings,
        conditions=desired.conditions,
        region=region,
    )


def attribute_of(had: Had, which: str) -> Any:
    """Give an attribute, also one within another ("Outputs.Url", "Data.x").

    Raises:
        Refused: the resource has none of that name.
    """
    if which in had.attributes:
        return had.attributes[which]
    found: Any = had.attributes
    for part in which.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise Refused(
                f"Template error: resource {had.name} does not support attribute type {which} in"
                " Fn::GetAtt"
            )
        found = found[part]
    return found


def changed_of(had: Mapping[str, Any], want: Mapping[str, Any]) -> Sequence[str]:
    """Name the properties that differ."""
    return [
        name
        for name in sorted(had.keys() | want.keys())
        if name not in had
        or name not in want
        or holds_unknown(want[name])
        or had[name] != want[name]
    ]


def deed_of(
    wanted: Wanted, had: Had | None, properties: Mapping[str, Any], replaced: Replaced
) -> Step:
    """Decide what becomes of one resource, given its properties as they are to be."""
    if had is None:
        return Step(name=wanted.name, type=wanted.type, deed=Deed.ADD)
    if had.type != wanted.type:
        raise Refused(f"Update of resource type is not permitted for {wanted.name}.")
    changed = changed_of(had.properties, properties)
    needing = replaced(wanted.type)
    replacing = [name for name in changed if needing is None or name in needing]
    deed = Deed.KEEP
    if changed:
        deed = Deed.REPLACE if replacing else Deed.CHANGE
    unsure = bool(changed) and all(holds_unknown(properties.get(name)) for name in changed)
    return Step(
        name=wanted.name,
        type=wanted.type,
        deed=deed,
        id=had.id,
        changed=changed,
        replacing=replacing,
        unsure=unsure,
        policy=wanted.replacing,
    )


def plan(
    desired: Desired,
    actual: Mapping[str, Had],
    *,
    replaced: Replaced,
    imported: Callable[[str], Any],
    region: str,
) -> Sequence[Step]:
    """Say what an operation would do, as far as that can be known before."""
    steps: list[Step] = []
    unknown: set[str] = set()
    for wanted in desired.resources.values():
        scope = scope_of(
            desired, actual, imported=imported, region=region, unknown=frozenset(unknown)
        )
        properties = resolve(wanted.properties, scope)
        step = deed_of(wanted, actual.get(wanted.name), properties, replaced)
        if step.deed in (Deed.ADD, Deed.REPLACE):
            unknown.add(wanted.name)
        steps.append(step)
    return [*steps, *removals(desired.resources.keys(), actual)]


def removals(kept: Any, actual: Mapping[str, Had]) -> Sequence[Step]:
    """What is in the template no more, what others needed last."""
    return [
        Step(
            name=name,
            type=actual[name].type,
            deed=Deed.REMOVE,
            id=actual[name].id,
            policy=actual[name].deletion,
        )
        for name in backwards(actual)
        if name not in kept
    ]


def backwards(actual: Mapping[str, Had]) -> Sequence[str]:
    """Put what needs others first: the order to delete in."""
    seen: set[str] = set()
    order: list[str] = []

    def visit(name: str) -> None:
        if name in seen or name not in actual:
            return
        seen.add(name)
        for other in sorted(actual[name].needs):
            visit(other)
        order.append(name)

    for name in actual:
        visit(name)
    return order[::-1]
