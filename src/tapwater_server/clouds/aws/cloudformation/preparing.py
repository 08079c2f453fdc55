"""From a request to what a stack is to be: its template found, transformed, and filled in."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.book import Book, Inputs, Stack
from tapwater_server.clouds.aws.cloudformation.desired import Desired
from tapwater_server.clouds.aws.cloudformation.kind import Api
from tapwater_server.clouds.aws.cloudformation.parameters import (
    Given,
    choose,
    stored_in_ssm,
    typed,
)
from tapwater_server.clouds.aws.cloudformation.service_role import ServiceRoles
from tapwater_server.clouds.aws.cloudformation.template import (
    BODY_BYTES_MAX,
    TEMPLATE_BYTES_MAX,
    Template,
    read_template,
)
from tapwater_server.clouds.aws.cloudformation.transforming import Transforming, transforms_of
from tapwater_server.clouds.aws.cloudformation.troubles import Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes

Params = Mapping[str, Any]
_IAM = frozenset(
    f"AWS::IAM::{name}"
    for name in ("AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User")
)
_NAMED = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that there is to know before anything is made."""

    text: str  # as it was given
    template: Template  # transforms carried out
    inputs: Inputs
    desired: Desired


class Preparing:
    """Prepares stacks."""

    def __init__(
        self,
        *,
        book: Book,
        api: Api,
        wishes: Wishes,
        transforming: Transforming,
        roles: ServiceRoles,
    ) -> None:
        self._book, self._api, self._wishes = book, api, wishes
        self._transforming, self._roles = transforming, roles

    async def text(self, who: Caller, params: Params, stack: Stack | None = None) -> str:
        """Find the template's text: in the request, in a bucket, or the one that there is.

        Raises:
            Refused: there is none.
        """
        if params.get("TemplateBody"):
            text = str(params["TemplateBody"])
            if len(text.encode()) > BODY_BYTES_MAX:
                raise Refused(
                    f"1 validation error detected: Value at 'templateBody' failed to satisfy"
                    f" constraint: Member must have length less than or equal to {BODY_BYTES_MAX}"
                )
            return text
        if params.get("TemplateURL"):
            return await self._download(who, str(params["TemplateURL"]))
        if stack is not None and params.get("UsePreviousTemplate") and stack.inputs.template:
            return self._book.text(who.account.space, f"{stack.inputs.template}/original")
        raise Refused("Either Template URL or Template Body must be specified.")

    async def _download(self, who: Caller, url: str) -> str:
        bucket, key, version = place_of(url)
        given = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        try:
            found = await self._api.call(who, "s3", "GetObject", given)
        except AwsError as error:
            raise Refused(f"S3 error: {error.message}") from error
        body = bytes(found["Body"])
        if len(body) > TEMPLATE_BYTES_MAX:
            raise Refused(f"Template may not exceed {TEMPLATE_BYTES_MAX} bytes in size.")
        return body.decode(errors="replace")

    async def prepare(
        self, stack: Stack, params: Params, *, before: Stack | None, expands: bool = False
    ) -> Prepared:
        """Prepare what a request asks a stack to be. ``expands``: transforms need no consent.

        Raises:
            Refused: it cannot be.
            AwsError: InsufficientCapabilitiesException.
        """
        if params.get("RoleARN"):
            self._roles.check(stack.who, str(params["RoleARN"]))
        text = await self.text(stack.who, params, before)
        template = await asyncio.to_thread(read_template, text)
        declared = template.get("Parameters") or {}
        inputs = await self._inputs(stack, params, declared, before)
        inputs = replace(inputs, description=str(template.get("Description") or ""))
        capabilities = set(inputs.capabilities)
        transforms = transforms_of(template)
        if transforms and not expands and "CAPABILITY_AUTO_EXPAND" not in capabilities:
            raise _insufficient("CAPABILITY_AUTO_EXPAND")
        if transforms:
            values = {
                name: typed(str(declared[name].get("Type")), value)
                for name, value in {**inputs.parameters, **inputs.found}.items()
            }
            template = dict(
                await self._transforming.transform(template, values, region=stack.account.region)
            )
        desired = self._wishes.of(replace(stack, inputs=inputs), template)
        needed = needed_capability(desired)
        enough = {needed, "CAPABILITY_NAMED_IAM"} & capabilities
        if needed and not enough:
            raise _insufficient(needed)
        return Prepared(text=text, template=template, inputs=inputs, desired=desired)

    async def _inputs(
        self,
        stack: Stack,
        params: Params,
        declared: Mapping[str, Any],
        before: Stack | None,
    ) -> Inputs:
        given = [
            Given(
                key=str(one.get("ParameterKey", "")),
                value=one.get("ParameterValue"),
                previous=bool(one.get("UsePreviousValue")),
            )
            for one in params.get("Parameters") or []
        ]
        known = before.inputs if before is not None else Inputs()
        values = choose(declared, given, known.parameters)
        tags = params.get("Tags")
        return Inputs(
            parameters=values,
            found=await self._stored(stack.who, declared, values),
            tags=known.tags if tags is None else [dict(tag) for tag in tags],
            capabilities=list(params.get("Capabilities") or []),
            notifications=list(params.get("NotificationARNs") or known.notifications),
            role=str(params.get("RoleARN") or known.role),
            hidden=[
                name
                for name, about in declared.items()
                if str(about.get("NoEcho", "")).lower() == "true"
            ],
        )

    async def _stored(
        self, who: Caller, declared: Mapping[str, Any], values: Mapping[str, str]
    ) -> dict[str, str]:
        """Fetch the parameters that name one of SSM."""
        found = {}
        for name, value in values.items():
            if stored_in_ssm(str(declared[name].get("Type", ""))) is None:
                continue
            try:
                answer = await self._api.call(who, "ssm", "GetParameter", {"Name": value})
            except AwsError as error:
                raise Refused(
                    f"Unable to fetch parameters [{value}] from parameter store for this account."
                ) from error
            found[name] = str(answer["Parameter"]["Value"])
        return found


def needed_capability(desired: Desired) -> str:
    """Say what consent a template needs for what it does to IAM; "": none."""
    needed = ""
    for one in desired.resources.values():
        if one.type in _IAM:
            if any(name in one.properties for name in _NAMED):
                return "CAPABILITY_NAMED_IAM"
            needed = "CAPABILITY_IAM"
    return needed


def _insufficient(name: str) -> AwsError:
    return AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{name}]")


def place_of(url: str) -> tuple[str, str, str]:
    """Read a template's address: its bucket, key and version.

    >>> place_of("https://s3.amazonaws.com/bucket/a/b.yaml")
    ('bucket', 'a/b.yaml', '')
    >>> place_of("https://bucket.s3.eu-west-1.amazonaws.com/a%20b?versionId=3")
    ('bucket', 'a b', '3')

    Raises:
        Refused: it leads to no bucket.
    """
    parts = urlsplit(url)
    host, path = (parts.hostname or ""), unquote(parts.path.lstrip("/"))
    version = parts.query.partition("versionId=")[2].partition("&")[0]
    labels = _s3_label(host.split("."))
    if parts.scheme == "s3":
        return host, path, version
    if parts.scheme not in ("http", "https"):
        raise Refused("TemplateURL must be a supported URL.")
    if labels:
        return ".".join(labels), path, version
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise Refused("TemplateURL must reference a valid S3 object to which you have access.")
    return bucket, key, version


def _s3_label(labels: Sequence[str]) -> Sequence[str]:
    """Give what stands before "s3" in a host name: the bucket."""
    for index, label in enumerate(labels):
        if index and (label == "s3" or label.startswith("s3-")):
            return labels[:index]
    return ()
