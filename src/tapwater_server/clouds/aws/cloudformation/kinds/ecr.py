"""AWS::ECR::Repository: a name without images, which CDK's bootstrap makes."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made, pick, tag_list

_NOTE = "Container images are not available here: nothing can be pushed to it."
_CREATED = ("ImageTagMutability", "ImageScanningConfiguration", "EncryptionConfiguration")


def _lower(said: Any) -> Any:
    """Write names as the service's own interface does."""
    if not isinstance(said, dict):
        return said
    return {key[:1].lower() + key[1:]: _lower(value) for key, value in said.items()}


async def _create(doing: Doing) -> Made:
    name = doing.id or doing.name("RepositoryName", length_max=256, lower=True)
    await doing.call(
        "ecr",
        "CreateRepository",
        repositoryName=name,
        tags=tag_list(doing.want, doing.tags),
        **_lower(pick(doing.want, *_CREATED)),
    )
    await doing.begun(name)
    await _policies(doing, name)
    return _made(doing, name)


async def _update(doing: Doing) -> Made:
    name = doing.id
    mutability = doing.want.get("ImageTagMutability", "MUTABLE")
    scanning = _lower(doing.want.get("ImageScanningConfiguration", {"scanOnPush": False}))
    await doing.call(
        "ecr", "PutImageTagMutability", repositoryName=name, imageTagMutability=mutability
    )
    await doing.call(
        "ecr",
        "PutImageScanningConfiguration",
        repositoryName=name,
        imageScanningConfiguration=scanning,
    )
    await _policies(doing, name)
    return _made(doing, name)


async def _policies(doing: Doing, name: str) -> None:
    """Set both policies, or take away what the repository had."""
    policy = doing.want.get("RepositoryPolicyText")
    if policy is not None:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        await doing.call("ecr", "SetRepositoryPolicy", repositoryName=name, policyText=text)
    elif doing.had.get("RepositoryPolicyText") is not None:
        await doing.forget("ecr", "DeleteRepositoryPolicy", repositoryName=name)
    lifecycle = (doing.want.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
    if lifecycle is not None:
        await doing.call(
            "ecr", "PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=lifecycle
        )
    elif doing.had.get("LifecyclePolicy") is not None:
        await doing.forget("ecr", "DeleteLifecyclePolicy", repositoryName=name)


def _made(doing: Doing, name: str) -> Made:
    account = doing.account
    host = f"{account.id}.dkr.ecr.{account.region}.amazonaws.com"
    attributes = {
        "Arn": account.arn("ecr", f"repository/{name}"),
        "RepositoryUri": f"{host}/{name}",
    }
    return Made(id=name, attributes=attributes, note=_NOTE)


async def _delete(doing: Doing) -> None:
    await doing.forget("ecr", "DeleteRepository", repositoryName=doing.id, force=True)


KINDS = (
    Kind(
        type="AWS::ECR::Repository",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"RepositoryName", "RepositoryPolicyText", "LifecyclePolicy", *_CREATED}),
        ignored=frozenset({"Tags", "EmptyOnDelete"}),
        replaced=frozenset({"RepositoryName", "EncryptionConfiguration"}),
        named="RepositoryName",
    ),
)
