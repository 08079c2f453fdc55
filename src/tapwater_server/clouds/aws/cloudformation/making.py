"""Carries single steps out: makes, changes and deletes one resource, and writes down each move."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.book import Resource, Stack
from tapwater_server.clouds.aws.cloudformation.kind import Api, Doing, Kind
from tapwater_server.clouds.aws.cloudformation.questions import Questions
from tapwater_server.clouds.aws.cloudformation.secrets import filled
from tapwater_server.clouds.aws.cloudformation.service_role import doer
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.clouds.aws.cloudformation.troubles import Failed
from tapwater_server.clouds.aws.shapes.unique import short_id
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

_log = logging.getLogger(__name__)
TOKEN_LENGTH = 12
Properties = Mapping[str, Any]


class Stopped(Exception):
    """A step failed: the operation goes no further. Says at which resource."""

    def __init__(self, name: str, verb: str, reason: str) -> None:
        super().__init__(reason)
        self.name, self.verb, self.reason = name, verb, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Does single steps."""

    kind_of: Callable[[str], Kind | None]
    api: Api
    questions: Questions
    inner: str  # our address as functions reach it
    teller: Teller
    clock: Clock
    ids: IdSource

    async def make(self, stack: Stack, resource: Resource, *, again: bool) -> Resource:
        """Make a resource. What is given has its properties as they are to be.

        Raises:
            Stopped: it cannot be made.
        """
        verb = "UPDATE" if resource.before is not None and resource.before.id else "CREATE"
        token = resource.token if again and resource.token else self._token()
        begun = replace(resource, status=f"{verb}_IN_PROGRESS", token=token, id="", reason="")
        if verb == "UPDATE":
            begun = replace(
                begun,
                reason="Requested update requires the creation of a new physical resource; hence"
                " creating one.",
            )
        begun = await self.teller.resource(stack, begun)
        kind = self._kind(resource.type)

        async def noted(id: str) -> None:
            nonlocal begun
            why = "Resource creation Initiated"
            begun = await self.teller.resource(stack, replace(begun, id=id, reason=why))

        try:
            if again:
                await self.erase(stack, replace(begun, id=resource.id))  # Half made, perhaps.
            doing = await self._doing(stack, begun, want=resource.properties, again=again)
            made = await kind.create(replace(doing, begun=noted))
        except (AwsError, Failed) as error:
            failed = await self.teller.resource(
                stack, replace(begun, status=f"{verb}_FAILED", reason=reason_of(error))
            )
            raise Stopped(resource.name, verb, failed.reason) from error
        done = replace(
            begun,
            status=f"{verb}_COMPLETE",
            id=made.id,
            attributes=made.attributes,
            reason=made.note,
        )
        return await self.teller.resource(stack, done)

    async def change(self, stack: Stack, resource: Resource, properties: Properties) -> Resource:
        """Change a resource where it is.

        Raises:
            Stopped: it cannot be changed.
        """
        begun = replace(resource, status="UPDATE_IN_PROGRESS", reason="")
        begun = await self.teller.resource(stack, begun)
        kind = self._kind(resource.type)
        assert kind.update is not None
        try:
            doing = await self._doing(stack, resource, want=properties, had=resource.properties)
            made = await kind.update(doing)
        except (AwsError, Failed) as error:
            # Some of it may have been changed: going back means to set what was there before.
            failed = replace(
                begun, status="UPDATE_FAILED", reason=reason_of(error), properties=properties
            )
            failed = await self.teller.resource(stack, failed)
            raise Stopped(resource.name, "UPDATE", failed.reason) from error
        done = replace(
            begun,
            status="UPDATE_COMPLETE",
            id=made.id,
            attributes=made.attributes,
            properties=properties,
            reason=made.note,
        )
        return await self.teller.resource(stack, done)

    async def delete(self, stack: Stack, resource: Resource, *, retained: bool) -> Resource:
        """Delete a resource, or leave it behind.

        Raises:
            Stopped: it cannot be deleted.
        """
        if not resource.id and not resource.status.endswith("_IN_PROGRESS"):
            # Its making failed before there was anything.
            return await self.teller.quietly(stack, replace(resource, status="DELETE_COMPLETE"))
        if retained:
            return await self.teller.resource(stack, replace(resource, status="DELETE_SKIPPED"))
        begun = replace(resource, status="DELETE_IN_PROGRESS", reason="")
        begun = await self.teller.resource(stack, begun)
        try:
            await self.erase(stack, resource)
        except (AwsError, Failed) as error:
            failed = replace(begun, status="DELETE_FAILED", reason=reason_of(error))
            failed = await self.teller.resource(stack, failed)
            raise Stopped(resource.name, "DELETE", failed.reason) from error
        return await self.teller.resource(stack, replace(begun, status="DELETE_COMPLETE"))

    async def erase(self, stack: Stack, resource: Resource) -> None:
        """Delete what there is of a resource, and write nothing down."""
        kind = self._kind(resource.type)
        doing = await self._doing(stack, resource, want=resource.properties)
        if not resource.id:
            id = await self._left(kind, doing)
            if not id:
                return
            doing = replace(doing, id=id)
        await kind.delete(doing)

    async def _left(self, kind: Kind, doing: Doing) -> str:
        """Find what a making that was broken off has left: by its traces, or by the name that we
        chose for it.
        """
        if kind.find is not None:
            return await kind.find(doing)
        return doing.name(kind.named) if kind.named and not doing.want.get(kind.named) else ""

    async def erase_old(self, stack: Stack, old: Resource, *, retained: bool) -> None:
        """Delete the resource that another one has replaced, and tell of it."""
        about = {
            "LogicalResourceId": old.name,
            "PhysicalResourceId": old.id,
            "ResourceType": old.type,
        }
        if retained:
            await self.teller.passing(stack, about | {"ResourceStatus": "DELETE_SKIPPED"})
            return
        await self.teller.passing(stack, about | {"ResourceStatus": "DELETE_IN_PROGRESS"})
        try:
            await self.erase(stack, old)
        except (AwsError, Failed) as error:
            why = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": reason_of(error)}
            await self.teller.passing(stack, about | why)
            return
        await self.teller.passing(stack, about | {"ResourceStatus": "DELETE_COMPLETE"})

    async def _doing(
        self,
        stack: Stack,
        resource: Resource,
        *,
        want: Properties,
        had: Properties | None = None,
        again: bool = False,
    ) -> Doing:
        return Doing(
            api=self.api,
            who=doer(stack),
            host=stack.host,
            clock=self.clock,
            questions=self.questions,
            inner=self.inner,
            stack=stack.name,
            stack_id=stack.id,
            logical=resource.name,
            type=resource.type,
            deed=_deed(stack),
            token=resource.token,
            id=resource.id,
            want=await filled(want, self.api, doer(stack)),
            had=had or {},
            attributes=resource.attributes,
            again=again,
            tags=stack_tags(stack.inputs.tags),
        )

    def _kind(self, type: str) -> Kind:
        kind = self.kind_of(type)
        assert kind is not None  # Seen before anything was made.
        return kind

    def _token(self) -> str:
        return short_id(self.ids.fresh(), TOKEN_LENGTH).upper()


def _deed(stack: Stack) -> str:
    operation = stack.operation
    return f"{operation.token}/{operation.phase}" if operation is not None else ""


def stack_tags(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give a stack's own tags: all that can have tags gets them."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}


def reason_of(error: Exception) -> str:
    """Say why, as it stands in an event."""
    if isinstance(error, AwsError):
        return f"Resource handler returned message: {error.message!r} (ErrorCode: {error.code})"
    return str(error)
