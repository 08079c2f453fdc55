"""What a template wants once its parameters and conditions are known. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tapwater_server.clouds.aws.cloudformation.intrinsics import (
    NO_VALUE,
    Scope,
    decide,
    prune,
    references,
)
from tapwater_server.clouds.aws.cloudformation.parameters import typed
from tapwater_server.clouds.aws.cloudformation.template import Template
from tapwater_server.clouds.aws.cloudformation.troubles import Refused

OUTPUTS_MAX = 200
POLICIES = frozenset({"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One resource as the template has it, its conditions decided. Not resolved yet."""

    name: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()  # other resources
    deletion: str = "Delete"  # what becomes of it when it is in the stack no more
    replacing: str = "Delete"  # what becomes of the old one when it is replaced
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """A whole stack. ``resources`` are in the order in which they can be made."""

    resources: Mapping[str, Wanted]
    outputs: Mapping[str, Mapping[str, Any]]
    conditions: Mapping[str, bool]
    values: Mapping[str, Any]  # parameters and pseudo parameters, typed
    mappings: Mapping[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudo:
    """What a template may ask of the stack it is used for."""

    account: str
    region: str
    stack: str
    id: str
    notifications: Sequence[str] = ()

    def values(self) -> dict[str, Any]:
        """Give the pseudo parameters."""
        return {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": list(self.notifications),
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }


def desire(template: Template, parameters: Mapping[str, str], pseudo: Pseudo) -> Desired:
    """Work out what a template wants.

    Raises:
        Refused: it refers to what is not there, or to itself in a circle.
    """
    declared = template.get("Parameters") or {}
    values = pseudo.values()
    for name, value in parameters.items():
        if name in declared:
            values[name] = typed(str(declared[name].get("Type", "String")), value)
    mappings = template.get("Mappings") or {}
    scope = Scope(ref=_only(values), mappings=mappings, region=pseudo.region)
    conditions = decide_all(template.get("Conditions") or {}, scope)
    kept = _kept(template["Resources"], conditions)
    wanted = {name: _wanted(name, about, kept, conditions) for name, about in kept.items()}
    _check_references(wanted, values)
    outputs = _outputs(template.get("Outputs") or {}, conditions)
    _check_outputs(outputs, wanted, values)
    return Desired(
        resources={name: wanted[name] for name in in_order(wanted)},
        outputs=outputs,
        conditions=conditions,
        values=values,
        mappings=mappings,
        description=str(template.get("Description") or ""),
    )


def _only(values: Mapping[str, Any]) -> Any:
    def ref(name: str) -> Any:
        if name not in values:
            raise Refused(
                "Template error: conditions and mappings can only refer to parameters, not to"
                f" {name}"
            )
        return values[name]

    return ref


def decide_all(stated: Mapping[str, Any], scope: Scope) -> dict[str, bool]:
    """Decide every condition.

    Raises:
        Refused: one is none, or they go in a circle.
    """
    found: dict[str, bool] = {}
    open_now: set[str] = set()

    def named(name: str) -> bool:
        if name not in stated:
            raise Refused(f"Template format error: Unresolved condition dependency {name}")
        if name in open_now:
            raise Refused(f"Template format error: Circular condition dependency at {name}")
        if name not in found:
            open_now.add(name)
            found[name] = decide(stated[name], scope, named)
            open_now.discard(name)
        return found[name]

    for name in stated:
        named(name)
    return found


def _kept(
    resources: Mapping[str, Any], conditions: Mapping[str, bool]
) -> Mapping[str, Mapping[str, Any]]:
    return {name: about for name, about in resources.items() if _holds(name, about, conditions)}


def _holds(name: str, about: Mapping[str, Any], conditions: Mapping[str, bool]) -> bool:
    condition = about.get("Condition")
    if condition is None:
        return True
    if condition not in conditions:
        raise Refused(f"Template format error: Unresolved condition {condition} of {name}")
    return conditions[str(condition)]


def _wanted(
    name: str,
    about: Mapping[str, Any],
    kept: Mapping[str, Any],
    conditions: Mapping[str, bool],
) -> Wanted:
    properties = prune(about.get("Properties") or {}, conditions)
    depends = about.get("DependsOn") or []
    explicit = [depends] if isinstance(depends, str) else list(depends)
    needs = {one for one in [*explicit, *references(properties)] if one in kept}
    deletion = str(about.get("DeletionPolicy", "Delete"))
    replacing = str(about.get("UpdateReplacePolicy", "Delete"))
    for policy in (deletion, replacing):
        if policy not in POLICIES:
            raise Refused(f"Template error: {policy} is no policy that {name} can have")
    return Wanted(
        name=name,
        type=str(about["Type"]),
        properties=properties,
        needs=frozenset(needs),
        deletion=deletion,
        replacing=replacing,
        metadata=about.get("Metadata") or {},
    )


def _check_references(wanted: Mapping[str, Wanted], values: Mapping[str, Any]) -> None:
    missing = {
        reference
        for one in wanted.values()
        for reference in references(one.properties)
        if reference not in wanted and reference not in values
    }
    if missing:
        raise Refused(
            "Template format error: Unresolved resource dependencies"
            f" [{', '.join(sorted(missing))}] in the Resources block of the template"
        )


def _outputs(
    outputs: Mapping[str, Any], conditions: Mapping[str, bool]
) -> Mapping[str, Mapping[str, Any]]:
    if len(outputs) > OUTPUTS_MAX:
        raise Refused(f"Template format error: more than {OUTPUTS_MAX} outputs")
    for name, about in outputs.items():
        if not isinstance(about, dict) or "Value" not in about:
            raise Refused(f"Template format error: Output {name} is malformed.")
    return {
        name: prune(about, conditions)
        for name, about in outputs.items()
        if _holds(name, about, conditions)
    }


def _check_outputs(
    outputs: Mapping[str, Any], wanted: Mapping[str, Wanted], values: Mapping[str, Any]
) -> None:
    for name, about in outputs.items():
        for reference in references([about["Value"], about.get("Export")]):
            if reference not in wanted and reference not in values:
                raise Refused(
                    "Template format error: Unresolved resource dependencies"
                    f" [{reference}] in the Outputs block of the template ({name})"
                )


def in_order(wanted: Mapping[str, Wanted]) -> Sequence[str]:
    """Put what others need first; otherwise as the template has it.

    Raises:
        Refused: they need each other.
    """
    place = {name: index for index, name in enumerate(wanted)}
    sorter = TopologicalSorter({name: one.needs - {name} for name, one in wanted.items()})
    if any(name in one.needs for name, one in wanted.items()):
        selfish = [name for name, one in wanted.items() if name in one.needs]
        raise Refused(f"Circular dependency between resources: [{', '.join(selfish)}]")
    try:
        sorter.prepare()
    except CycleError as error:
        names = sorted(set(error.args[1]))
        raise Refused(f"Circular dependency between resources: [{', '.join(names)}]") from error
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=lambda name: place[name])
        order.append(ready.pop(0))
        sorter.done(order[-1])
    return order
