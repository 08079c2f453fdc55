"""The story that a stack's events tell."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapwater_server.cli.aws.stacks import Story


class Seen:
    """Keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []

    def step(self, line: Mapping[str, Any]) -> None:
        self.steps.append((line["step"], line["state"]))


def event(name: str, status: str, *, reason: str = "", at: int = 0) -> dict[str, Any]:
    """One event of the stack."""
    return {
        "StackId": "arn:stack",
        "StackName": "shop",
        "LogicalResourceId": name,
        "PhysicalResourceId": "arn:stack" if name == "shop" else name.lower(),
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime.fromtimestamp(at, UTC),
    }


def told(*events: dict[str, Any]) -> tuple[Story, list[tuple[str, str]]]:
    """Tell a story."""
    story, seen = Story("shop"), Seen()
    for one in events:
        story.take(one, seen)
    return story, seen.steps


def test_a_good_end() -> None:
    story, steps = told(
        event("shop", "CREATE_IN_PROGRESS"),
        event("Jobs", "CREATE_IN_PROGRESS"),
        event("Jobs", "CREATE_IN_PROGRESS", reason="Resource creation Initiated"),
        event("Jobs", "CREATE_COMPLETE", at=1),
        event("shop", "CREATE_COMPLETE"),
    )
    assert steps == [("Jobs", "begin"), ("Jobs", "done")]
    assert (story.status, story.failed) == ("CREATE_COMPLETE", False)


def test_a_bad_end_names_who_failed_and_not_who_was_stopped() -> None:
    story, steps = told(
        event("A", "CREATE_IN_PROGRESS"),
        event("B", "CREATE_IN_PROGRESS"),
        event("A", "CREATE_FAILED", reason="the role is wrong"),
        event("B", "CREATE_FAILED", reason="Resource creation cancelled"),
        event("shop", "ROLLBACK_IN_PROGRESS"),
        event("shop", "ROLLBACK_COMPLETE"),
    )
    assert story.failed
    assert [(one.where, one.what) for one in story.problems] == [("A", "the role is wrong")]
    assert ("A", "failed") in steps


def test_cleaning_up_is_not_the_end() -> None:
    story, _ = told(event("shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
    assert not story.status
