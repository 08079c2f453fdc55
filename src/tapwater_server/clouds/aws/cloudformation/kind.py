"""A type of resource: how one is made, changed and deleted through its service's own door."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.cloudformation.questions import Questions
from tapwater_server.clouds.aws.cloudformation.troubles import Failed
from tapwater_server.ports.clock import Clock

Properties = Mapping[str, Any]
POLL_S = 0.1
STEADY_S_MAX = 900.0  # Until a resource that was made is ready for use.
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist", "ResourceNotFound")
_THERE = ("AlreadyExists", "ResourceConflict", "EntityAlreadyExists", "QueueNameExists")


class Api(Protocol):
    """The services of AWS as their clients see them."""

    async def call(
        self,
        who: Caller,
        service: str,
        operation: str,
        given: Mapping[str, Any],
        *,
        host: str = "localhost",
    ) -> Mapping[str, Any]:
        """Do an operation for somebody, with the names of boto3's parameters and answers.
        ``host``: as those outside call us; it is part of addresses that are given out.

        Raises:
            AwsError: as the service refuses it, because the parameters are not its, or because
                who asks may not do it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource that is there: its physical id, and what Fn::GetAtt finds. ``note``: what is
    not quite as it was asked for; it stands in the event.
    """

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


async def _nobody(id: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """One thing to be done with one resource, and the means."""

    api: Api
    who: Caller  # in whose name it is done
    host: str
    clock: Clock
    questions: Questions  # for custom resources
    inner: str  # our address as functions reach it: "http://127.0.0.1:61080"
    stack: str  # name
    stack_id: str
    logical: str
    type: str
    deed: str  # which operation this is part of, and which phase of it
    token: str  # the same whenever this is tried again; no other deed has it
    id: str = ""  # "": it is to be made
    want: Properties = field(default_factory=dict)
    had: Properties = field(default_factory=dict)
    attributes: Properties = field(default_factory=dict)
    again: bool = False  # somebody may have begun it before the node died
    tags: Mapping[str, str] = field(default_factory=dict)  # of the stack
    begun: Callable[[str], Awaitable[None]] = _nobody  # there is something now, of this id

    @property
    def account(self) -> Account:
        return self.who.account

    async def call(self, service: str, operation: str, **given: Any) -> Mapping[str, Any]:
        """Ask a service; what is None is left out."""
        said = {name: value for name, value in given.items() if value is not None}
        return await self.api.call(self.who, service, operation, said, host=self.host)

    async def forget(self, service: str, operation: str, **given: Any) -> None:
        """Ask a service to delete something; that it is not there is good too."""
        try:
            await self.call(service, operation, **given)
        except AwsError as error:
            if not is_gone(error):
                raise

    def name(self, given: str, *, length_max: int = 64, lower: bool = False) -> str:
        """Give the name that a property has, or one made of stack, logical id and chance."""
        said = self.want.get(given)
        if said:
            return str(said)
        room = length_max - len(self.token) - 1
        logical = self.logical[: max(room - 25, room // 2)]
        stack = self.stack[: room - len(logical) - 1]
        name = f"{stack}-{logical}-{self.token}"
        return name.lower() if lower else name

    def changed(self, *names: str) -> bool:
        """Tell whether one of these properties is to be another than it was."""
        return any(self.want.get(name) != self.had.get(name) for name in names)

    async def wait(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Ask again and again until something is ready.

        Raises:
            Failed: it is not, for too long.
        """
        until = self.clock.monotonic() + STEADY_S_MAX
        while not await ready():
            if self.clock.monotonic() > until:
                raise Failed(f"{self.logical} is not ready after {STEADY_S_MAX:g} seconds")
            await self.clock.sleep(POLL_S)


Make = Callable[[Doing], Awaitable[Made]]
Find = Callable[[Doing], Awaitable[str]]  # Gives an id, "": there is nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type. ``takes``: its properties that are understood; others are refused beforehand."""

    type: str
    create: Make
    delete: Callable[[Doing], Awaitable[None]]
    update: Make | None = None  # None: every change needs another resource
    takes: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()  # properties whose change needs another resource
    named: str = ""  # the property with its name, which is its physical id
    ignored: frozenset[str] = frozenset()  # properties that mean nothing here
    find: Find | None = None  # what a step that was broken off may have made
    anything: bool = False  # takes whatever properties there are

    def unknown(self, properties: Properties) -> list[str]:
        """Name the properties that are not understood."""
        return [] if self.anything else sorted(properties.keys() - self.takes - self.ignored)


def is_gone(error: AwsError) -> bool:
    """Tell whether an error says that a thing is not there."""
    return error.status == 404 or any(mark in error.code for mark in _GONE)


def is_there(error: AwsError) -> bool:
    """Tell whether an error says that a thing is there already."""
    return any(mark in error.code for mark in _THERE)


def pick(properties: Properties, *names: str) -> dict[str, Any]:
    """Take properties that a service calls by the same name."""
    return {name: properties[name] for name in names if name in properties}


def tags_of(properties: Properties, stack: Mapping[str, str]) -> dict[str, str]:
    """Give a resource's tags, and its stack's.

    >>> tags_of({"Tags": [{"Key": "a", "Value": "b"}]}, {})
    {'a': 'b'}
    """
    own = properties.get("Tags") or {}
    if isinstance(own, list):
        own = {str(tag["Key"]): str(tag.get("Value", "")) for tag in own}
    return {**stack, **{str(key): str(value) for key, value in own.items()}}


def tag_list(properties: Properties, stack: Mapping[str, str]) -> list[dict[str, str]]:
    """Give them as a list."""
    return as_tag_list(tags_of(properties, stack))


def as_tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
