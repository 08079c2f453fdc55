"""Requests that look at stacks, templates and exports."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.cloudformation import showing
from tapwater_server.clouds.aws.cloudformation.book import Book, Resource, Stack
from tapwater_server.clouds.aws.cloudformation.changesets import ChangeSets
from tapwater_server.clouds.aws.cloudformation.finding import must_find
from tapwater_server.clouds.aws.cloudformation.preparing import Preparing
from tapwater_server.clouds.aws.cloudformation.template import read_template
from tapwater_server.clouds.aws.cloudformation.transforming import SAM, transforms_of
from tapwater_server.clouds.aws.cloudformation.troubles import Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes

Params = Mapping[str, Any]
PAGE = 100


class Reading:
    """Answers questions."""

    def __init__(
        self, *, book: Book, wishes: Wishes, preparing: Preparing, change_sets: ChangeSets
    ) -> None:
        self._book, self._wishes = book, wishes
        self._preparing, self._change_sets = preparing, change_sets

    async def stacks(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """DescribeStacks."""
        space = asked.account.space
        if params.get("StackName"):
            found = [must_find(self._book, asked.account, str(params["StackName"]))]
        else:
            found = [one for one in self._book.stacks(space) if one.status != "DELETE_COMPLETE"]
        page, token = paged(found[::-1], params)
        return {"Stacks": [showing.stack_shape(one) for one in page], "NextToken": token}

    async def summaries(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ListStacks."""
        wanted = set(params.get("StackStatusFilter") or [])
        found = [
            one
            for one in self._book.stacks(asked.account.space)[::-1]
            if not wanted or one.status in wanted
        ]
        page, token = paged(found, params)
        return {"StackSummaries": [showing.summary_shape(one) for one in page], "NextToken": token}

    async def events(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """DescribeStackEvents."""
        stack = must_find(self._book, asked.account, str(params.get("StackName", "")))
        page, token = paged(self._book.events(asked.account.space, stack.uid), params)
        return {"StackEvents": [showing.event_shape(one) for one in page], "NextToken": token}

    async def resources(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """DescribeStackResources: of a stack, or of the one that has a physical resource."""
        stack, found = self._resources(asked, params)
        name = params.get("LogicalResourceId")
        if name:
            found = [one for one in found if one.name == name]
        return {"StackResources": [showing.resource_shape(stack, one) for one in found]}

    def _resources(self, asked: AwsAsked, params: Params) -> tuple[Stack, list[Resource]]:
        space = asked.account.space
        if params.get("StackName"):
            stack = must_find(self._book, asked.account, str(params["StackName"]))
            return stack, list(self._book.resources(space, stack.uid).values())
        physical = params.get("PhysicalResourceId")
        for stack in self._book.stacks(space):
            found = list(self._book.resources(space, stack.uid).values())
            if stack.status != "DELETE_COMPLETE" and any(one.id == physical for one in found):
                return stack, found
        raise Refused(f"Stack for {physical} does not exist")

    async def resource(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """DescribeStackResource."""
        stack = must_find(self._book, asked.account, str(params["StackName"]))
        name = str(params["LogicalResourceId"])
        found = self._book.resources(asked.account.space, stack.uid).get(name)
        if found is None:
            raise Refused(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": showing.detail_shape(stack, found)}

    async def list_resources(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ListStackResources."""
        stack = must_find(self._book, asked.account, str(params["StackName"]))
        found = list(self._book.resources(asked.account.space, stack.uid).values())
        page, token = paged(found, params)
        summaries = [showing.resource_summary(one) for one in page]
        return {"StackResourceSummaries": summaries, "NextToken": token}

    async def template(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """GetTemplate, as it was given or with its transforms carried out."""
        stage = str(params.get("TemplateStage") or "Original").lower()
        if params.get("ChangeSetName"):
            key = self._change_sets.template_of(asked.account, params).inputs.template
        else:
            stack = must_find(self._book, asked.account, str(params.get("StackName", "")))
            key = stack.inputs.template
        text = self._book.text(asked.account.space, f"{key}/{stage}")
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    async def summary(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """GetTemplateSummary."""
        stack = None
        if params.get("StackName"):
            stack = must_find(self._book, asked.account, str(params["StackName"]))
            params = {**params, "UsePreviousTemplate": True}
        text = await self._preparing.text(asked.caller, params, stack)
        template = await asyncio.to_thread(read_template, text)
        types: dict[str, list[str]] = {}
        for name, about in template["Resources"].items():
            types.setdefault(str(about["Type"]), []).append(name)
        needed, why = _capabilities(template)
        return {
            "Parameters": showing.declarations(template),
            "Description": template.get("Description"),
            "Capabilities": needed or None,
            "CapabilitiesReason": why or None,
            "ResourceTypes": sorted(types),
            "Version": template.get("AWSTemplateFormatVersion"),
            "DeclaredTransforms": transforms_of(template) or None,
            "ResourceIdentifierSummaries": [
                {"ResourceType": type, "LogicalResourceIds": names}
                for type, names in sorted(types.items())
            ],
        }

    async def validate(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ValidateTemplate."""
        text = await self._preparing.text(asked.caller, params)
        template = await asyncio.to_thread(read_template, text)
        needed, why = _capabilities(template)
        kept = ("ParameterKey", "DefaultValue", "NoEcho", "Description")
        return {
            "Parameters": [
                {name: one[name] for name in kept} for one in showing.declarations(template)
            ],
            "Description": template.get("Description"),
            "Capabilities": needed or None,
            "CapabilitiesReason": why or None,
            "DeclaredTransforms": transforms_of(template) or None,
        }

    async def exports(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ListExports."""
        found = [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for name, (stack, value) in sorted(self._wishes.exports(asked.account).items())
        ]
        page, token = paged(found, params)
        return {"Exports": page, "NextToken": token}

    async def imports(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ListImports."""
        name = str(params["ExportName"])
        found = self._wishes.importers(asked.account, name)
        if not found:
            raise Refused(f"Export '{name}' is not imported by any stack.")
        page, token = paged(found, params)
        return {"Imports": page, "NextToken": token}


def paged(found: Sequence[Any], params: Params) -> tuple[list[Any], str | None]:
    """Give the page that a token leads to, and the token of the next one.

    Raises:
        Refused: the token is none of ours.
    """
    said = str(params.get("NextToken") or "0")
    if not said.isdecimal() or len(said) > 9:
        raise Refused("NextToken is not valid")
    start = int(said)
    after = start + PAGE
    return list(found[start:after]), str(after) if after < len(found) else None


def _capabilities(template: Mapping[str, Any]) -> tuple[list[str], str]:
    """Say what consent a template needs, as far as one sees before it is transformed."""
    iam = [
        str(about["Type"])
        for about in template["Resources"].values()
        if str(about["Type"]).startswith("AWS::IAM::")
    ]
    named = any(
        name.endswith("Name")
        for about in template["Resources"].values()
        if str(about["Type"]).startswith("AWS::IAM::")
        for name in about.get("Properties") or {}
        if name != "PolicyName"
    )
    needed = ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"] if iam else []
    why = f"The following resource(s) require capabilities: [{', '.join(sorted(set(iam)))}]"
    if SAM in transforms_of(template):
        needed, iam = sorted({*needed, "CAPABILITY_AUTO_EXPAND"}), iam or [SAM]
        why = f"The following resource(s) require capabilities: [{', '.join(sorted(set(iam)))}]"
    return needed, why if needed else ""
