"""Roles: who may take them on, and what they are called."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAsked
from tapwater_server.clouds.aws.iam.entities import (
    Entities,
    Value,
    checked_policy,
    checked_tags,
    day,
    encoded,
    paged,
    tags_in,
    tags_out,
)
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.unique import unique_id
from tapwater_server.ports.facts import Fact

SESSION_S = 3_600


class Roles:
    """The operations on roles."""

    def __init__(self, roles: Entities) -> None:
        self._roles = roles

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateRole": self.create,
            "GetRole": self.get,
            "ListRoles": self.list,
            "DeleteRole": self.delete,
            "UpdateRole": self.update,
            "UpdateRoleDescription": self.update_description,
            "UpdateAssumeRolePolicy": self.update_trust,
            "TagRole": self.tag,
            "UntagRole": self.untag,
            "ListRoleTags": self.list_tags,
            "ListInstanceProfilesForRole": self.list_profiles,
        }

    async def create(self, asked: AwsAsked, params: Params) -> Given:
        name, path = params["RoleName"], params.get("Path", "/")
        value: Value = {
            "Path": path,
            "RoleName": name,
            "RoleId": unique_id("AROA", self._roles.ids.secret()),
            "Arn": asked.account.arn("iam", f"role{path}{name}", region=""),
            "CreateDate": self._roles.clock.now(),
            "AssumeRolePolicyDocument": checked_policy(params["AssumeRolePolicyDocument"]),
            "Description": params.get("Description", ""),
            "MaxSessionDuration": params.get("MaxSessionDuration", SESSION_S),
            "boundary": params.get("PermissionsBoundary", ""),
            "tags": tags_in(params),
        }
        await self._roles.create(asked.account, name, value)
        return {"Role": shown(value)}

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        return {"Role": shown(self._roles.find(asked.account, params["RoleName"]).value)}

    async def list(self, asked: AwsAsked, params: Params) -> Given:
        start = params.get("PathPrefix", "/")
        found = [
            fact
            for fact in self._roles.all(asked.account)
            if str(fact.value["Path"]).startswith(start)
        ]
        return paged(found, params, "Roles", _shown_fact)

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        await self._roles.remove(asked.account, params["RoleName"])
        return None

    async def update(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            for name in ("Description", "MaxSessionDuration"):
                if name in params:
                    value[name] = params[name]

        await self._roles.change(asked.account, params["RoleName"], change)
        return {}

    async def update_description(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            value["Description"] = params["Description"]

        return {"Role": shown(await self._roles.change(asked.account, params["RoleName"], change))}

    async def update_trust(self, asked: AwsAsked, params: Params) -> Given:
        document = checked_policy(params["PolicyDocument"])

        def change(value: Value) -> None:
            value["AssumeRolePolicyDocument"] = document

        await self._roles.change(asked.account, params["RoleName"], change)
        return None

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            value["tags"] = checked_tags({**value.get("tags", {}), **tags_in(params)})

        await self._roles.change(asked.account, params["RoleName"], change)
        return None

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            gone = set(params["TagKeys"])
            value["tags"] = {k: v for k, v in value.get("tags", {}).items() if k not in gone}

        await self._roles.change(asked.account, params["RoleName"], change)
        return None

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        value = self._roles.find(asked.account, params["RoleName"]).value
        return {"Tags": tags_out(value), "IsTruncated": False}

    async def list_profiles(self, asked: AwsAsked, params: Params) -> Given:
        self._roles.find(asked.account, params["RoleName"])
        return {"InstanceProfiles": [], "IsTruncated": False}  # There are no machines to have any.


def shown(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a role as IAM shows it."""
    said = {name: each for name, each in value.items() if name[:1].isupper()}
    said["CreateDate"] = day(value["CreateDate"])
    said["AssumeRolePolicyDocument"] = encoded(value["AssumeRolePolicyDocument"])
    said["RoleLastUsed"] = {}
    if not said["Description"]:
        del said["Description"]
    if value.get("tags"):
        said["Tags"] = tags_out(value)
    if value.get("boundary"):
        said["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": value["boundary"],
        }
    return said


def _shown_fact(fact: Fact) -> dict[str, Any]:
    return shown(fact.value)
