"""One operation on one stack, from wherever it stands to its end."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.cloudformation.book import (
    RESOURCE,
    Book,
    Resource,
    Stack,
    put_resource,
    restored,
)
from tapwater_server.clouds.aws.cloudformation.desired import Desired, Wanted
from tapwater_server.clouds.aws.cloudformation.intrinsics import resolve, text
from tapwater_server.clouds.aws.cloudformation.making import Maker, Stopped
from tapwater_server.clouds.aws.cloudformation.planning import (
    Deed,
    backwards,
    deed_of,
    scope_of,
)
from tapwater_server.clouds.aws.cloudformation.questions import QUESTION
from tapwater_server.clouds.aws.cloudformation.telling import Teller
from tapwater_server.clouds.aws.cloudformation.troubles import Failed, Refused
from tapwater_server.clouds.aws.cloudformation.wishing import Wishes
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop

_RETAINED = frozenset({"Retain", "RetainExceptOnCreate"})


class Run:
    """Carries an operation on. Every move is written down before it is made, so that a node that
    dies in the middle goes on where it was.
    """

    def __init__(
        self, stack: Stack, *, book: Book, maker: Maker, wishes: Wishes, clock: Clock
    ) -> None:
        self._stack, self._book, self._maker = stack, book, maker
        self._wishes, self._clock = wishes, clock
        self._space = stack.account.space
        self._known = book.resources(self._space, stack.uid)

    @property
    def _teller(self) -> Teller:
        return self._maker.teller

    async def run(self) -> Stack:
        """Go on to the end."""
        operation = self._stack.operation
        assert operation is not None
        if operation.kind == "delete":
            await self._delete()
        elif operation.phase == "forward":
            await self._forward()
        elif operation.phase == "cleanup":
            await self._clean_up()
        else:
            await self._back(operation.reason)
        return self._stack

    async def stop(self) -> None:
        """Go forward no further: a stack that is being made is deleted, an update is undone. What
        goes back already goes on with that.
        """
        operation = self._stack.operation
        if operation is None or operation.kind == "delete" or operation.phase != "forward":
            return
        after = "DELETE" if operation.kind == "create" else "ROLLBACK"
        operation = replace(operation, stopped=True, on_failure=after)
        self._stack = replace(self._stack, operation=operation)
        await self._teller.stack(self._stack, quiet=True)
        await self._maker.questions.give_up(self._space, self._stack.uid)

    def _check_wanted(self) -> None:
        """Go no further if somebody wants it so.

        Raises:
            Failed: somebody does.
        """
        if self._stack.operation is not None and self._stack.operation.stopped:
            raise Failed("User Initiated")

    # Forward ----------------------------------------------------------------------------------

    async def _forward(self) -> None:
        operation = self._stack.operation
        assert operation is not None
        try:
            desired = await self._wishes.desired(self._stack)
            for wanted in desired.resources.values():
                self._check_wanted()
                await self._reach(wanted, desired)
            outputs = self._outputs(desired)
        except Stopped as stopped:
            verb = "create" if stopped.verb == "CREATE" else "update"
            await self._back(f"The following resource(s) failed to {verb}: [{stopped.name}]. ")
            return
        except (Refused, Failed) as error:
            await self._back(getattr(error, "message", str(error)))
            return
        if operation.kind == "create":
            await self._end("CREATE_COMPLETE", outputs=outputs)
            return
        await self._phase("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "cleanup", outputs=outputs)
        await self._clean_up()

    async def _reach(self, wanted: Wanted, desired: Desired) -> None:
        """See to it that one resource is as wanted.

        Raises:
            Stopped, Refused: it cannot be.
        """
        operation = self._stack.operation
        assert operation is not None
        known = self._known.get(wanted.name)
        again = known is not None and known.operation == operation.token
        if known is not None and again and known.done:
            return
        before = known.before if known is not None and again else known
        properties = resolve(wanted.properties, self._scope(desired))
        had = before.had() if before is not None and before.id and not before.gone else None
        step = deed_of(wanted, had, properties, self._wishes.replaced)
        fresh = Resource(
            name=wanted.name,
            type=wanted.type,
            status="",
            properties=properties,
            needs=sorted(wanted.needs),
            deletion=wanted.deletion,
            replacing=wanted.replacing,
            metadata=wanted.metadata,
            operation=operation.token,
            token=known.token if known is not None and again else "",
            id=_half(known, before) if again else "",
            before=replace(before, before=None) if before is not None and had else None,
        )
        if step.deed is Deed.KEEP:
            assert before is not None
            kept = replace(
                before, needs=fresh.needs, deletion=fresh.deletion, replacing=fresh.replacing
            )
            await self._book.change(self._space, [put_resource(self._stack.uid, kept)])
            self._known[wanted.name] = kept
        elif step.deed is Deed.CHANGE:
            assert before is not None
            begun = replace(
                fresh,
                id=before.id,
                properties=before.properties,
                attributes=before.attributes,
                token=before.token,
            )
            await self._note(self._maker.change(self._stack, begun, properties), wanted.name)
        else:
            await self._note(self._maker.make(self._stack, fresh, again=again), wanted.name)

    async def _note(self, doing: Any, name: str) -> None:
        try:
            self._known[name] = await doing
        except Stopped:
            self._known = self._book.resources(self._space, self._stack.uid)
            raise

    def _scope(self, desired: Desired) -> Any:
        made = {name: one.had() for name, one in self._known.items() if one.id and not one.gone}
        return scope_of(
            desired,
            made,
            imported=self._wishes.imported(self._stack),
            region=self._stack.account.region,
        )

    def _outputs(self, desired: Desired) -> list[Mapping[str, Any]]:
        """Work the outputs out.

        Raises:
            Refused: one cannot be.
        """
        scope = self._scope(desired)
        found: list[Mapping[str, Any]] = []
        for name, about in desired.outputs.items():
            value = text(resolve(about["Value"], scope))
            output = {"OutputKey": name, "OutputValue": value}
            if about.get("Description"):
                output["Description"] = str(about["Description"])
            if about.get("Export"):
                output["ExportName"] = text(resolve(about["Export"]["Name"], scope))
            found.append(output)
        self._wishes.check_exports(self._stack, found)
        return found

    async def _clean_up(self) -> None:
        """Delete what is wanted no more; that something cannot be deleted stops nobody."""
        desired = await self._wishes.desired(self._stack)
        order = backwards({name: one.had() for name, one in self._known.items()})
        for name in order:
            one = self._known[name]
            old = one.before
            if name not in desired.resources:
                await self._remove(one)
            elif old is not None and old.id != one.id:
                retained = one.replacing in _RETAINED
                await self._maker.erase_old(self._stack, old, retained=retained)
        await self._end("UPDATE_COMPLETE", outputs=self._stack.outputs)

    async def _remove(self, one: Resource) -> None:
        try:
            await self._maker.delete(self._stack, one, retained=one.deletion in _RETAINED)
        except Stopped:
            return  # An event has told it.

    # Back -------------------------------------------------------------------------------------

    async def _back(self, reason: str) -> None:
        operation = self._stack.operation
        assert operation is not None
        creating = operation.kind == "create"
        if creating and operation.on_failure == "DELETE" and operation.phase == "forward":
            await self._phase("DELETE_IN_PROGRESS", "forward", kind="delete", reason=reason)
            await self._delete()
            return
        if operation.phase == "forward":
            if operation.on_failure == "DO_NOTHING":
                await self._end("CREATE_FAILED" if creating else "UPDATE_FAILED", reason=reason)
                return
            said = f"{reason.rstrip()} Rollback requested by user."
            status = "ROLLBACK_IN_PROGRESS" if creating else "UPDATE_ROLLBACK_IN_PROGRESS"
            await self._phase(status, "rollback", reason=said)
        try:
            if creating:
                await self._unmake()
                await self._end("ROLLBACK_COMPLETE", outputs=())
            else:
                await self._restore()
                self._stack = restored(self._stack)
                await self._end("UPDATE_ROLLBACK_COMPLETE", outputs=self._stack.outputs)
        except Stopped as stopped:
            failed = "ROLLBACK_FAILED" if creating else "UPDATE_ROLLBACK_FAILED"
            verb = "delete" if stopped.verb == "DELETE" else "update"
            why = f"The following resource(s) failed to {verb}: [{stopped.name}]. "
            await self._end(failed, reason=why)

    async def _unmake(self) -> None:
        """Delete all that has been made.

        Raises:
            Stopped: something stays.
        """
        for name in backwards({name: one.had() for name, one in self._known.items()}):
            one = self._known[name]
            if not one.gone:
                retained = one.deletion == "Retain"
                self._known[name] = await self._maker.delete(self._stack, one, retained=retained)

    async def _restore(self) -> None:
        """Set everything back to what it was.

        Raises:
            Stopped: something cannot be.
        """
        operation = self._stack.operation
        assert operation is not None
        touched = {n: one for n, one in self._known.items() if one.operation == operation.token}
        order = backwards({name: one.had() for name, one in self._known.items()})
        for name in reversed(order):
            one = touched.get(name)
            if one is None or one.before is None or one.gone:
                continue
            if one.id == one.before.id:
                await self._maker.change(self._stack, one, one.before.properties)
            elif one.id or one.token:
                await self._maker.erase_old(self._stack, one, retained=False)
            self._known[name] = one.before
            await self._book.change(self._space, [put_resource(self._stack.uid, self._known[name])])
        cleaning = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        await self._phase(cleaning, "rollback", reason=operation.reason)
        for name in order:
            one = touched.get(name)
            if one is not None and one.before is None and not one.gone:
                await self._maker.delete(self._stack, one, retained=False)

    # Delete -----------------------------------------------------------------------------------

    async def _delete(self) -> None:
        operation = self._stack.operation
        assert operation is not None
        failed: list[str] = []
        for name in backwards({name: one.had() for name, one in self._known.items()}):
            one = self._known[name]
            if one.gone:
                continue
            retained = one.deletion in _RETAINED or name in operation.retain
            try:
                self._known[name] = await self._maker.delete(self._stack, one, retained=retained)
            except Stopped:
                failed.append(name)
        if failed:
            why = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            await self._end("DELETE_FAILED", reason=why)
            return
        self._stack = replace(self._stack, deleted=self._clock.now())
        await self._end("DELETE_COMPLETE", outputs=())

    # The stack itself -------------------------------------------------------------------------

    async def _phase(
        self,
        status: str,
        phase: str,
        *,
        reason: str = "",
        outputs: Any = None,
        kind: str | None = None,
    ) -> None:
        operation = self._stack.operation
        assert operation is not None
        going = replace(operation, phase=phase, kind=kind or operation.kind, reason=reason)
        self._stack = replace(self._stack, status=status, reason=reason, operation=going)
        if outputs is not None:
            self._stack = replace(self._stack, outputs=outputs)
        await self._teller.stack(self._stack)

    async def _end(self, status: str, *, reason: str = "", outputs: Any = None) -> None:
        """The operation is over: forget what it needed to remember."""
        steps = self._book.drops(self._space, QUESTION, f"{self._stack.uid}/")
        for name, one in self._book.resources(self._space, self._stack.uid).items():
            if one.gone and status != "ROLLBACK_COMPLETE" and status != "DELETE_COMPLETE":
                steps.append(Drop(kind=RESOURCE, key=f"{self._stack.uid}/{name}"))
            elif one.before is not None:
                steps.append(put_resource(self._stack.uid, replace(one, before=None)))
        self._stack = replace(self._stack, status=status, reason=reason, operation=None)
        if outputs is not None:
            self._stack = replace(self._stack, outputs=outputs)
        await self._teller.stack(self._stack, *steps)


def _half(known: Resource | None, before: Resource | None) -> str:
    """Give the id of what was being made when the node died."""
    if known is None or (before is not None and before.id == known.id):
        return ""
    return known.id
