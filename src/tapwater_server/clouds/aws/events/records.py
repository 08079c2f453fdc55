"""Buses and rules as they are kept, and as clients see them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tapwater_server.clouds.aws.account import Account

BUS, RULE = "events/bus", "events/rule"
DEFAULT = "default"
ENABLED, DISABLED = "ENABLED", "DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """An event bus. The default one is there without being made."""

    name: str
    description: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)  # statements by Sid
    dead_letters: str = ""
    made_at: float = 0.0
    changed_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and its targets, which are kept as PutTargets gave them, by their ids."""

    name: str
    bus: str
    account: str
    region: str
    pattern: str = ""
    schedule: str = ""
    state: str = ENABLED
    description: str = ""
    role: str = ""
    since: float = 0.0  # when its schedule was said; a rate counts from there
    tags: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return rule_key(self.bus, self.name)

    @property
    def enabled(self) -> bool:
        return self.state != DISABLED


def rule_key(bus: str, name: str) -> str:
    """Name the fact of a rule.

    >>> rule_key("default", "nightly")
    'default/nightly'
    """
    return f"{bus}/{name}"


def rule_value(rule: Rule) -> dict[str, Any]:
    """Write a rule as the value of a fact."""
    return asdict(rule)


def read_rule(value: Mapping[str, Any]) -> Rule:
    """Read it back."""
    return Rule(**value)


def bus_value(bus: Bus) -> dict[str, Any]:
    """Write a bus."""
    return asdict(bus)


def read_bus(value: Mapping[str, Any]) -> Bus:
    """Read it back."""
    return Bus(**value)


def bus_arn(account: Account, name: str) -> str:
    return account.arn("events", f"event-bus/{name}")


def rule_arn(account: Account, bus: str, name: str) -> str:
    """Name a rule; those of the default bus leave that out.

    >>> from tapwater_server.model.ids import AppId
    >>> rule_arn(Account(id="000000000000", home=AppId("aws")), "default", "nightly")
    'arn:aws:events:us-east-1:000000000000:rule/nightly'
    """
    place = "" if bus == DEFAULT else f"{bus}/"
    return account.arn("events", f"rule/{place}{name}")


def show_rule(account: Account, rule: Rule) -> dict[str, Any]:
    """Write a rule for a list."""
    return {
        "Name": rule.name,
        "Arn": rule_arn(account, rule.bus, rule.name),
        "EventPattern": rule.pattern or None,
        "ScheduleExpression": rule.schedule or None,
        "State": rule.state,
        "Description": rule.description or None,
        "RoleArn": rule.role or None,
        "EventBusName": rule.bus,
    }


def show_bus(account: Account, bus: Bus) -> dict[str, Any]:
    """Write a bus."""
    statements = list(bus.policy.values())
    policy = {"Version": "2012-10-17", "Statement": statements} if statements else None
    return {
        "Name": bus.name,
        "Arn": bus_arn(account, bus.name),
        "Description": bus.description or None,
        "Policy": policy,
        "CreationTime": bus.made_at or None,
        "LastModifiedTime": bus.changed_at or None,
    }


def bus_name(text: str | None) -> str:
    """Read a bus's name, or its ARN.

    >>> bus_name("arn:aws:events:us-east-1:000000000000:event-bus/shop"), bus_name(None)
    ('shop', 'default')
    """
    if not text:
        return DEFAULT
    return text.rpartition(":event-bus/")[2] if text.startswith("arn:") else text
