"""Writes down what happens to a stack: states and events in one durable step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.cloudformation.book import (
    EVENT,
    EVENTS_MAX,
    Book,
    Resource,
    Stack,
    put_resource,
    put_stack,
)
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Put, Step
from tapwater_server.ports.ids import IdSource

REASON_LENGTH_MAX = 1_000
STACK_TYPE = "AWS::CloudFormation::Stack"


class Teller:
    """Tells what happens to one stack."""

    def __init__(self, *, book: Book, clock: Clock, ids: IdSource) -> None:
        self._book, self._clock, self._ids = book, clock, ids

    async def stack(self, stack: Stack, *more: Step, quiet: bool = False) -> Stack:
        """Write the stack down; unless ``quiet``, its state is an event."""
        about = {
            "LogicalResourceId": stack.name,
            "PhysicalResourceId": stack.id,
            "ResourceType": STACK_TYPE,
            "ResourceStatus": stack.status,
            "ResourceStatusReason": stack.reason,
        }
        events = [] if quiet else self._event(stack, about)
        await self._book.change(stack.account.space, [put_stack(stack), *more, *events])
        return stack

    async def resource(self, stack: Stack, resource: Resource, *more: Step) -> Resource:
        """Write a resource down, with its state as an event."""
        known = replace(resource, at=self._clock.now(), reason=resource.reason[:REASON_LENGTH_MAX])
        about = {
            "LogicalResourceId": known.name,
            "PhysicalResourceId": known.id,
            "ResourceType": known.type,
            "ResourceStatus": known.status,
            "ResourceStatusReason": known.reason,
        }
        steps = [put_resource(stack.uid, known), *more, *self._event(stack, about)]
        await self._book.change(stack.account.space, steps)
        return known

    async def quietly(self, stack: Stack, resource: Resource) -> Resource:
        """Write a resource down, and tell nobody."""
        await self._book.change(stack.account.space, [put_resource(stack.uid, resource)])
        return resource

    async def passing(self, stack: Stack, about: Mapping[str, Any]) -> None:
        """Tell of what no record is kept of: one that was replaced goes."""
        await self._book.change(stack.account.space, self._event(stack, about))

    def _event(self, stack: Stack, about: Mapping[str, Any]) -> list[Step]:
        known = self._book.events(stack.account.space, stack.uid)
        number = int(known[0]["number"]) + 1 if known else 1
        value = {
            **about,
            "StackId": stack.id,
            "StackName": stack.name,
            "EventId": as_uuid(self._ids.fresh()),
            "Timestamp": self._clock.now(),
            "number": number,
        }
        steps: list[Step] = [Put(kind=EVENT, key=_key(stack, number), value=value)]
        if len(known) >= EVENTS_MAX:
            steps.append(Drop(kind=EVENT, key=_key(stack, int(known[-1]["number"]))))
        return steps


def _key(stack: Stack, number: int) -> str:
    return f"{stack.uid}/{number:09d}"
