"""Drives CloudFormation: a change set, its execution, and what happens to each resource."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.cli.aws.client import Aws, AwsRefused
from tapwater_server.cli.clock import monotonic, wait_s
from tapwater_server.cli.failures import CommandFailed, Problem
from tapwater_server.cli.progress import Shown

TEMPLATE_BYTES_MAX = 51_200  # In a request; a longer one goes through S3.
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_LOOK_S = 0.25
_CHANGE_SET_S_MAX = 300.0
_STACK_S_MAX = 1_800.0
_PAGES_MAX = 100
_NOTHING = ("didn't contain changes", "No updates are to be performed", "no changes")
_UNDONE = "What was made was undone: what was there before still is."
_HALF_DONE = "Not all of it could be undone: `tapwater aws rm STACK` removes what is left."
_NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a stack shall be."""

    stack: str
    body: str = ""
    url: str = ""
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


async def find(aws: Aws, stack: str) -> Mapping[str, Any] | None:
    """Describe a stack; None: there is none."""
    try:
        answer = await aws.ask("cloudformation", "describe_stacks", StackName=stack)
    except AwsRefused as error:
        if error.aws_code == "ValidationError" and "does not exist" in error.aws_message:
            return None
        raise
    stacks: Sequence[Mapping[str, Any]] = answer.get("Stacks", ())
    return stacks[0] if stacks else None


async def find_all(aws: Aws) -> Sequence[Mapping[str, Any]]:
    """List the stacks, by name."""
    found: list[Mapping[str, Any]] = []
    more: dict[str, str] = {}
    for _ in range(_PAGES_MAX):
        page = await aws.ask("cloudformation", "describe_stacks", **more)
        found += page.get("Stacks", ())
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    return sorted(found, key=lambda one: str(one["StackName"]))


async def apply(aws: Aws, wanted: Wanted, *, name: str, shown: Shown) -> bool:
    """Make the stack what it shall be; False: it was that already.

    Raises:
        CommandFailed: it cannot be; what was before is again.
    """
    there = await find(aws, wanted.stack)
    if there is not None and there["StackStatus"] in _NEVER_MADE:
        # Nothing of it is there: its making was undone, or never begun.
        await remove(aws, wanted.stack, shown=shown)
        there = None
    if not await _prepare(aws, wanted, name=name, new=there is None):
        return False
    seen = await _event_ids(aws, wanted.stack)
    await aws.ask(
        "cloudformation", "execute_change_set", StackName=wanted.stack, ChangeSetName=name
    )
    await _follow(aws, wanted.stack, seen=seen, shown=shown)
    return True


async def remove(aws: Aws, stack: str, *, shown: Shown) -> None:
    """Delete a stack and all in it."""
    found = await find(aws, stack)
    if found is None:
        raise CommandFailed(f"there is no stack {stack}", code="not_found")
    seen = await _event_ids(aws, stack)
    await aws.ask("cloudformation", "delete_stack", StackName=stack)
    await _follow(aws, str(found["StackId"]), seen=seen, shown=shown)


async def _prepare(aws: Aws, wanted: Wanted, *, name: str, new: bool) -> bool:
    template = {"TemplateURL": wanted.url} if wanted.url else {"TemplateBody": wanted.body}
    await aws.ask(
        "cloudformation",
        "create_change_set",
        StackName=wanted.stack,
        ChangeSetName=name,
        ChangeSetType="CREATE" if new else "UPDATE",
        Capabilities=CAPABILITIES,
        Parameters=_pairs("ParameterKey", "ParameterValue", wanted.parameters),
        Tags=_pairs("Key", "Value", wanted.tags),
        **template,
    )
    began = monotonic()
    while True:
        made = await aws.ask(
            "cloudformation", "describe_change_set", StackName=wanted.stack, ChangeSetName=name
        )
        status, reason = made["Status"], str(made.get("StatusReason") or "")
        if status == "CREATE_COMPLETE":
            return True
        if status == "FAILED":
            return await _not_prepared(aws, wanted.stack, name=name, reason=reason, new=new)
        if monotonic() - began > _CHANGE_SET_S_MAX:
            raise CommandFailed(f"the change set of {wanted.stack} does not come to an end")
        await wait_s(_LOOK_S)


async def _not_prepared(aws: Aws, stack: str, *, name: str, reason: str, new: bool) -> bool:
    await aws.ask("cloudformation", "delete_change_set", StackName=stack, ChangeSetName=name)
    if any(said in reason for said in _NOTHING):
        return False
    if new:
        await aws.ask("cloudformation", "delete_stack", StackName=stack)
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    raise CommandFailed(
        lines[0] if lines else f"the template of {stack} was refused",
        code="deploy_failed",
        problems=[Problem(where="", what=line) for line in lines[1:]],
        hint="Nothing has changed: what was there before still is.",
    )


def _pairs(key: str, value: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{key: name, value: said} for name, said in values.items()]


async def _follow(aws: Aws, stack: str, *, seen: set[str], shown: Shown) -> None:
    """Show what happens to the resources until the stack is at rest."""
    began, story = monotonic(), Story(stack)
    while True:
        for event in reversed([one async for one in _events(aws, stack, seen)]):
            story.take(event, shown)
        if story.status:
            break
        if monotonic() - began > _STACK_S_MAX:
            raise CommandFailed(f"{stack} does not come to an end; `tapwater aws stacks` shows it")
        await wait_s(_LOOK_S)
    if story.failed:
        raise CommandFailed(
            f"{story.name}: {story.status.lower().replace('_', ' ')}",
            code="deploy_failed",
            problems=story.problems,
            hint=_UNDONE if story.status.endswith("ROLLBACK_COMPLETE") else _HALF_DONE,
        )


class Story:
    """What the events of a stack have told so far."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._began: dict[str, float] = {}
        self.name = stack
        self.status = ""  # once it is at rest
        self.problems: list[Problem] = []

    @property
    def failed(self) -> bool:
        return "ROLLBACK" in self.status or self.status.endswith("FAILED")

    def take(self, event: Mapping[str, Any], shown: Shown) -> None:
        """Take in one event, oldest first."""
        status, name = str(event["ResourceStatus"]), str(event["LogicalResourceId"])
        if event.get("PhysicalResourceId") == event["StackId"]:
            self.name = str(event["StackName"])
            if status.endswith(("COMPLETE", "FAILED")) and "CLEANUP" not in status:
                self.status = status
            return
        at = event["Timestamp"].timestamp()
        if status.endswith("IN_PROGRESS"):
            if name not in self._began:
                self._began[name] = at
                shown.step({"step": name, "state": "begin", "detail": _detail(event)})
            return
        failed = status.endswith("FAILED")
        ms = max(0.0, at - self._began.pop(name, at)) * 1000
        state = "failed" if failed else "done"
        shown.step({"step": name, "state": state, "detail": _detail(event), "ms": ms})
        if failed and "cancelled" not in str(event.get("ResourceStatusReason", "")):
            reason = str(event.get("ResourceStatusReason") or status)
            problem = Problem(where=name, what=reason)
            if problem not in self.problems:  # Undoing often fails as doing did.
                self.problems.append(problem)


def _detail(event: Mapping[str, Any]) -> str:
    kind = str(event.get("ResourceType", ""))
    return f"{'removed ' if 'DELETE' in event['ResourceStatus'] else ''}{kind}"


async def _event_ids(aws: Aws, stack: str) -> set[str]:
    seen: set[str] = set()
    async for _ in _events(aws, stack, seen):
        pass
    return seen


async def _events(aws: Aws, stack: str, seen: set[str]) -> AsyncIterator[Mapping[str, Any]]:
    """Give what is new, newest first, and remember it."""
    more: dict[str, str] = {}
    for _ in range(_PAGES_MAX):
        page = await aws.ask("cloudformation", "describe_stack_events", StackName=stack, **more)
        for event in page["StackEvents"]:
            if event["EventId"] in seen:
                return
            seen.add(event["EventId"])
            yield event
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
