"""The operations on repositories; what has to do with images themselves is refused."""

from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.ecr.repositories import Repositories
from tapwater_server.clouds.aws.protocol.service import Given, ModelService, Params
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.ports.facts import Fact

TAGS_MAX = 50


class Ecr:
    """Repositories on an account's facts: CDK's bootstrap makes one, and the Serverless Framework
    asks for one before it removes a service. Nothing can be pushed: no token is given out.
    """

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories

    def door(self) -> Service:
        return ModelService(
            "ecr",
            {
                "CreateRepository": self.create,
                "DescribeRepositories": self.describe,
                "DeleteRepository": self.delete,
                "DescribeImages": self.no_images("imageDetails"),
                "ListImages": self.no_images("imageIds"),
                "SetRepositoryPolicy": self.set_policy,
                "GetRepositoryPolicy": self.get_policy,
                "DeleteRepositoryPolicy": self.delete_policy,
                "PutLifecyclePolicy": self.set_lifecycle,
                "GetLifecyclePolicy": self.get_lifecycle,
                "DeleteLifecyclePolicy": self.delete_lifecycle,
                "PutImageTagMutability": self.put_mutability,
                "PutImageScanningConfiguration": self.put_scanning,
                "TagResource": self.tag,
                "UntagResource": self.untag,
                "ListTagsForResource": self.list_tags,
            },
            protocol="json",
        )

    async def create(self, asked: AwsAsked, params: Params) -> Given:
        encryption = params.get("encryptionConfiguration", {"encryptionType": "AES256"})
        if encryption["encryptionType"] != "AES256":
            raise AwsError("NotImplemented", "Keys of KMS are not available here.", 501)
        value = {
            "tags": _checked(tags_in(params.get("tags"))),
            "mutability": params.get("imageTagMutability", "MUTABLE"),
            "scanning": params.get("imageScanningConfiguration", {"scanOnPush": False}),
        }
        made = await self._repositories.create(asked.account, params["repositoryName"], value)
        return {"repository": _shown(asked.account, made)}

    async def describe(self, asked: AwsAsked, params: Params) -> Given:
        names = params.get("repositoryNames")
        if names:
            found = [self._repositories.find(asked.account, name) for name in names]
            return {"repositories": [_shown(asked.account, one) for one in found]}
        after, size = params.get("nextToken", ""), params.get("maxResults", 100)
        left = [one for one in self._repositories.all(asked.account) if one.key > after]
        shown = [_shown(asked.account, one) for one in left[:size]]
        more = {"nextToken": left[size - 1].key} if len(left) > size else {}
        return {"repositories": shown, **more}

    async def delete(self, asked: AwsAsked, params: Params) -> Given:
        gone = await self._repositories.remove(asked.account, params["repositoryName"])
        return {"repository": _shown(asked.account, gone)}

    def no_images(self, member: str) -> Any:
        """Answer that a repository is empty."""

        async def answer(asked: AwsAsked, params: Params) -> Given:
            self._repositories.find(asked.account, params["repositoryName"])
            if params.get("imageIds"):
                raise AwsError("ImageNotFoundException", "The repository holds no such image")
            return {member: []}

        return answer

    async def set_policy(self, asked: AwsAsked, params: Params) -> Given:
        return await self._keep(asked, params, "policy", "policyText")

    async def get_policy(self, asked: AwsAsked, params: Params) -> Given:
        return self._kept(asked, params, "policy", "policyText", "RepositoryPolicyNotFound")

    async def delete_policy(self, asked: AwsAsked, params: Params) -> Given:
        kept = self._kept(asked, params, "policy", "policyText", "RepositoryPolicyNotFound")
        await self._repositories.change(asked.account, params["repositoryName"], policy=None)
        return kept

    async def set_lifecycle(self, asked: AwsAsked, params: Params) -> Given:
        return await self._keep(asked, params, "lifecycle", "lifecyclePolicyText")

    async def get_lifecycle(self, asked: AwsAsked, params: Params) -> Given:
        member = "lifecyclePolicyText"
        return self._kept(asked, params, "lifecycle", member, "LifecyclePolicyNotFound")

    async def delete_lifecycle(self, asked: AwsAsked, params: Params) -> Given:
        member = "lifecyclePolicyText"
        kept = self._kept(asked, params, "lifecycle", member, "LifecyclePolicyNotFound")
        await self._repositories.change(asked.account, params["repositoryName"], lifecycle=None)
        return kept

    async def put_mutability(self, asked: AwsAsked, params: Params) -> Given:
        return await self._keep(asked, params, "mutability", "imageTagMutability")

    async def put_scanning(self, asked: AwsAsked, params: Params) -> Given:
        return await self._keep(asked, params, "scanning", "imageScanningConfiguration")

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._by_arn(asked, params)
        tags = _checked({**fact.value["tags"], **tags_in(params["tags"])})
        await self._repositories.change(asked.account, fact.key, tags=tags)
        return {}

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        fact = self._by_arn(asked, params)
        tags = untagged(fact.value["tags"], params["tagKeys"])
        await self._repositories.change(asked.account, fact.key, tags=tags)
        return {}

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        return {"tags": tags_out(self._by_arn(asked, params).value["tags"])}

    def _by_arn(self, asked: AwsAsked, params: Params) -> Fact:
        name = params["resourceArn"].partition(":repository/")[2]
        return self._repositories.find(asked.account, name)

    async def _keep(self, asked: AwsAsked, params: Params, what: str, member: str) -> Given:
        name = params["repositoryName"]
        await self._repositories.change(asked.account, name, **{what: params[member]})
        return {**_named(asked.account, name), member: params[member]}

    def _kept(self, asked: AwsAsked, params: Params, what: str, member: str, none: str) -> Given:
        name = params["repositoryName"]
        text = self._repositories.find(asked.account, name).value.get(what)
        if text is None:
            raise AwsError(f"{none}Exception", f"The repository '{name}' has no such policy")
        return {**_named(asked.account, name), member: text}


def _named(account: Account, name: str) -> dict[str, str]:
    return {"registryId": account.id, "repositoryName": name}


def _shown(account: Account, fact: Fact) -> dict[str, Any]:
    return {
        **_named(account, fact.key),
        "repositoryArn": account.arn("ecr", f"repository/{fact.key}"),
        "repositoryUri": f"{account.id}.dkr.ecr.{account.region}.amazonaws.com/{fact.key}",
        "createdAt": fact.value["created"],
        "imageTagMutability": fact.value["mutability"],
        "imageScanningConfiguration": fact.value["scanning"],
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def _checked(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_MAX:
        raise AwsError("TooManyTagsException", f"At most {TAGS_MAX} tags")
    return tags
