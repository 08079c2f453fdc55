"""What a stack's template wants, and what of other stacks it may use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.cloudformation.book import Book, Stack
from tapwater_server.clouds.aws.cloudformation.desired import Desired, Pseudo, desire
from tapwater_server.clouds.aws.cloudformation.intrinsics import references
from tapwater_server.clouds.aws.cloudformation.kind import Kind
from tapwater_server.clouds.aws.cloudformation.kinds.absent import why_absent
from tapwater_server.clouds.aws.cloudformation.template import Template
from tapwater_server.clouds.aws.cloudformation.troubles import Refused


class Wishes:
    """Reads what is wanted out of the book."""

    def __init__(self, *, book: Book, kinds: Mapping[str, Kind]) -> None:
        self._book, self._kinds = book, kinds

    def template(self, stack: Stack) -> Template:
        """Give the stack's template, macros carried out."""
        text = self._book.text(stack.account.space, f"{stack.inputs.template}/processed")
        template: Template = msgspec.json.decode(text.encode())
        return template

    async def desired(self, stack: Stack) -> Desired:
        """Work out what the stack is to be."""
        return self.of(stack, self.template(stack))

    def of(self, stack: Stack, template: Template) -> Desired:
        """Work out what the stack would be with another template.

        Raises:
            Refused: it wants what cannot be.
        """
        values = {**stack.inputs.parameters, **stack.inputs.found}
        desired = desire(template, values, pseudo_of(stack))
        self.check_kinds(desired)
        return desired

    def check_kinds(self, desired: Desired) -> None:
        """Refuse all types and properties that are not known, at once.

        Raises:
            Refused: there are some.
        """
        types = sorted({one.type for one in desired.resources.values()})
        strange = [name for name in types if self.kind(name) is None]
        if strange:
            raise Refused(
                "Template format error: Unrecognized resource types:"
                f" [{', '.join(strange)}]. They are not supported here{_reasons(strange)}."
            )
        said = []
        for one in desired.resources.values():
            kind = self.kind(one.type)
            unknown = kind.unknown(one.properties) if kind is not None else []
            said += [f"{one.name} ({one.type}): {name}" for name in unknown]
        if said:
            raise Refused(f"Properties that are not supported here: {'; '.join(said)}")

    def kind(self, type: str) -> Kind | None:
        """Find a type; all custom resources are of one."""
        if type.startswith("Custom::"):
            type = "AWS::CloudFormation::CustomResource"
        return self._kinds.get(type)

    def replaced(self, type: str) -> frozenset[str] | None:
        """Name the properties whose change needs another resource; None: all."""
        kind = self.kind(type)
        assert kind is not None
        return None if kind.update is None else kind.replaced

    def exports(self, account: Account) -> Mapping[str, tuple[Stack, str]]:
        """Give what the account's stacks export: by name, whose, and the value."""
        return {
            str(output["ExportName"]): (stack, str(output["OutputValue"]))
            for stack in self._book.stacks(account.space)
            if stack.status != "DELETE_COMPLETE"
            for output in stack.outputs
            if output.get("ExportName")
        }

    def imported(self, stack: Stack) -> Callable[[str], Any]:
        """Let a template see what others export."""
        exports = self.exports(stack.account)

        def imported(name: str) -> str:
            if name not in exports:
                raise Refused(f"No export named {name} found.")
            return exports[name][1]

        return imported

    def check_exports(self, stack: Stack, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Refuse to export under a name that another stack has, or what another one uses no more.

        Raises:
            Refused: it is so.
        """
        known = self.exports(stack.account)
        for output in outputs:
            name = str(output.get("ExportName"))
            owner = known[name][0] if name in known else None
            if owner is not None and owner.id != stack.id:
                raise Refused(f"Export with name {name} is already exported by stack {owner.name}.")
        kept = {str(output.get("ExportName")): output["OutputValue"] for output in outputs}
        for name, (whose, value) in known.items():
            if whose.id == stack.id and kept.get(name) != value:
                users = self.importers(stack.account, name)
                if users:
                    raise Refused(f"Export {name} cannot be changed as it is in use by {users[0]}")

    def importers(self, account: Account, name: str) -> list[str]:
        """Name the stacks that use an export."""
        return [
            stack.name
            for stack in self._book.stacks(account.space)
            if stack.status not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
            and name in imports_of(self.template(stack))
        ]


def _reasons(types: Sequence[str]) -> str:
    known = dict.fromkeys(why for why in map(why_absent, types) if why)
    return f": {'; '.join(known)}" if known else ""


def imports_of(value: Any) -> set[str]:
    """Find the names that a template imports, as far as they are plain texts."""
    found: set[str] = set()
    if isinstance(value, dict):
        said = value.get("Fn::ImportValue")
        if isinstance(said, str):
            found.add(said)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        found |= imports_of(part)
    return found


def uses(value: Any, name: str) -> bool:
    """Tell whether an expression refers to something."""
    return name in set(references(value))


def pseudo_of(stack: Stack) -> Pseudo:
    return Pseudo(
        account=stack.account.id,
        region=stack.account.region,
        stack=stack.name,
        id=stack.id,
        notifications=stack.inputs.notifications,
    )
