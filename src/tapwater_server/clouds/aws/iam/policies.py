"""Managed policies: an account's own, in versions, and those of AWS that we know."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.iam.entities import (
    Entities,
    Value,
    checked_tags,
    day,
    encoded,
    identity_policy,
    paged,
    tags_in,
    tags_out,
)
from tapwater_server.clouds.aws.iam.managed import described, managed
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.shapes.unique import unique_id
from tapwater_server.ports.facts import Fact

VERSIONS_MAX = 5
_UNKNOWN = "Policy {} does not exist or is not attachable."


class Policies:
    """The operations on managed policies."""

    def __init__(self, policies: Entities, *, holders: Mapping[str, Entities]) -> None:
        self._policies, self._holders = policies, holders

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreatePolicy": self.create,
            "GetPolicy": self.get,
            "ListPolicies": self.list,
            "DeletePolicy": self.delete,
            "CreatePolicyVersion": self.create_version,
            "GetPolicyVersion": self.get_version,
            "ListPolicyVersions": self.list_versions,
            "DeletePolicyVersion": self.delete_version,
            "SetDefaultPolicyVersion": self.set_default,
            "TagPolicy": self.tag,
            "UntagPolicy": self.untag,
            "ListPolicyTags": self.list_tags,
            "ListEntitiesForPolicy": self.list_entities,
        }

    def document(self, account: Account, arn: str) -> str:
        """Give what a managed policy says.

        Raises:
            AwsError: NoSuchEntity.
        """
        known = managed(arn)
        if known is not None:
            return known
        value = self._find(account, arn).value
        return str(value["versions"][value["DefaultVersionId"]]["document"])

    async def create(self, asked: AwsAsked, params: Params) -> Given:
        name, path = params["PolicyName"], params.get("Path", "/")
        now = self._policies.clock.now()
        document = identity_policy(params["PolicyDocument"])
        value: Value = {
            "PolicyName": name,
            "PolicyId": unique_id("ANPA", self._policies.ids.secret()),
            "Arn": asked.account.arn("iam", f"policy{path}{name}", region=""),
            "Path": path,
            "DefaultVersionId": "v1",
            "Description": params.get("Description", ""),
            "CreateDate": now,
            "UpdateDate": now,
            "latest": 1,
            "versions": {"v1": {"document": document, "at": now}},
            "tags": tags_in(params),
        }
        await self._policies.create(asked.account, name, value)
        return {"Policy": self._shown(asked.account, value)}

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["PolicyArn"]
        if managed(arn) is not None:
            return {"Policy": _of_aws(arn)}
        return {"Policy": self._shown(asked.account, self._find(asked.account, arn).value)}

    async def list(self, asked: AwsAsked, params: Params) -> Given:
        if params.get("Scope") == "AWS":
            return {"Policies": [], "IsTruncated": False}  # Known by name; there is no list.
        account, start = asked.account, params.get("PathPrefix", "/")
        only = params.get("OnlyAttached", False)
        found = [
            fact
            for fact in self._policies.all(account)
            if str(fact.value["Path"]).startswith(start)
            and (not only or self._holding(account, str(fact.value["Arn"])))
        ]
        return paged(found, params, "Policies", lambda fact: self._shown(account, fact.value))

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._find(asked.account, params["PolicyArn"])
        if self._holding(asked.account, params["PolicyArn"]):
            raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(fact.value["versions"]) > 1:
            message = "This policy has more than one version. Delete the others first."
            raise AwsError("DeleteConflict", message)
        await self._policies.remove(asked.account, fact.key)
        return None

    async def create_version(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._find(asked.account, params["PolicyArn"])
        document, now = identity_policy(params["PolicyDocument"]), self._policies.clock.now()

        def change(value: Value) -> None:
            if len(value["versions"]) >= VERSIONS_MAX:
                message = f"A managed policy can have up to {VERSIONS_MAX} versions."
                raise AwsError("LimitExceeded", message, 409)
            value["latest"] += 1
            name = f"v{value['latest']}"
            value["versions"] = {**value["versions"], name: {"document": document, "at": now}}
            value["UpdateDate"] = now
            if params.get("SetAsDefault", False):
                value["DefaultVersionId"] = name

        value = await self._policies.change(asked.account, fact.key, change)
        return {"PolicyVersion": _version(value, f"v{value['latest']}", whole=False)}

    async def get_version(self, asked: AwsAsked, params: Params) -> Given:
        arn, name = params["PolicyArn"], params["VersionId"]
        document = managed(arn)
        if document is not None:
            said = {"Document": encoded(document), "VersionId": "v1", "IsDefaultVersion": True}
            return {"PolicyVersion": {**said, "CreateDate": day(0)}}
        value = self._find(asked.account, arn).value
        _check_version(value, name)
        return {"PolicyVersion": _version(value, name, whole=True)}

    async def list_versions(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["PolicyArn"]
        if managed(arn) is not None:
            said = {"VersionId": "v1", "IsDefaultVersion": True, "CreateDate": day(0)}
            return {"Versions": [said], "IsTruncated": False}
        value = self._find(asked.account, arn).value
        versions = [_version(value, name, whole=False) for name in reversed(value["versions"])]
        return {"Versions": versions, "IsTruncated": False}

    async def delete_version(self, asked: AwsAsked, params: Params) -> Given:
        fact, name = self._find(asked.account, params["PolicyArn"]), params["VersionId"]

        def change(value: Value) -> None:
            _check_version(value, name)
            if value["DefaultVersionId"] == name:
                message = "Cannot delete the default version of a policy."
                raise AwsError("DeleteConflict", message)
            value["versions"] = {k: v for k, v in value["versions"].items() if k != name}

        await self._policies.change(asked.account, fact.key, change)
        return None

    async def set_default(self, asked: AwsAsked, params: Params) -> Given:
        fact, name = self._find(asked.account, params["PolicyArn"]), params["VersionId"]

        def change(value: Value) -> None:
            _check_version(value, name)
            value["DefaultVersionId"] = name

        await self._policies.change(asked.account, fact.key, change)
        return None

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._find(asked.account, params["PolicyArn"])

        def change(value: Value) -> None:
            value["tags"] = checked_tags({**value.get("tags", {}), **tags_in(params)})

        await self._policies.change(asked.account, fact.key, change)
        return None

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        fact, gone = self._find(asked.account, params["PolicyArn"]), set(params["TagKeys"])

        def change(value: Value) -> None:
            value["tags"] = {k: v for k, v in value.get("tags", {}).items() if k not in gone}

        await self._policies.change(asked.account, fact.key, change)
        return None

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        value = self._find(asked.account, params["PolicyArn"]).value
        return {"Tags": tags_out(value), "IsTruncated": False}

    async def list_entities(self, asked: AwsAsked, params: Params) -> Given:
        self.document(asked.account, params["PolicyArn"])
        held = self._holding(asked.account, params["PolicyArn"])
        return {
            "PolicyGroups": [],
            "PolicyUsers": [
                {"UserName": fact.key, "UserId": fact.value["UserId"]}
                for noun, fact in held
                if noun == "User"
            ],
            "PolicyRoles": [
                {"RoleName": fact.key, "RoleId": fact.value["RoleId"]}
                for noun, fact in held
                if noun == "Role"
            ],
            "IsTruncated": False,
        }

    def _find(self, account: Account, arn: str) -> Fact:
        fact = next((one for one in self._policies.all(account) if one.value["Arn"] == arn), None)
        if fact is None:
            raise AwsError("NoSuchEntity", _UNKNOWN.format(arn), 404)
        return fact

    def _holding(self, account: Account, arn: str) -> Sequence[tuple[str, Fact]]:
        return [
            (noun, fact)
            for noun, holders in self._holders.items()
            for fact in holders.all(account)
            if arn in fact.value.get("attached", ())
        ]

    def _shown(self, account: Account, value: Mapping[str, Any]) -> dict[str, Any]:
        said = {name: each for name, each in value.items() if name[:1].isupper()}
        return {
            **said,
            "CreateDate": day(value["CreateDate"]),
            "UpdateDate": day(value["UpdateDate"]),
            "IsAttachable": True,
            "AttachmentCount": len(self._holding(account, value["Arn"])),
            "PermissionsBoundaryUsageCount": 0,
            "Tags": tags_out(value),
        }


def _of_aws(arn: str) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    dates = {"CreateDate": day(0), "UpdateDate": day(0)}
    return {
        "PolicyName": name,
        "PolicyId": unique_id("ANPA", arn),
        "Arn": arn,
        "Path": arn.partition(":policy")[2].removesuffix(name),
        "DefaultVersionId": "v1",
        "Description": described(arn),
        "IsAttachable": True,
        **dates,
    }


def _version(value: Mapping[str, Any], name: str, *, whole: bool) -> dict[str, Any]:
    version = value["versions"][name]
    said = {
        "VersionId": name,
        "IsDefaultVersion": value["DefaultVersionId"] == name,
        "CreateDate": day(version["at"]),
    }
    return {**said, "Document": encoded(version["document"])} if whole else said


def _check_version(value: Mapping[str, Any], name: str) -> None:
    if name not in value["versions"]:
        raise AwsError("NoSuchEntity", f"Policy version {name} does not exist.", 404)
