"""From an event on a bus to a parcel for each target of each rule that it fits. Pure."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.events.records import Rule, bus_arn, rule_arn
from tapwater_server.clouds.aws.events.transforming import transformed
from tapwater_server.clouds.aws.post.parcels import AGE_S_MAX, RETRIES_MAX, Parcel
from tapwater_server.clouds.aws.rules.patterns import Pattern, compile_pattern

COMPILED_MAX = 2_000


def fitting(rules: Iterable[Rule], event: Mapping[str, Any]) -> Iterable[Rule]:
    """Choose the rules that an event fits."""
    return (
        rule for rule in rules if rule.enabled and rule.pattern and _compiled(rule.pattern)(event)
    )


def parcels_of(
    account: Account, rule: Rule, event: Mapping[str, Any], *, id: str, at: str
) -> Iterable[Parcel]:
    """Write what the targets of a rule are sent; ``at`` is when the event came in."""
    arn = rule_arn(account, rule.bus, rule.name)
    facts = {
        "aws.events.rule-arn": arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event-bus-name": rule.bus,
        "aws.events.event.ingestion-time": at,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": dict(event),
    }
    for name, target in rule.targets.items():
        yield _parcel(account, rule, target, transformed(event, target, facts), f"{id}.{name}")


def _parcel(account: Account, rule: Rule, target: Mapping[str, Any], body: str, id: str) -> Parcel:
    arn = rule_arn(account, rule.bus, rule.name)
    retries = target.get("RetryPolicy") or {}
    said = retries.get("MaximumRetryAttempts")
    age_s = retries.get("MaximumEventAgeInSeconds")
    named = blake2b(f"{arn}\0{id}".encode(), digest_size=16).hexdigest()
    return Parcel(
        id=f"ev{named}",
        account=account.id,
        region=account.region,
        to=target["Arn"],
        body=body,
        source=arn if _service(target["Arn"]) != "events" else bus_arn(account, rule.bus),
        group=(target.get("SqsParameters") or {}).get("MessageGroupId", ""),
        dedupe=f"ev{named}" if target.get("SqsParameters") else "",
        retries_max=RETRIES_MAX if said is None else said,
        age_s_max=AGE_S_MAX if age_s is None else float(age_s),
        dead_letters=(target.get("DeadLetterConfig") or {}).get("Arn", ""),
        facts={"RULE_ARN": arn, "TARGET_ARN": target["Arn"]},
    )


def _service(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.service if parsed is not None else ""


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(text: str) -> Pattern:
    return compile_pattern(text)


def read_event(text: str) -> dict[str, Any]:
    """Read an event that somebody wrote whole.

    Raises:
        ValueError: it is none.
    """
    said = json.loads(text)
    if not isinstance(said, dict):
        raise TypeError("an event is an object")
    return said
