"""The operations of Secrets Manager."""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService, Params
from tapwater_server.clouds.aws.secretsmanager.store import (
    CURRENT,
    Store,
    Value,
    promoted,
    staged,
)
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.clouds.aws.shapes.unique import as_uuid, unique_id
from tapwater_server.ports.facts import Fact
from tapwater_server.ports.ids import IdSource

DAY_S = 86_400.0
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


class SecretsManager:
    """Secrets with their versions and stages."""

    def __init__(self, store: Store, *, ids: IdSource) -> None:
        self._store, self._ids = store, ids

    def door(self) -> Service:
        handlers: Mapping[str, Handler] = {
            "CreateSecret": self.create,
            "GetSecretValue": self.get_value,
            "PutSecretValue": self.put_value,
            "UpdateSecret": self.update,
            "DescribeSecret": self.describe,
            "ListSecrets": self.list,
            "ListSecretVersionIds": self.list_versions,
            "DeleteSecret": self.delete,
            "RestoreSecret": self.restore,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "GetRandomPassword": self.random,
        }
        return ModelService("secretsmanager", handlers, protocol="json")

    async def create(self, asked: AwsAsked, params: Params) -> Given:
        account, name, now = asked.account, params["Name"], self._store.clock.now()
        if not _NAME.fullmatch(name):
            raise AwsError("ValidationException", "Invalid name. Must be a valid name")
        value: Value = {
            "suffix": unique_id("", self._ids.secret())[:6].lower(),
            "description": params.get("Description", ""),
            "kms": params.get("KmsKeyId", ""),
            "created": now,
            "changed": now,
            "tags": tags_in(params.get("Tags")),
            "versions": {},
        }
        version = ""
        if "SecretString" in params or "SecretBinary" in params:
            version = self._version(params)
            binary = await self._store.keep(account, name, version, params)
            fresh = {"at": now, "binary": binary, "stages": [CURRENT]}
            value["versions"] = {version: fresh}
        await self._store.create(account, name, value)
        said = {"ARN": _arn(account, name, value), "Name": name}
        return {**said, "VersionId": version} if version else said

    async def get_value(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        stage = params.get("VersionStage", "")
        version = str(params.get("VersionId") or staged(fact, stage or CURRENT) or "")
        known = fact.value["versions"].get(version)
        if known is None or (stage and stage not in known["stages"]):
            what = f"staging label: {stage or CURRENT}"
            message = f"Secrets Manager can't find the specified secret value for {what}"
            raise AwsError("ResourceNotFoundException", message)
        return {
            "ARN": _arn(asked.account, fact.key, fact.value),
            "Name": fact.key,
            "VersionId": version,
            "VersionStages": known["stages"],
            "CreatedDate": known["at"],
            **self._store.read(asked.account, fact, version),
        }

    async def put_value(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        stages = params.get("VersionStages") or [CURRENT]
        version = await self._add(asked.account, fact, params, stages, {})
        arn = _arn(asked.account, fact.key, fact.value)
        said = {"ARN": arn, "Name": fact.key, "VersionId": version}
        return {**said, "VersionStages": stages}

    async def update(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        changes = {
            own: params[name]
            for name, own in (("Description", "description"), ("KmsKeyId", "kms"))
            if name in params
        }
        said = {"ARN": _arn(asked.account, fact.key, fact.value), "Name": fact.key}
        if "SecretString" in params or "SecretBinary" in params:
            version = await self._add(asked.account, fact, params, [CURRENT], changes)
            return {**said, "VersionId": version}
        now = self._store.clock.now()
        await self._store.change(asked.account, fact, {**fact.value, **changes, "changed": now})
        return said

    async def _add(
        self,
        account: Account,
        fact: Fact,
        params: Params,
        stages: Sequence[str],
        changes: Mapping[str, Any],
    ) -> str:
        """Add a version. One that is there already, with the same value, is left as it is."""
        version = self._version(params)
        if version in fact.value["versions"]:
            held = self._store.read(account, fact, version)
            if all(held.get(name) == params.get(name) for name in held):
                return version
            message = "You can't use ClientRequestToken of a version that has another value"
            raise AwsError("ResourceExistsException", message)
        now = self._store.clock.now()
        binary = await self._store.keep(account, fact.key, version, params)
        fresh = {"at": now, "binary": binary}
        versions, gone = promoted(fact.value["versions"], version, fresh, stages)
        value = {**fact.value, **changes, "changed": now, "versions": versions}
        await self._store.change(account, fact, value)
        await self._store.drop(account, fact.key, gone)
        return version

    async def describe(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"], deleted=True)
        shown = _shown(asked.account, fact)
        stages = shown.pop("SecretVersionsToStages")
        return {**shown, "VersionIdsToStages": stages}

    async def list(self, asked: AwsAsked, params: Params) -> Given:
        gone = params.get("IncludePlannedDeletion", False)
        filters = params.get("Filters", ())
        found = [
            fact
            for fact in await self._store.all(asked.account)
            if (gone or "gone_at" not in fact.value) and all(_fits(fact, one) for one in filters)
        ]
        token, size = params.get("NextToken", ""), params.get("MaxResults", 100)
        left = [fact for fact in found if fact.key > token]
        more = {"NextToken": left[size - 1].key} if len(left) > size else {}
        return {"SecretList": [_shown(asked.account, fact) for fact in left[:size]], **more}

    async def list_versions(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"], deleted=True)
        old = params.get("IncludeDeprecated", False)
        versions = [
            {"VersionId": id, "VersionStages": version["stages"], "CreatedDate": version["at"]}
            for id, version in fact.value["versions"].items()
            if old or version["stages"]
        ]
        arn = _arn(asked.account, fact.key, fact.value)
        return {"Versions": versions, "ARN": arn, "Name": fact.key}

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        now = self._store.clock.now()
        said = {"ARN": _arn(asked.account, fact.key, fact.value), "Name": fact.key}
        if params.get("ForceDeleteWithoutRecovery", False):
            await self._store.erase(asked.account, fact)
            return {**said, "DeletionDate": now}
        days = params.get("RecoveryWindowInDays", 30)
        if not 7 <= days <= 30:
            message = "RecoveryWindowInDays must be between 7 and 30 days (inclusive)."
            raise AwsError("InvalidParameterException", message)
        gone_at = now + days * DAY_S
        await self._store.change(asked.account, fact, {**fact.value, "gone_at": gone_at})
        return {**said, "DeletionDate": gone_at}

    async def restore(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"], deleted=True)
        value = {name: each for name, each in fact.value.items() if name != "gone_at"}
        await self._store.change(asked.account, fact, value)
        return {"ARN": _arn(asked.account, fact.key, fact.value), "Name": fact.key}

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        value = {**fact.value, "tags": {**fact.value["tags"], **tags_in(params["Tags"])}}
        await self._store.change(asked.account, fact, value)
        return None

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        fact = await self._store.find(asked.account, params["SecretId"])
        tags = untagged(fact.value["tags"], params["TagKeys"])
        await self._store.change(asked.account, fact, {**fact.value, "tags": tags})
        return None

    async def random(self, asked: AwsAsked, params: Params) -> Given:
        letters = _alphabet(params)
        size = params.get("PasswordLength", 32)
        drawn = "".join(self._ids.secret() for _ in range(size // 16 + 1))
        number = int.from_bytes(drawn.encode(), "big")
        out = []
        for _ in range(size):
            number, at = divmod(number, len(letters))
            out.append(letters[at])
        return {"RandomPassword": "".join(out)}

    def _version(self, params: Params) -> str:
        return str(params.get("ClientRequestToken") or as_uuid(self._ids.fresh()))


def _alphabet(params: Params) -> str:
    sets = (
        ("ExcludeLowercase", string.ascii_lowercase),
        ("ExcludeUppercase", string.ascii_uppercase),
        ("ExcludeNumbers", string.digits),
        ("ExcludePunctuation", string.punctuation),
    )
    letters = "".join(each for name, each in sets if not params.get(name, False))
    letters += " " if params.get("IncludeSpace", False) else ""
    gone = params.get("ExcludeCharacters", "")
    found = "".join(letter for letter in letters if letter not in gone)
    if not found:
        raise AwsError("InvalidParameterException", "No characters are left to choose from")
    return found


def _arn(account: Account, name: str, value: Mapping[str, Any]) -> str:
    return account.arn("secretsmanager", f"secret:{name}-{value['suffix']}")


def _fits(fact: Fact, wanted: Mapping[str, Any]) -> bool:
    values = wanted.get("Values", [])
    where = {"name": fact.key, "description": fact.value["description"]}.get(str(wanted.get("Key")))
    if where is None:
        raise AwsError(
            "InvalidParameterException", f"Filters by {wanted.get('Key')} are not read here"
        )
    return any(where.startswith(value) for value in values)


def _shown(account: Account, fact: Fact) -> dict[str, Any]:
    value = fact.value
    versions = value["versions"]
    return {
        "ARN": _arn(account, fact.key, value),
        "Name": fact.key,
        "Description": value["description"] or None,
        "KmsKeyId": value["kms"] or None,
        "CreatedDate": value["created"],
        "LastChangedDate": value["changed"],
        "DeletedDate": value.get("gone_at"),
        "Tags": tags_out(dict(sorted(value["tags"].items()))),
        "SecretVersionsToStages": {
            id: version["stages"] for id, version in versions.items() if version["stages"]
        },
    }
