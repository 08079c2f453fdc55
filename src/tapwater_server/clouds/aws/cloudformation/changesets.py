"""Change sets: what an update would do, looked at before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.cloudformation.asking import Asking, check_idle, check_updatable
from tapwater_server.clouds.aws.cloudformation.book import Book, Inputs, Stack, asked_by
from tapwater_server.clouds.aws.cloudformation.finding import find, must_find
from tapwater_server.clouds.aws.cloudformation.preparing import Prepared, Preparing
from tapwater_server.clouds.aws.cloudformation.showing import changes_of, parameters_of
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.clouds.aws.cloudformation.troubles import Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put
from tapwater_server.ports.ids import IdSource

Params = Mapping[str, Any]
CHANGE_SET = "cloudformation/changeset"
CHANGE_SETS_MAX = 100  # Of one stack.
_UNCHANGED = (
    "The submitted information didn't contain changes. Submit different information to create a"
    " change set."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """One change set."""

    name: str
    id: str
    stack: str  # uid
    type: str  # "CREATE", "UPDATE"
    status: str
    execution: str
    reason: str = ""
    description: str = ""
    inputs: Inputs = field(default_factory=Inputs)
    changes: tuple[Mapping[str, Any], ...] = ()
    created: float = 0.0
    on_failure: str = "ROLLBACK"

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.id.rpartition('/')[2]}"

    def as_json(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"inputs": self.inputs.as_json(), "changes": list(self.changes)}


def _read(value: Mapping[str, Any]) -> ChangeSet:
    inputs, changes = Inputs(**value["inputs"]), tuple(value["changes"])
    return ChangeSet(**{**value, "inputs": inputs, "changes": changes})


class ChangeSets:
    """The operations about change sets."""

    def __init__(
        self,
        *,
        facts: Facts,
        book: Book,
        asking: Asking,
        preparing: Preparing,
        wishes: Wishes,
        teller: Teller,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._facts, self._book, self._asking = facts, book, asking
        self._preparing, self._wishes, self._teller = preparing, wishes, teller
        self._clock, self._ids = clock, ids

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """CreateChangeSet: what it would do is worked out before the answer."""
        kind = str(params.get("ChangeSetType") or "UPDATE")
        if kind not in ("CREATE", "UPDATE"):
            raise AwsError("NotImplemented", f"ChangeSetType {kind} is not available here.", 501)
        stack = self._stack_for(asked, str(params["StackName"]), kind)
        name = str(params["ChangeSetName"])
        if any(one.name == name for one in self._of(stack)):
            raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
        if len(self._of(stack)) >= CHANGE_SETS_MAX:
            raise AwsError("LimitExceededException", f"Limit of {CHANGE_SETS_MAX} exceeded")
        uid = as_uuid(self._ids.fresh())
        made = ChangeSet(
            name=name,
            id=asked.account.arn("cloudformation", f"changeSet/{name}/{uid}"),
            stack=stack.uid,
            type=kind,
            status="CREATE_COMPLETE",
            execution="AVAILABLE",
            description=str(params.get("Description") or ""),
            created=self._clock.now(),
            on_failure=_on_failure(params),
        )
        made = await self._worked_out(made, stack, params)
        steps = [Put(kind=CHANGE_SET, key=made.key, value=made.as_json())]
        if self._book.by_uid(asked.account.space, stack.uid) is None:
            await self._teller.stack(stack, *steps)
        else:
            await self._facts.change(asked.account.space, steps)
        return {"Id": made.id, "StackId": stack.id}

    def _stack_for(self, asked: AwsAsked, said: str, kind: str) -> Stack:
        account = asked.account
        known = find(self._book, account, said)
        if kind == "CREATE" and known is not None and known.status == "REVIEW_IN_PROGRESS":
            return known
        if kind == "CREATE":
            return self._asking.fresh(asked, said, "REVIEW_IN_PROGRESS")
        stack = must_find(self._book, account, said)
        check_updatable(stack)
        return stack

    async def _worked_out(self, made: ChangeSet, stack: Stack, params: Params) -> ChangeSet:
        """Find out what it would do; a template that cannot be transformed makes it fail."""
        before = stack if made.type == "UPDATE" else None
        try:
            prepared = await self._preparing.prepare(stack, params, before=before, expands=True)
            steps = self._asking.plan(stack, prepared)
        except Refused as error:
            if not error.message.startswith("Transform "):
                raise
            return replace(made, status="FAILED", execution="UNAVAILABLE", reason=error.message)
        if before is not None and not self._asking.changes(stack, prepared):
            return replace(made, status="FAILED", execution="UNAVAILABLE", reason=_UNCHANGED)
        inputs = await self._asking.keep(stack, prepared)
        return replace(made, inputs=inputs, changes=tuple(changes_of(steps)))

    async def describe(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """DescribeChangeSet."""
        stack, one = self._find(asked.account, params)
        return {
            **_summary(one, stack),
            "Parameters": parameters_of(one.inputs) or None,
            "NotificationARNs": list(one.inputs.notifications),
            "RollbackConfiguration": {},
            "Capabilities": list(one.inputs.capabilities),
            "Tags": list(one.inputs.tags),
            "Changes": list(one.changes),
        }

    async def summaries(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ListChangeSets."""
        stack = must_find(self._book, asked.account, str(params["StackName"]))
        return {"Summaries": [_summary(one, stack) for one in self._of(stack)]}

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        """DeleteChangeSet. The stack that it announced stays, as on AWS."""
        _, one = self._find(asked.account, params)
        if one.execution == "EXECUTE_IN_PROGRESS":
            raise _not_now(one, "it is being executed")
        drop = Drop(kind=CHANGE_SET, key=one.key)
        await self._facts.change(asked.account.space, [drop])

    async def execute(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """ExecuteChangeSet: the others of the stack are worth nothing any more."""
        stack, one = self._find(asked.account, params)
        if one.execution != "AVAILABLE":
            raise _not_now(one, f"its execution status is {one.execution}")
        if one.type == "CREATE":
            check_idle(stack)
        else:
            check_updatable(stack)
        template = self._wishes.template(replace(stack, inputs=one.inputs))
        prepared = Prepared(
            text=self._book.text(asked.account.space, f"{one.inputs.template}/original"),
            template=template,
            inputs=one.inputs,
            desired=self._wishes.of(replace(stack, inputs=one.inputs), template),
        )
        rolling = not params.get("DisableRollback")
        stack = replace(stack, rollback=rolling, change_set=one.id)
        stack = asked_by(stack, asked)
        on_failure = one.on_failure if rolling else "DO_NOTHING"
        steps = []
        for other in self._of(stack):
            execution = "EXECUTE_COMPLETE" if other.id == one.id else "OBSOLETE"
            done = replace(other, execution=execution)
            steps.append(Put(kind=CHANGE_SET, key=other.key, value=done.as_json()))
        await self._facts.change(asked.account.space, steps)
        await self._asking.begin(
            stack,
            prepared,
            kind="create" if one.type == "CREATE" else "update",
            on_failure=on_failure,
            change_set=one.id,
        )
        return {}

    def template_of(self, account: Account, params: Params) -> ChangeSet:
        """Find a change set for GetTemplate."""
        return self._find(account, params)[1]

    def _of(self, stack: Stack) -> tuple[ChangeSet, ...]:
        found = self._facts.list(stack.account.space, CHANGE_SET, prefix=f"{stack.uid}/")
        return tuple(_read(fact.value) for fact in found)

    def _find(self, account: Account, params: Params) -> tuple[Stack, ChangeSet]:
        said, where = str(params["ChangeSetName"]), params.get("StackName")
        if said.startswith("arn:"):
            for fact in self._facts.list(account.space, CHANGE_SET):
                one = _read(fact.value)
                stack = self._book.by_uid(account.space, one.stack)
                if one.id == said and stack is not None:
                    return stack, one
            raise AwsError("ChangeSetNotFound", f"ChangeSet [{said}] does not exist", 404)
        if not where:
            raise Refused(
                "StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        stack = must_find(self._book, account, str(where))
        for one in self._of(stack):
            if one.name == said:
                return stack, one
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{said}] does not exist", 404)


def _on_failure(params: Params) -> str:
    return str(params.get("OnStackFailure") or "ROLLBACK")


def _summary(one: ChangeSet, stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": one.id,
        "ChangeSetName": one.name,
        "ExecutionStatus": one.execution,
        "Status": one.status,
        "StatusReason": one.reason or None,
        "CreationTime": one.created,
        "Description": one.description or None,
        "IncludeNestedStacks": False,
    }


def _not_now(one: ChangeSet, why: str) -> AwsError:
    return AwsError(
        "InvalidChangeSetStatus", f"ChangeSet [{one.id}] cannot be executed or deleted: {why}"
    )
