"""Policies of a user or a role: inline ones, and managed ones that are attached."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.iam.entities import (
    Entities,
    Value,
    encoded,
    identity_policy,
    missing,
    paged,
)
from tapwater_server.clouds.aws.iam.policies import Policies
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params

ATTACHED_MAX = 20
INLINE_MAX = 50


class Attaching:
    """The same operations for users and for roles: ``noun`` is "User" or "Role"."""

    def __init__(self, noun: str, entities: Entities, *, policies: Policies) -> None:
        self._noun, self._entities, self._policies = noun, entities, policies

    def handlers(self) -> Mapping[str, Handler]:
        noun = self._noun
        return {
            f"Put{noun}Policy": self.put,
            f"Get{noun}Policy": self.get,
            f"Delete{noun}Policy": self.delete,
            f"List{noun}Policies": self.list,
            f"Attach{noun}Policy": self.attach,
            f"Detach{noun}Policy": self.detach,
            f"ListAttached{noun}Policies": self.list_attached,
            f"Put{noun}PermissionsBoundary": self.bound,
            f"Delete{noun}PermissionsBoundary": self.unbound,
        }

    def _name(self, params: Params) -> str:
        return str(params[f"{self._noun}Name"])

    async def put(self, asked: AwsAsked, params: Params) -> Given:
        document = identity_policy(params["PolicyDocument"])

        def change(value: Value) -> None:
            value["inline"] = {**value.get("inline", {}), params["PolicyName"]: document}
            if len(value["inline"]) > INLINE_MAX:
                raise AwsError("LimitExceeded", f"At most {INLINE_MAX} inline policies", 409)

        await self._entities.change(asked.account, self._name(params), change)
        return None

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        value = self._entities.find(asked.account, self._name(params)).value
        document = value.get("inline", {}).get(params["PolicyName"])
        if document is None:
            raise missing(f"{self._noun.lower()} policy", params["PolicyName"])
        return {
            f"{self._noun}Name": self._name(params),
            "PolicyName": params["PolicyName"],
            "PolicyDocument": encoded(document),
        }

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            inline = {**value.get("inline", {})}
            if inline.pop(params["PolicyName"], None) is None:
                raise missing(f"{self._noun.lower()} policy", params["PolicyName"])
            value["inline"] = inline

        await self._entities.change(asked.account, self._name(params), change)
        return None

    async def list(self, asked: AwsAsked, params: Params) -> Given:
        value = self._entities.find(asked.account, self._name(params)).value
        return paged(sorted(value.get("inline", {})), params, "PolicyNames", str)

    async def attach(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["PolicyArn"]
        self._policies.document(asked.account, arn)  # There is one, or this raises.

        def change(value: Value) -> None:
            value["attached"] = sorted({*value.get("attached", ()), arn})
            if len(value["attached"]) > ATTACHED_MAX:
                raise AwsError("LimitExceeded", f"At most {ATTACHED_MAX} policies", 409)

        await self._entities.change(asked.account, self._name(params), change)
        return None

    async def detach(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["PolicyArn"]

        def change(value: Value) -> None:
            if arn not in value.get("attached", ()):
                raise AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)
            value["attached"] = [each for each in value["attached"] if each != arn]

        await self._entities.change(asked.account, self._name(params), change)
        return None

    async def list_attached(self, asked: AwsAsked, params: Params) -> Given:
        value = self._entities.find(asked.account, self._name(params)).value
        return paged(value.get("attached", ()), params, "AttachedPolicies", _attached)

    async def bound(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["PermissionsBoundary"]
        self._policies.document(asked.account, arn)

        def change(value: Value) -> None:
            value["boundary"] = arn

        await self._entities.change(asked.account, self._name(params), change)
        return None

    async def unbound(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            value["boundary"] = ""

        await self._entities.change(asked.account, self._name(params), change)
        return None


def _attached(arn: str) -> dict[str, Any]:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
