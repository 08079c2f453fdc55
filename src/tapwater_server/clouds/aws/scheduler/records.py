"""Schedules and their groups as they are kept, and as clients see them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tapwater_server.clouds.aws.account import Account

SCHEDULE, GROUP = "scheduler/schedule", "scheduler/group"
DEFAULT = "default"
ENABLED, DISABLED = "ENABLED", "DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Schedules that belong together. The default one is there without being made."""

    name: str
    made_at: float = 0.0
    changed_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One schedule. ``id`` is fresh whenever its times change: no time of before counts for it."""

    id: str
    name: str
    group: str
    account: str
    region: str
    expression: str
    zone: str = "UTC"
    starts_at: float | None = None
    ends_at: float | None = None
    window_minutes: int = 0  # 0: at the time itself
    state: str = ENABLED
    description: str = ""
    key: str = ""  # KmsKeyArn, kept and shown
    target: Mapping[str, Any] = field(default_factory=dict)  # as it was given
    after: str = "NONE"  # ActionAfterCompletion
    made_at: float
    changed_at: float
    since: float  # when its times were said

    @property
    def place(self) -> str:
        return place_of(self.group, self.name)


def place_of(group: str, name: str) -> str:
    """Name the fact of a schedule.

    >>> place_of("default", "nightly")
    'default/nightly'
    """
    return f"{group}/{name}"


def planned_value(planned: Planned) -> dict[str, Any]:
    """Write a schedule as the value of a fact."""
    return asdict(planned)


def read_planned(value: Mapping[str, Any]) -> Planned:
    """Read it back."""
    return Planned(**value)


def group_value(group: Group) -> dict[str, Any]:
    """Write a group."""
    return asdict(group)


def read_group(value: Mapping[str, Any]) -> Group:
    """Read it back."""
    return Group(**value)


def schedule_arn(account: Account, group: str, name: str) -> str:
    """Name a schedule.

    >>> from tapwater_server.model.ids import AppId
    >>> schedule_arn(Account(id="000000000000", home=AppId("aws")), "default", "nightly")
    'arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly'
    """
    return account.arn("scheduler", f"schedule/{group}/{name}")


def group_arn(account: Account, name: str) -> str:
    return account.arn("scheduler", f"schedule-group/{name}")


def show_planned(account: Account, planned: Planned) -> dict[str, Any]:
    """Write a schedule whole."""
    window: dict[str, Any] = {"Mode": "FLEXIBLE" if planned.window_minutes else "OFF"}
    if planned.window_minutes:
        window["MaximumWindowInMinutes"] = planned.window_minutes
    return {
        "Arn": schedule_arn(account, planned.group, planned.name),
        "GroupName": planned.group,
        "Name": planned.name,
        "ScheduleExpression": planned.expression,
        "ScheduleExpressionTimezone": planned.zone,
        "StartDate": planned.starts_at,
        "EndDate": planned.ends_at,
        "Description": planned.description or None,
        "State": planned.state,
        "CreationDate": planned.made_at,
        "LastModificationDate": planned.changed_at,
        "KmsKeyArn": planned.key or None,
        "Target": dict(planned.target),
        "FlexibleTimeWindow": window,
        "ActionAfterCompletion": planned.after,
    }


def show_summary(account: Account, planned: Planned) -> dict[str, Any]:
    """Write a schedule for a list."""
    return {
        "Arn": schedule_arn(account, planned.group, planned.name),
        "Name": planned.name,
        "GroupName": planned.group,
        "State": planned.state,
        "CreationDate": planned.made_at,
        "LastModificationDate": planned.changed_at,
        "Target": {"Arn": planned.target["Arn"]},
    }


def show_group(account: Account, group: Group) -> dict[str, Any]:
    """Write a group."""
    return {
        "Arn": group_arn(account, group.name),
        "Name": group.name,
        "State": "ACTIVE",
        "CreationDate": group.made_at or None,
        "LastModificationDate": group.changed_at or None,
    }
