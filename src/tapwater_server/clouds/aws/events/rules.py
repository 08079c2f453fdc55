"""Rules: made, changed, listed, removed; and whether an event fits a pattern."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.events.records import (
    DEFAULT,
    DISABLED,
    ENABLED,
    Rule,
    bus_name,
    rule_arn,
    show_rule,
)
from tapwater_server.clouds.aws.events.refusals import bad_pattern, invalid, refused
from tapwater_server.clouds.aws.events.routing import read_event
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.rules.expressions import BadExpression, read_expression
from tapwater_server.clouds.aws.rules.patterns import BadPattern, compile_pattern
from tapwater_server.clouds.aws.shapes.paging import page_of
from tapwater_server.clouds.aws.shapes.tags import tags_in
from tapwater_server.ports.clock import Clock

RULES_MAX = 5_000  # Of one bus.
PAGE_MAX = 100
_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_EVENT_MEMBERS = ("id", "account", "source", "time", "region", "resources", "detail-type")


class Rules:
    """Answers what is asked of rules."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "PutRule": self._put,
            "DescribeRule": self._describe,
            "ListRules": self._list,
            "DeleteRule": self._delete,
            "EnableRule": self._enable,
            "DisableRule": self._disable,
            "ListRuleNamesByTarget": self._by_target,
            "TestEventPattern": self._test,
        }

    async def _put(self, asked: AwsAsked, params: Params) -> Given:
        account, bus = asked.account, bus_name(params.get("EventBusName"))
        self._store.find_bus(account, bus)
        before = self._store.rule(account.space, bus, params["Name"])
        rule = rule_of(params, account, bus=bus, before=before, now=self._clock.now())
        if before is None and len(self._store.rules(account.space, bus)) >= RULES_MAX:
            raise refused("LimitExceededException", f"A bus has at most {RULES_MAX} rules.")
        await self._store.put_rule(account, rule)
        return {"RuleArn": rule_arn(account, bus, rule.name)}

    async def _describe(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._find(asked.account, params, "Name")
        return {**show_rule(asked.account, rule), "CreatedBy": asked.account.id}

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        bus, prefix = bus_name(params.get("EventBusName")), params.get("NamePrefix") or ""
        self._store.find_bus(asked.account, bus)
        found = self._store.rules(asked.account.space, bus)
        named = [one for one in found if one.name.startswith(prefix)]
        page, token = page_of(
            named,
            lambda one: one.name,
            token=params.get("NextToken"),
            count_max=params.get("Limit") or PAGE_MAX,
        )
        return {"Rules": [show_rule(asked.account, one) for one in page], "NextToken": token}

    async def _delete(self, asked: AwsAsked, params: Params) -> Given:
        bus = bus_name(params.get("EventBusName"))
        found = self._store.rule(asked.account.space, bus, params["Name"])
        if found is None:
            return None
        if found.targets:
            raise invalid("Rule can't be deleted since it has targets.")
        await self._store.drop_rule(asked.account, found)
        return None

    async def _enable(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._find(asked.account, params, "Name")
        enabled = replace(rule, state=ENABLED, since=self._clock.now())
        await self._store.put_rule(asked.account, enabled)
        return None

    async def _disable(self, asked: AwsAsked, params: Params) -> Given:
        rule = self._find(asked.account, params, "Name")
        await self._store.put_rule(asked.account, replace(rule, state=DISABLED))
        return None

    async def _by_target(self, asked: AwsAsked, params: Params) -> Given:
        bus, arn = bus_name(params.get("EventBusName")), params["TargetArn"]
        names = [
            rule.name
            for rule in self._store.rules(asked.account.space, bus)
            if any(target["Arn"] == arn for target in rule.targets.values())
        ]
        page, token = page_of(
            names, str, token=params.get("NextToken"), count_max=params.get("Limit") or PAGE_MAX
        )
        return {"RuleNames": list(page), "NextToken": token}

    async def _test(self, asked: AwsAsked, params: Params) -> Given:
        pattern = _pattern(params["EventPattern"])
        try:
            event = read_event(params["Event"])
        except (ValueError, TypeError):
            raise invalid("Parameter Event is not valid.") from None
        missing = [name for name in _EVENT_MEMBERS if name not in event]
        if missing:
            raise invalid(f"Parameter Event is not valid. Reason: {missing[0]} is missing.")
        return {"Result": pattern(event)}

    def _find(self, account: Account, params: Params, name: str) -> Rule:
        return self._store.find_rule(account, bus_name(params.get("EventBusName")), params[name])


def rule_of(params: Params, account: Account, *, bus: str, before: Rule | None, now: float) -> Rule:
    """Make a rule of what PutRule says; its targets and tags stay.

    Raises:
        AwsError: something is wrong with it.
    """
    name, pattern = params["Name"], params.get("EventPattern") or ""
    schedule = params.get("ScheduleExpression") or ""
    if not _NAME.fullmatch(name):
        raise invalid("Parameter Name is not valid: letters, digits, dots, dashes, underscores.")
    if not pattern and not schedule:
        raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern:
        _pattern(pattern)
    if schedule:
        _check_schedule(schedule, bus)
    same = before is not None and before.schedule == schedule and before.enabled
    return Rule(
        name=name,
        bus=bus,
        account=account.id,
        region=account.region,
        pattern=pattern,
        schedule=schedule,
        state=params.get("State") or ENABLED,
        description=params.get("Description") or "",
        role=params.get("RoleArn") or "",
        since=before.since if before is not None and same else now,
        tags=before.tags if before is not None else tags_in(params.get("Tags")),
        targets=before.targets if before is not None else {},
    )


def _check_schedule(text: str, bus: str) -> None:
    if bus != DEFAULT:
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    try:
        read_expression(text)
    except BadExpression:
        raise invalid("Parameter ScheduleExpression is not valid.") from None


def _pattern(text: str) -> Any:
    try:
        return compile_pattern(text)
    except BadPattern as error:
        raise bad_pattern(str(error)) from None


def unknown(arn: str) -> AwsError:
    """Nothing has such an ARN."""
    return refused("ResourceNotFoundException", f"{arn} does not exist.")
