"""API keys and usage plans of REST APIs: kept, and looked up when a method asks for a key."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.apigateway.patching import patch
from tapwater_server.clouds.aws.apigateway.rest_records import bad, missing
from tapwater_server.clouds.aws.apigateway.rest_showing import page
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Handler
from tapwater_server.clouds.aws.shapes.unique import short_id
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Fact, Facts, Put
from tapwater_server.ports.ids import IdSource

Params = Mapping[str, Any]
KEY, PLAN = "apigateway/key", "apigateway/plan"
KEYS_MAX = 10_000  # Of an account; so many plans too.
VALUE_LENGTH_MIN, VALUE_LENGTH_MAX = 20, 128
_KEY_PATCHED = frozenset({"name", "description", "enabled", "customerId"})
_PLAN_PATCHED = frozenset({"name", "description", "productCode", "throttle", "quota"})


class Keys:
    """Keeps keys and plans. Rates and quotas of plans are kept, and not counted."""

    def __init__(self, *, facts: Facts, clock: Clock, ids: IdSource) -> None:
        self._facts, self._clock, self._ids = facts, clock, ids

    def table(self) -> dict[str, Handler]:
        """Give the operations that are answered here."""
        return {
            "CreateApiKey": self.create,
            "GetApiKey": self.get,
            "GetApiKeys": self.every,
            "UpdateApiKey": self.update,
            "DeleteApiKey": self.delete,
            "CreateUsagePlan": self.create_plan,
            "GetUsagePlan": self.get_plan,
            "GetUsagePlans": self.plans,
            "UpdateUsagePlan": self.update_plan,
            "DeleteUsagePlan": self.delete_plan,
            "CreateUsagePlanKey": self.add_key,
            "GetUsagePlanKey": self.plan_key,
            "GetUsagePlanKeys": self.plan_keys,
            "DeleteUsagePlanKey": self.drop_key,
            "GetAccount": self.account,
            "UpdateAccount": self.account,
        }

    def holder(self, account: Account, value: str, api: str, stage: str) -> Fact | None:
        """Find the enabled key of a value that some plan lets use a stage."""
        if not value:
            return None
        for key in self._facts.list(account.space, KEY):
            if key.value["value"] == value and key.value["enabled"]:
                for plan in self._facts.list(account.space, PLAN):
                    stages = [(one["apiId"], one["stage"]) for one in plan.value["apiStages"]]
                    if (api, stage) in stages and key.key in plan.value["keys"]:
                        return key
        return None

    async def create(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        known = self._facts.list(asked.account.space, KEY)
        value = params.get("value") or short_id(self._ids.secret(), 40)
        if not VALUE_LENGTH_MIN <= len(value) <= VALUE_LENGTH_MAX:
            raise bad(f"API Key value should be at least {VALUE_LENGTH_MIN} characters")
        if any(fact.value["value"] == value for fact in known):
            raise AwsError("ConflictException", "API Key already exists", 409)
        if len(known) >= KEYS_MAX:
            raise AwsError("LimitExceededException", f"Limit of {KEYS_MAX} keys exceeded", 429)
        now, id = self._clock.now(), short_id(self._ids.fresh(), 10)
        key: dict[str, Any] = {
            "name": params.get("name") or id,
            "value": value,
            "description": params.get("description"),
            "customerId": params.get("customerId"),
            "enabled": bool(params.get("enabled")),
            "createdDate": now,
            "lastUpdatedDate": now,
            "stageKeys": [],
            "tags": dict(params.get("tags") or {}),
        }
        await self._facts.change(asked.account.space, [Put(kind=KEY, key=id, value=key)])
        return {**key, "id": id}

    async def get(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, KEY, params["apiKey"], "API Key")
        return _key(fact, with_value=bool(params.get("includeValue")))

    async def every(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        start, shown = params.get("nameQuery") or "", bool(params.get("includeValues"))
        found = [
            _key(fact, with_value=shown)
            for fact in self._facts.list(asked.account.space, KEY)
            if str(fact.value["name"]).startswith(start)
        ]
        return page(found, params)

    async def update(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, KEY, params["apiKey"], "API Key")
        value = dict(fact.value) | {"lastUpdatedDate": self._clock.now()}
        patch(value, params.get("patchOperations") or [], allowed=_KEY_PATCHED)
        await self._facts.change(asked.account.space, [Put(kind=KEY, key=fact.key, value=value)])
        return {**value, "id": fact.key, "value": None}

    async def delete(self, asked: AwsAsked, params: Params) -> None:
        fact = self._find(asked, KEY, params["apiKey"], "API Key")
        await self._facts.change(asked.account.space, [Drop(kind=KEY, key=fact.key)])

    # Usage plans --------------------------------------------------------------------------------

    async def create_plan(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        if len(self._facts.list(asked.account.space, PLAN)) >= KEYS_MAX:
            raise AwsError("LimitExceededException", f"Limit of {KEYS_MAX} plans exceeded", 429)
        kept = ("name", "description", "throttle", "quota", "tags")
        value = {name: params[name] for name in kept if params.get(name) is not None}
        value |= {"apiStages": list(params.get("apiStages") or []), "keys": []}
        id = short_id(self._ids.fresh(), 6)
        await self._facts.change(asked.account.space, [Put(kind=PLAN, key=id, value=value)])
        return _plan(id, value)

    async def get_plan(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        return _plan(fact.key, fact.value)

    async def plans(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        wanted = params.get("keyId")
        found = [
            _plan(fact.key, fact.value)
            for fact in self._facts.list(asked.account.space, PLAN)
            if not wanted or wanted in fact.value["keys"]
        ]
        return page(found, params)

    async def update_plan(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        value = dict(fact.value)
        plain = []
        for one in params.get("patchOperations") or []:
            if one.get("path") == "/apiStages":
                value["apiStages"] = _staged(value["apiStages"], one)
            else:
                plain.append(one)
        patch(value, plain, allowed=_PLAN_PATCHED)
        await self._keep_plan(asked, fact, value)
        return _plan(fact.key, value)

    async def delete_plan(self, asked: AwsAsked, params: Params) -> None:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        if fact.value["apiStages"]:
            raise bad(
                f"Cannot delete Usage Plan {fact.key} because there are API stages associated"
                " with it"
            )
        await self._facts.change(asked.account.space, [Drop(kind=PLAN, key=fact.key)])

    async def add_key(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        key = self._find(asked, KEY, params["keyId"], "API Key")
        if key.key in fact.value["keys"]:
            message = f"Usage Plan {fact.key} has the key already"
            raise AwsError("ConflictException", message, 409)
        await self._keep_plan(asked, fact, {**fact.value, "keys": [*fact.value["keys"], key.key]})
        return _plan_key(key)

    async def plan_key(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        if params["keyId"] not in fact.value["keys"]:
            raise missing("Usage Plan Key")
        return _plan_key(self._find(asked, KEY, params["keyId"], "API Key"))

    async def plan_keys(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        known = (self._facts.get(asked.account.space, KEY, id) for id in fact.value["keys"])
        return page([_plan_key(key) for key in known if key is not None], params)

    async def drop_key(self, asked: AwsAsked, params: Params) -> None:
        fact = self._find(asked, PLAN, params["usagePlanId"], "Usage Plan")
        kept = [key for key in fact.value["keys"] if key != params["keyId"]]
        if len(kept) == len(fact.value["keys"]):
            raise missing("Usage Plan Key")
        await self._keep_plan(asked, fact, {**fact.value, "keys": kept})

    async def account(self, asked: AwsAsked, params: Params) -> Mapping[str, Any]:
        """GetAccount. A role for logs may be named; our logs need none."""
        return {
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
            "apiKeyVersion": "4",
        }

    async def _keep_plan(self, asked: AwsAsked, fact: Fact, value: Mapping[str, Any]) -> None:
        await self._facts.change(asked.account.space, [Put(kind=PLAN, key=fact.key, value=value)])

    def _find(self, asked: AwsAsked, kind: str, id: str, what: str) -> Fact:
        fact = self._facts.get(asked.account.space, kind, id)
        if fact is None:
            raise missing(what)
        return fact


def _key(fact: Fact, *, with_value: bool) -> dict[str, Any]:
    shown = {**fact.value, "id": fact.key}
    return shown if with_value else shown | {"value": None}


def _plan(id: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: part for name, part in value.items() if name != "keys"}, "id": id}


def _plan_key(key: Fact) -> dict[str, Any]:
    return {"id": key.key, "type": "API_KEY", "name": key.value["name"], "value": None}


def _staged(stages: list[dict[str, Any]], one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Add a stage ("api:stage") to a plan, or take it away."""
    api, _, stage = str(one.get("value", "")).partition(":")
    kept = [s for s in stages if (s["apiId"], s["stage"]) != (api, stage)]
    return kept if one.get("op") == "remove" else [*kept, {"apiId": api, "stage": stage}]
