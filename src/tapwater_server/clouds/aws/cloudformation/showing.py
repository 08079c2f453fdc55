"""Stacks as CloudFormation's answers show them. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.cloudformation.book import Inputs, Resource, Stack
from tapwater_server.clouds.aws.cloudformation.parameters import HIDDEN
from tapwater_server.clouds.aws.cloudformation.planning import Deed, Step

_DRIFT = {"StackDriftStatus": "NOT_CHECKED"}
_UNDRIFTED = {"StackResourceDriftStatus": "NOT_CHECKED"}


def parameters_of(inputs: Inputs) -> list[dict[str, str]]:
    """Give the parameters, what is secret hidden."""
    found = []
    for name, value in inputs.parameters.items():
        hidden = name in inputs.hidden
        one = {"ParameterKey": name, "ParameterValue": HIDDEN if hidden else value}
        if name in inputs.found:
            one["ResolvedValue"] = HIDDEN if hidden else inputs.found[name]
        found.append(one)
    return found


def stack_shape(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set or None,
        "Description": stack.inputs.description or None,
        "Parameters": parameters_of(stack.inputs) or None,
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": not stack.rollback,
        "NotificationARNs": list(stack.inputs.notifications),
        "TimeoutInMinutes": stack.timeout_min,
        "Capabilities": list(stack.inputs.capabilities) or None,
        "Outputs": list(stack.outputs) or None,
        "RoleARN": stack.inputs.role or None,
        "Tags": list(stack.inputs.tags),
        "EnableTerminationProtection": stack.protected,
        "DriftInformation": _DRIFT,
    }


def summary_shape(stack: Stack) -> dict[str, Any]:
    shape = stack_shape(stack)
    kept = (
        *("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime"),
        *("StackStatus", "StackStatusReason", "DriftInformation"),
    )
    return {name: shape[name] for name in kept} | {"TemplateDescription": shape["Description"]}


def resource_shape(stack: Stack, resource: Resource) -> dict[str, Any]:
    """One resource in DescribeStackResources."""
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": resource.name,
        "PhysicalResourceId": resource.id or None,
        "ResourceType": resource.type,
        "Timestamp": resource.at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": _UNDRIFTED,
    }


def detail_shape(stack: Stack, resource: Resource) -> dict[str, Any]:
    """The resource of DescribeStackResource."""
    shape = resource_shape(stack, resource)
    shape["LastUpdatedTimestamp"] = shape.pop("Timestamp")
    shape["Metadata"] = json.dumps(resource.metadata) if resource.metadata else None
    return shape


def resource_summary(resource: Resource) -> dict[str, Any]:
    """One resource in ListStackResources."""
    return {
        "LogicalResourceId": resource.name,
        "PhysicalResourceId": resource.id or None,
        "ResourceType": resource.type,
        "LastUpdatedTimestamp": resource.at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": _UNDRIFTED,
    }


def event_shape(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "number" and value != ""}


def changes_of(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Give what a change set shows of a plan: nothing of what stays."""
    return [
        {"Type": "Resource", "ResourceChange": _change(step)}
        for step in steps
        if step.deed is not Deed.KEEP
    ]


def _change(step: Step) -> dict[str, Any]:
    change: dict[str, Any] = {
        "LogicalResourceId": step.name,
        "ResourceType": step.type,
        "Scope": [],
        "Details": [],
    }
    if step.id:
        change["PhysicalResourceId"] = step.id
    if step.deed is Deed.ADD:
        return change | {"Action": "Add"}
    if step.deed is Deed.REMOVE:
        return change | {"Action": "Remove", "PolicyAction": _policy(step.policy)}
    replacing = step.deed is Deed.REPLACE
    sure = "Conditional" if step.unsure else "True"
    return change | {
        "Action": "Modify",
        "Replacement": sure if replacing else "False",
        "Scope": ["Properties"],
        "Details": [_detail(name, name in step.replacing, step.unsure) for name in step.changed],
        **({"PolicyAction": f"ReplaceAnd{_policy(step.policy)}"} if replacing else {}),
    }


def _detail(name: str, replacing: bool, unsure: bool) -> dict[str, Any]:
    return {
        "Target": {
            "Attribute": "Tags" if name == "Tags" else "Properties",
            "Name": name,
            "RequiresRecreation": "Always" if replacing else "Never",
        },
        "Evaluation": "Dynamic" if unsure else "Static",
        "ChangeSource": "ResourceAttribute" if unsure else "DirectModification",
    }


def _policy(policy: str) -> str:
    return {"Delete": "Delete", "Snapshot": "Snapshot"}.get(policy, "Retain")


def declarations(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give a template's parameters as GetTemplateSummary does."""
    found = []
    for name, about in (template.get("Parameters") or {}).items():
        default = about.get("Default")
        one: dict[str, Any] = {
            "ParameterKey": name,
            "ParameterType": str(about.get("Type", "String")),
            "NoEcho": str(about.get("NoEcho", "")).lower() == "true",
            "DefaultValue": None if default is None else str(default),
            "Description": about.get("Description"),
            "ParameterConstraints": {},
        }
        if about.get("AllowedValues") is not None:
            one["ParameterConstraints"] = {
                "AllowedValues": [str(v) for v in about["AllowedValues"]]
            }
        found.append(one)
    return found
