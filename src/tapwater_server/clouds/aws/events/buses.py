"""Event buses, who may put events on them, and tags."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.events.records import (
    DEFAULT,
    Bus,
    Rule,
    bus_arn,
    bus_name,
    show_bus,
)
from tapwater_server.clouds.aws.events.refusals import invalid, refused
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.paging import page_of
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.ports.clock import Clock

BUSES_MAX = 100
PAGE_MAX = 100
TAGS_MAX = 50
_NAME = re.compile(r"[/.\-_A-Za-z0-9]{1,256}")


class Buses:
    """Answers what is asked of buses."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateEventBus": self._create,
            "UpdateEventBus": self._update,
            "DescribeEventBus": self._describe,
            "DeleteEventBus": self._delete,
            "ListEventBuses": self._list,
            "PutPermission": self._permit,
            "RemovePermission": self._forbid,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._tags,
        }

    async def _create(self, asked: AwsAsked, params: Params) -> Given:
        name, found = params["Name"], self._store.buses(asked.account)
        if not _NAME.fullmatch(name) or name.startswith("/") or params.get("EventSourceName"):
            raise invalid("Parameter Name is not valid. Partner event buses are not offered.")
        if any(one.name == name for one in found):
            raise refused("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
        if len(found) >= BUSES_MAX:
            raise refused("LimitExceededException", f"There are at most {BUSES_MAX} buses.")
        now = self._clock.now()
        bus = Bus(
            name=name,
            description=params.get("Description") or "",
            dead_letters=(params.get("DeadLetterConfig") or {}).get("Arn", ""),
            made_at=now,
            changed_at=now,
            tags=tags_in(params.get("Tags")),
        )
        await self._store.put_bus(asked.account, bus)
        return {
            "EventBusArn": bus_arn(asked.account, name),
            "Description": params.get("Description"),
        }

    async def _update(self, asked: AwsAsked, params: Params) -> Given:
        bus = self._store.find_bus(asked.account, bus_name(params.get("Name")))
        changed = replace(
            bus,
            description=params.get("Description", bus.description),
            dead_letters=(params.get("DeadLetterConfig") or {}).get("Arn", bus.dead_letters),
            changed_at=self._clock.now(),
        )
        await self._store.put_bus(asked.account, changed)
        return {
            "Arn": bus_arn(asked.account, bus.name),
            "Name": bus.name,
            "Description": changed.description or None,
        }

    async def _describe(self, asked: AwsAsked, params: Params) -> Given:
        return _shown(
            asked.account, self._store.find_bus(asked.account, bus_name(params.get("Name")))
        )

    async def _delete(self, asked: AwsAsked, params: Params) -> Given:
        name = bus_name(params["Name"])
        if name == DEFAULT:
            raise invalid("Cannot delete event bus default.")
        if self._store.rules(asked.account.space, name):
            raise invalid(f"Event bus {name} cannot be deleted since it has rules.")
        await self._store.drop_bus(asked.account, name)
        return None

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        prefix = params.get("NamePrefix") or ""
        found = [one for one in self._store.buses(asked.account) if one.name.startswith(prefix)]
        page, token = page_of(
            found,
            lambda one: one.name,
            token=params.get("NextToken"),
            count_max=params.get("Limit") or PAGE_MAX,
        )
        return {"EventBuses": [_shown(asked.account, one) for one in page], "NextToken": token}

    async def _permit(self, asked: AwsAsked, params: Params) -> Given:
        bus = self._store.find_bus(asked.account, bus_name(params.get("EventBusName")))
        statements = _statements(params, bus_arn(asked.account, bus.name))
        policy = statements if params.get("Policy") else {**bus.policy, **statements}
        await self._store.put_bus(asked.account, replace(bus, policy=policy))
        return None

    async def _forbid(self, asked: AwsAsked, params: Params) -> Given:
        bus = self._store.find_bus(asked.account, bus_name(params.get("EventBusName")))
        policy = dict(bus.policy)
        if params.get("RemoveAllPermissions"):
            policy = {}
        elif policy.pop(params.get("StatementId", ""), None) is None:
            raise refused(
                "ResourceNotFoundException", "Statement with the provided id does not exist."
            )
        await self._store.put_bus(asked.account, replace(bus, policy=policy))
        return None

    async def _tags(self, asked: AwsAsked, params: Params) -> Given:
        return {"Tags": tags_out(self._named(asked.account, params["ResourceARN"]).tags)}

    async def _tag(self, asked: AwsAsked, params: Params) -> Given:
        found = self._named(asked.account, params["ResourceARN"])
        tags = {**found.tags, **tags_in(params["Tags"])}
        if len(tags) > TAGS_MAX:
            raise refused("LimitExceededException", f"There are at most {TAGS_MAX} tags.")
        await self._put(asked.account, found, tags)
        return None

    async def _untag(self, asked: AwsAsked, params: Params) -> Given:
        found = self._named(asked.account, params["ResourceARN"])
        await self._put(asked.account, found, untagged(found.tags, params["TagKeys"]))
        return None

    def _named(self, account: Account, arn: str) -> Bus | Rule:
        parsed = parse_arn(arn)
        kind, _, name = ("", "", "") if parsed is None else parsed.resource.partition("/")
        if kind == "event-bus":
            return self._store.find_bus(account, name)
        bus, _, rule = name.rpartition("/")
        found = self._store.rule(account.space, bus or DEFAULT, rule) if kind == "rule" else None
        if found is None:
            raise refused("ResourceNotFoundException", f"{arn[:300]} does not exist.")
        return found

    async def _put(self, account: Account, found: Bus | Rule, tags: Mapping[str, str]) -> None:
        if isinstance(found, Bus):
            await self._store.put_bus(account, replace(found, tags=tags))
        else:
            await self._store.put_rule(account, replace(found, tags=tags))


def _shown(account: Account, bus: Bus) -> dict[str, Any]:
    said = show_bus(account, bus)
    return {**said, "Policy": json.dumps(said["Policy"]) if said["Policy"] else None}


def _statements(params: Params, arn: str) -> dict[str, Any]:
    if params.get("Policy"):
        try:
            said = json.loads(params["Policy"]).get("Statement") or []
        except (ValueError, AttributeError):
            raise invalid("Parameter Policy is not valid.") from None
        found = said if isinstance(said, list) else [said]
        return {str(one.get("Sid") or number): one for number, one in enumerate(found)}
    for name in ("Action", "Principal", "StatementId"):
        if not params.get(name):
            raise invalid(f"Parameter {name} must be specified.")
    principal = params["Principal"]
    who = "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"}
    said = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": params["Action"],
        "Resource": arn,
    }
    return {params["StatementId"]: said}
