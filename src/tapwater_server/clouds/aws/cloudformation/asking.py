"""Requests that change stacks: create, update, delete. The doing itself is the operator's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.cloudformation.book import (
    DELETED_MAX,
    EVENT,
    RESOURCE,
    Book,
    Inputs,
    Operation,
    Stack,
    asked_by,
)
from tapwater_server.clouds.aws.cloudformation.finding import check_name, find, must_find
from tapwater_server.clouds.aws.cloudformation.operator import Operator
from tapwater_server.clouds.aws.cloudformation.planning import Deed, Step, plan
from tapwater_server.clouds.aws.cloudformation.preparing import Prepared, Preparing
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.clouds.aws.cloudformation.troubles import Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes
from tapwater_server.clouds.aws.inside.asking import INSIDE
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

Params = Mapping[str, Any]
STACKS_MAX = 2_000  # Of an account.
UPDATABLE = frozenset(
    {
        *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"),
        *("CREATE_FAILED", "UPDATE_FAILED"),
    }
)


class Asking:
    """Takes requests that change stacks."""

    def __init__(
        self,
        *,
        book: Book,
        preparing: Preparing,
        wishes: Wishes,
        operator: Operator,
        teller: Teller,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._book, self._preparing, self._wishes = book, preparing, wishes
        self._operator, self._teller = operator, teller
        self._clock, self._ids = clock, ids

    def fresh(self, asked: AwsAsked, name: str, status: str) -> Stack:
        """Make the record of a new stack.

        Raises:
            AwsError: its name is taken, or none; or there are too many.
        """
        check_name(name)
        account = asked.account
        if find(self._book, account, name) is not None:
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        if len(self._book.stacks(account.space)) >= STACKS_MAX:
            raise AwsError("LimitExceededException", f"Limit of {STACKS_MAX} stacks exceeded")
        uid = as_uuid(self._ids.fresh())
        stack = Stack(
            name=name,
            id=account.arn("cloudformation", f"stack/{name}/{uid}"),
            account=account,
            status=status,
            created=self._clock.now(),
            parent=INSIDE if asked.client == INSIDE else "",
        )
        return asked_by(stack, asked)

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """CreateStack."""
        stack = self.fresh(asked, params["StackName"], "CREATE_IN_PROGRESS")
        prepared = await self._preparing.prepare(stack, params, before=None)
        self.plan(stack, prepared)
        on_failure = str(params.get("OnFailure") or "ROLLBACK")
        if params.get("DisableRollback"):
            on_failure = "DO_NOTHING"
        # Somebody else may have come meanwhile: the name is taken only now.
        stack = replace(self.fresh(asked, stack.name, stack.status), id=stack.id)
        await self.begin(
            replace(
                stack,
                rollback=on_failure != "DO_NOTHING",
                protected=bool(params.get("EnableTerminationProtection")),
                timeout_min=params.get("TimeoutInMinutes"),
            ),
            prepared,
            kind="create",
            on_failure=on_failure,
        )
        return {"StackId": stack.id}

    async def update(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """UpdateStack."""
        stack = must_find(self._book, asked.account, params["StackName"])
        stack = asked_by(stack, asked)
        check_updatable(stack)
        prepared = await self._preparing.prepare(stack, params, before=stack)
        if not self.changes(stack, prepared):
            raise Refused("No updates are to be performed.")
        check_updatable(must_find(self._book, asked.account, stack.id))
        on_failure = "DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK"
        await self.begin(stack, prepared, kind="update", on_failure=on_failure)
        return {"StackId": stack.id}

    async def cancel(self, asked: AwsAsked, params: Params) -> None:
        """CancelUpdateStack."""
        stack = must_find(self._book, asked.account, params["StackName"])
        if stack.status != "UPDATE_IN_PROGRESS":
            raise Refused("CancelUpdateStack cannot be called from current stack status")
        await self._operator.stop(stack)

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        """DeleteStack. Of what is not there nothing is said, as on AWS."""
        stack = find(self._book, asked.account, params["StackName"])
        if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return
        if stack.protected:
            raise Refused(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack.operation is not None and stack.operation.kind == "create":
            await self._operator.stop(stack)
            stack = must_find(self._book, asked.account, stack.id)
            if stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
                return
        check_idle(stack)
        self._check_unused(stack)
        stack = asked_by(stack, asked)
        operation = Operation(
            kind="delete",
            token=self._ids.fresh(),
            began=self._clock.now(),
            retain=list(params.get("RetainResources") or []),
        )
        deleting = replace(
            stack, status="DELETE_IN_PROGRESS", reason="User Initiated", operation=operation
        )
        await self._teller.stack(deleting)
        await self._forget_old(stack.account)
        self._operator.start(deleting)
        await self._operator.settled(deleting)

    def _check_unused(self, stack: Stack) -> None:
        """Refuse to delete what another stack imports from."""
        for output in stack.outputs:
            name = output.get("ExportName")
            users = self._wishes.importers(stack.account, str(name)) if name else []
            if users:
                raise Refused(
                    f"Export {name} cannot be deleted as it is in use by {', '.join(users)}"
                )

    async def _forget_old(self, account: Account) -> None:
        deleted = [s for s in self._book.stacks(account.space) if s.status == "DELETE_COMPLETE"]
        for old in deleted[:-DELETED_MAX]:
            await self._book.forget(account.space, old.uid)

    def plan(self, stack: Stack, prepared: Prepared) -> list[Step]:
        """Say what would be done.

        Raises:
            Refused: it cannot be done.
        """
        known = self._book.resources(stack.account.space, stack.uid)
        actual = {name: one.had() for name, one in known.items() if one.id and not one.gone}
        steps = plan(
            prepared.desired,
            actual,
            replaced=self._wishes.replaced,
            imported=self._wishes.imported(stack),
            region=stack.account.region,
        )
        return list(steps)

    def changes(self, stack: Stack, prepared: Prepared) -> list[Step]:
        """Say what would be done; nothing: the stack is as it is to be.

        What only the stack itself has (outputs, tags) counts as one step of its own.
        """
        steps = [one for one in self.plan(stack, prepared) if one.deed is not Deed.KEEP]
        if steps:
            return steps
        old = self._wishes.template(stack)
        same = (
            old.get("Outputs") == prepared.template.get("Outputs")
            and list(stack.inputs.tags) == list(prepared.inputs.tags)
            and stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
        )
        own = Step(
            name=stack.name, type="AWS::CloudFormation::Stack", deed=Deed.CHANGE, id=stack.id
        )
        return [] if same else [own]

    async def begin(
        self,
        stack: Stack,
        prepared: Prepared,
        *,
        kind: str,
        on_failure: str = "ROLLBACK",
        change_set: str = "",
    ) -> None:
        """Write the operation down, and have it done."""
        inputs = await self.keep(stack, prepared)
        creating = kind == "create"
        operation = Operation(
            kind=kind,
            token=self._ids.fresh(),
            began=self._clock.now(),
            previous=None if creating else stack.inputs,
            on_failure=on_failure,
            change_set=change_set,
        )
        begun = replace(
            stack,
            status="CREATE_IN_PROGRESS" if creating else "UPDATE_IN_PROGRESS",
            reason="User Initiated",
            inputs=inputs,
            updated=None if creating and not change_set else self._clock.now(),
            operation=operation,
            change_set=change_set or stack.change_set,
        )
        await self._teller.stack(begun)
        self._operator.start(begun)
        await self._operator.settled(begun)

    async def keep(self, stack: Stack, prepared: Prepared) -> Inputs:
        """Keep a template, as it was given and as it has become."""
        key, space = f"{stack.uid}/{self._ids.fresh()}", stack.account.space
        await self._book.keep(space, f"{key}/original", prepared.text)
        processed = msgspec.json.encode(prepared.template).decode()
        await self._book.keep(space, f"{key}/processed", processed)
        return replace(prepared.inputs, template=key)

    async def drop(self, stack: Stack) -> None:
        """Forget a stack of which nothing has been made."""
        space = stack.account.space
        steps = self._book.drops(space, RESOURCE, f"{stack.uid}/")
        await self._book.change(space, [*steps, *self._book.drops(space, EVENT, f"{stack.uid}/")])
        await self._book.forget(space, stack.uid)


def check_idle(stack: Stack) -> None:
    """Refuse while something is being done.

    Raises:
        Refused: it is.
    """
    if stack.busy:
        raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def check_updatable(stack: Stack) -> None:
    """Refuse what cannot be updated now.

    Raises:
        Refused: it cannot.
    """
    if stack.busy or stack.status not in UPDATABLE:
        raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
