"""Users and their keys."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.iam.entities import (
    Entities,
    Value,
    checked_tags,
    day,
    missing,
    paged,
    tags_in,
    tags_out,
)
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.unique import unique_id
from tapwater_server.model.ids import AppId
from tapwater_server.ports.facts import Fact

KEYS_PER_USER_MAX = 2


class Pair(Protocol):
    """A new key; its secret is shown once."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret(self) -> str: ...


class Keys(Protocol):
    """Who issues keys."""

    async def issue(self, home: AppId, *, user: str = "", at: float) -> Pair: ...

    def issued(self, home: AppId) -> Sequence[Fact]: ...

    async def revoke(self, home: AppId, access_key: str) -> bool: ...

    async def activate(self, home: AppId, access_key: str, *, active: bool) -> bool: ...


class Users:
    """The operations on users and their access keys."""

    def __init__(self, users: Entities, *, keys: Keys) -> None:
        self._users, self._keys = users, keys

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateUser": self.create,
            "GetUser": self.get,
            "ListUsers": self.list,
            "DeleteUser": self.delete,
            "TagUser": self.tag,
            "UntagUser": self.untag,
            "ListUserTags": self.list_tags,
            "ListGroupsForUser": self.list_groups,
            "CreateAccessKey": self.create_key,
            "ListAccessKeys": self.list_keys,
            "UpdateAccessKey": self.update_key,
            "DeleteAccessKey": self.delete_key,
        }

    async def create(self, asked: AwsAsked, params: Params) -> Given:
        name, path = params["UserName"], params.get("Path", "/")
        value: Value = {
            "Path": path,
            "UserName": name,
            "UserId": unique_id("AIDA", self._users.ids.secret()),
            "Arn": asked.account.arn("iam", f"user{path}{name}", region=""),
            "CreateDate": self._users.clock.now(),
            "tags": tags_in(params),
        }
        await self._users.create(asked.account, name, value)
        return {"User": shown(value)}

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        name = params.get("UserName") or asked.caller.user
        if name:
            return {"User": shown(self._users.find(asked.account, name).value)}
        root = {"Path": "/", "UserName": "root", "UserId": asked.account.id, "CreateDate": 0.0}
        arn = asked.account.arn("iam", "root", region="")
        return {"User": {**root, "Arn": arn}}

    async def list(self, asked: AwsAsked, params: Params) -> Given:
        start = params.get("PathPrefix", "/")
        found = [
            fact
            for fact in self._users.all(asked.account)
            if str(fact.value["Path"]).startswith(start)
        ]
        return paged(found, params, "Users", lambda fact: shown(fact.value))

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        name = params["UserName"]
        self._users.find(asked.account, name)
        if self._keys_of(asked.account, name):
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete access keys first.")
        await self._users.remove(asked.account, name)
        return None

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            value["tags"] = checked_tags({**value.get("tags", {}), **tags_in(params)})

        await self._users.change(asked.account, params["UserName"], change)
        return None

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        def change(value: Value) -> None:
            gone = set(params["TagKeys"])
            value["tags"] = {k: v for k, v in value.get("tags", {}).items() if k not in gone}

        await self._users.change(asked.account, params["UserName"], change)
        return None

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        value = self._users.find(asked.account, params["UserName"]).value
        return {"Tags": tags_out(value), "IsTruncated": False}

    async def list_groups(self, asked: AwsAsked, params: Params) -> Given:
        self._users.find(asked.account, params["UserName"])
        return {"Groups": [], "IsTruncated": False}  # There are no groups here.

    async def create_key(self, asked: AwsAsked, params: Params) -> Given:
        user = self._user(asked, params)
        if user and len(self._keys_of(asked.account, user)) >= KEYS_PER_USER_MAX:
            message = f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER_MAX}"
            raise AwsError("LimitExceeded", message, 409)
        now = self._users.clock.now()
        pair = await self._keys.issue(asked.account.home, user=user, at=now)
        key = {
            "UserName": user or "root",
            "AccessKeyId": pair.access_key,
            "Status": "Active",
            "SecretAccessKey": pair.secret,
            "CreateDate": day(now),
        }
        return {"AccessKey": key}

    async def list_keys(self, asked: AwsAsked, params: Params) -> Given:
        user = self._user(asked, params)
        return paged(self._keys_of(asked.account, user), params, "AccessKeyMetadata", _shown_key)

    async def update_key(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._key(asked, params)
        active = params["Status"] == "Active"
        await self._keys.activate(asked.account.home, fact.key, active=active)
        return None

    async def delete_key(self, asked: AwsAsked, params: Params) -> Given:
        await self._keys.revoke(asked.account.home, self._key(asked, params).key)
        return None

    def _user(self, asked: AwsAsked, params: Params) -> str:
        """Whose keys are meant: the user's that is named, or who asks."""
        name = str(params.get("UserName", ""))
        if name:
            self._users.find(asked.account, name)
        elif asked.caller.role:
            # Else who took on a role would be given keys of the account itself.
            message = "Must specify userName when calling with non-User credentials"
            raise AwsError("ValidationError", message, 400)
        return name or asked.caller.user

    def _key(self, asked: AwsAsked, params: Params) -> Fact:
        user, wanted = self._user(asked, params), params["AccessKeyId"]
        for fact in self._keys_of(asked.account, user):
            if fact.key == wanted:
                return fact
        raise missing("Access Key", wanted)

    def _keys_of(self, account: Account, user: str) -> Sequence[Fact]:
        return [
            fact for fact in self._keys.issued(account.home) if fact.value.get("user", "") == user
        ]


def shown(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a user as IAM shows it."""
    said = {name: each for name, each in value.items() if name[:1].isupper()}
    said["CreateDate"] = day(value["CreateDate"])
    if value.get("tags"):
        said["Tags"] = tags_out(value)
    return said


def _shown_key(fact: Fact) -> dict[str, Any]:
    return {
        "UserName": fact.value.get("user") or "root",
        "AccessKeyId": fact.key,
        "Status": "Active" if fact.value.get("active", True) else "Inactive",
        "CreateDate": day(fact.value["created"]),
    }
