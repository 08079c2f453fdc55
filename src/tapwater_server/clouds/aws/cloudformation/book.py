"""What is known of stacks, as facts: stacks, their resources, what happened to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.cloudformation.planning import Had
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Drop, Facts, Put, Step

STACK, RESOURCE = "cloudformation/stack", "cloudformation/resource"
EVENT, TEMPLATE = "cloudformation/event", "cloudformation/template"
EVENTS_MAX = 2_000  # Of one stack; the oldest go.
DELETED_MAX = 100  # Stacks that are gone, of an account; the oldest are forgotten.
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a stack was asked to be."""

    template: str = ""  # where it is kept
    parameters: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)  # values that SSM had for parameters
    tags: Sequence[Values] = ()
    capabilities: Sequence[str] = ()
    notifications: Sequence[str] = ()
    role: str = ""
    description: str = ""
    hidden: Sequence[str] = ()  # parameters that are not shown

    def as_json(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is being done to a stack; there while it is not done."""

    kind: str  # "create", "update", "delete"
    token: str
    phase: str = "forward"  # "cleanup", "rollback", "rollback-cleanup"
    began: float = 0.0
    previous: Inputs | None = None  # what it goes back to
    retain: Sequence[str] = ()
    on_failure: str = "ROLLBACK"  # "DO_NOTHING", "DELETE"
    change_set: str = ""
    reason: str = ""  # why it goes back
    stopped: bool = False  # somebody wants it to go back

    def as_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"previous": self.previous.as_json() if self.previous else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack."""

    name: str
    id: str
    account: Account
    status: str
    reason: str = ""
    inputs: Inputs = field(default_factory=Inputs)
    outputs: Sequence[Values] = ()
    created: float = 0.0
    updated: float | None = None
    deleted: float | None = None
    protected: bool = False
    rollback: bool = True
    timeout_min: int | None = None
    parent: str = ""
    change_set: str = ""  # the one it is of
    host: str = "localhost"  # as its last client called us
    by: Mapping[str, str] = field(default_factory=dict)  # who that was
    operation: Operation | None = None

    @property
    def who(self) -> Caller:
        """In whose name everything is done: as on AWS, nobody gets more by way of a stack."""
        return Caller(account=self.account, **self.by)

    @property
    def uid(self) -> str:
        """The end of its ARN: what everything of it is kept by."""
        return self.id.rpartition("/")[2]

    @property
    def busy(self) -> bool:
        return self.operation is not None

    def as_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        account = {
            "id": self.account.id,
            "home": str(self.account.home),
            "region": self.account.region,
        }
        return found | {
            "account": account,
            "inputs": self.inputs.as_json(),
            "operation": self.operation.as_json() if self.operation else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of a stack. ``before``: how it was when the operation now going on came to it;
    with an empty id it was not there.
    """

    name: str
    type: str
    status: str
    id: str = ""
    reason: str = ""
    at: float = 0.0
    properties: Values = field(default_factory=dict)
    attributes: Values = field(default_factory=dict)
    needs: Sequence[str] = ()
    deletion: str = "Delete"
    replacing: str = "Delete"
    metadata: Values = field(default_factory=dict)
    token: str = ""  # of this resource's making
    operation: str = ""  # token of the operation that came to it last
    before: "Resource | None" = None

    @property
    def done(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    @property
    def gone(self) -> bool:
        return self.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")

    def had(self) -> Had:
        """Give what a plan needs of it."""
        return Had(
            name=self.name,
            type=self.type,
            id=self.id,
            properties=self.properties,
            attributes=self.attributes,
            needs=frozenset(self.needs),
            deletion=self.deletion,
        )

    def as_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"before": self.before.as_json() if self.before else None}


def stack_of(value: Values) -> Stack:
    account, operation = value["account"], value["operation"]
    return Stack(
        **{
            **value,
            "account": Account(
                id=account["id"], home=AppId(account["home"]), region=account["region"]
            ),
            "inputs": Inputs(**value["inputs"]),
            "operation": _operation_of(operation) if operation else None,
        }
    )


def _operation_of(value: Values) -> Operation:
    previous = value["previous"]
    return Operation(**{**value, "previous": Inputs(**previous) if previous else None})


def resource_of(value: Values) -> Resource:
    before = value["before"]
    return Resource(**{**value, "before": resource_of(before) if before else None})


class Book:
    """Reads and writes the facts of one space's stacks."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def spaces(self) -> Sequence[str]:
        return [space for space in self._facts.spaces() if space.startswith("aws/")]

    def stacks(self, space: str) -> list[Stack]:
        """Give all stacks, those deleted too, the oldest first."""
        found = [stack_of(fact.value) for fact in self._facts.list(space, STACK)]
        return sorted(found, key=lambda stack: stack.created)

    def by_uid(self, space: str, uid: str) -> Stack | None:
        fact = self._facts.get(space, STACK, uid)
        return stack_of(fact.value) if fact is not None else None

    def find(self, space: str, said: str) -> Stack | None:
        """Find a stack by its name (if it is not deleted), or its ARN."""
        if said.startswith("arn:"):
            found = self.by_uid(space, said.rpartition("/")[2])
            return found if found is not None and found.id == said else None
        for stack in self.stacks(space):
            if stack.name == said and stack.status != "DELETE_COMPLETE":
                return stack
        return None

    def resources(self, space: str, uid: str) -> dict[str, Resource]:
        found = self._facts.list(space, RESOURCE, prefix=f"{uid}/")
        return {one.name: one for one in (resource_of(fact.value) for fact in found)}

    def events(self, space: str, uid: str) -> list[Values]:
        """Give what happened, the latest first."""
        found = self._facts.list(space, EVENT, prefix=f"{uid}/")
        return [fact.value for fact in reversed(found)]

    def text(self, space: str, key: str) -> str:
        """Give what was put by ``keep()``."""
        fact = self._facts.get(space, TEMPLATE, key)
        return str(fact.value["text"]) if fact is not None else ""

    async def keep(self, space: str, key: str, text: str) -> None:
        """Keep a template, or what became of it."""
        await self._facts.change(space, [Put(kind=TEMPLATE, key=key, value={"text": text})])

    async def change(self, space: str, steps: Sequence[Step]) -> None:
        await self._facts.change(space, steps)

    async def forget(self, space: str, uid: str) -> None:
        """Forget everything about a stack."""
        steps: list[Step] = [Drop(kind=STACK, key=uid)]
        for kind in (RESOURCE, EVENT, TEMPLATE):
            for fact in self._facts.list(space, kind, prefix=f"{uid}/"):
                steps.append(Drop(kind=kind, key=fact.key))
        for start in range(0, len(steps), 500):
            await self._facts.change(space, steps[start : start + 500])

    def drops(self, space: str, kind: str, prefix: str, *, but: Sequence[str] = ()) -> list[Step]:
        """Steps that forget all of a kind below a prefix."""
        return [
            Drop(kind=kind, key=fact.key)
            for fact in self._facts.list(space, kind, prefix=prefix)
            if fact.key not in but
        ]


def asked_by(stack: Stack, asked: AwsAsked) -> Stack:
    """Note who asks for what is to be done now."""
    names = ("name", "arn", "id", "access_key", "user", "role", "function")
    return replace(
        stack, host=asked.host, by={name: str(getattr(asked.caller, name)) for name in names}
    )


def put_stack(stack: Stack) -> Put:
    return Put(kind=STACK, key=stack.uid, value=stack.as_json())


def put_resource(uid: str, resource: Resource) -> Put:
    return Put(kind=RESOURCE, key=f"{uid}/{resource.name}", value=resource.as_json())


def restored(stack: Stack) -> Stack:
    """Give the stack what it had before the operation."""
    previous = stack.operation.previous if stack.operation is not None else None
    return replace(stack, inputs=previous) if previous is not None else stack
