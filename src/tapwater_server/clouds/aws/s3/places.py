"""What S3 keeps of a bucket beside the bucket itself: whose it is, who may do what there."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.s3.acl import Acl, own, read_kept
from tapwater_server.model.blob import Bucket, Versioning
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.facts import Drop, Fact, Facts, Put, Step

BUCKET = "s3/bucket"
POLICY = "s3/policy"
# Each a text as it was sent, or nothing. EVENTS reads the notifications.
CONFIGS = (
    "accelerate",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "replication",
    "request-payment",
    "tagging",
    "website",
)
ENFORCED, PREFERRED, WRITER = "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Which public access is refused whatever lists and policies say."""

    acls: bool = False  # to be set
    ignored: bool = False  # those that are there grant the public nothing
    policies: bool = False  # to be set
    restricted: bool = False  # a public policy is for the account alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket as S3 sees it. One that S3 has not made belongs to the account."""

    name: str
    bucket: Bucket
    owner: str
    acl: Acl
    ownership: str = ""  # "": nobody said, and objects belong to who writes them
    locks: bool = False  # whether objects can be locked
    region: str = ""
    block: Block | None = None
    policy: str | None = None

    @property
    def versioned(self) -> bool:
        """Whether versions are spoken of."""
        return self.bucket.versioning is not Versioning.OFF

    @property
    def enforced(self) -> bool:
        """Whether lists count for nothing: all belongs to the bucket's owner."""
        return self.ownership == ENFORCED


class Places:
    """Reads and changes what is kept."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts

    def place(self, account: Account, bucket: Bucket, *, owner: str) -> Place:
        """Say what is known of a bucket; ``owner`` has what nobody was named for."""
        name = bucket.name
        value = self._value(account, name)
        policy = self._facts.get(account.space, POLICY, name)
        block = value.get("block")
        whose = value.get("owner") or owner
        return Place(
            name=name,
            bucket=bucket,
            owner=whose,
            acl=read_kept(value["acl"]) if "acl" in value else own(whose),
            ownership=value.get("ownership", ""),
            locks=value.get("locks", False),
            region=value.get("region", ""),
            block=Block(**block) if block is not None else None,
            policy=policy.value["text"] if policy is not None else None,
        )

    def known(self, account: Account, name: str) -> bool:
        return self._facts.get(account.space, BUCKET, name) is not None

    async def change(self, account: Account, name: str, **changes: Any) -> None:
        """Change what is kept of a bucket; None forgets it."""
        while True:
            fact = self._facts.get(account.space, BUCKET, name)
            merged = {**(fact.value if fact is not None else {}), **changes}
            value = {key: one for key, one in merged.items() if one is not None}
            version = fact.version if fact is not None else 0
            put = Put(kind=BUCKET, key=name, value=value, version=version)
            with suppress(Conflict):  # Somebody was faster: theirs is not to be undone.
                await self._facts.change(account.space, [put])
                return

    def policy(self, account: Account, name: str) -> Fact | None:
        return self._facts.get(account.space, POLICY, name)

    async def set_policy(self, account: Account, name: str, text: str | None) -> None:
        """Keep a policy; None forgets it."""
        step: Step = Drop(kind=POLICY, key=name)
        if text is not None:
            step = Put(kind=POLICY, key=name, value={"text": text})
        await self._facts.change(account.space, [step])

    def config(self, account: Account, kind: str, name: str) -> str | None:
        """Give a configuration as it is kept."""
        fact = self._facts.get(account.space, f"s3/{kind}", name)
        return None if fact is None else str(fact.value["xml"])

    def configs(self, account: Account, kind: str, name: str) -> list[str]:
        """Give those of a kind that a bucket may have many of, by their ids."""
        found = self._facts.list(account.space, f"s3/{kind}", prefix=f"{name}/")
        return [str(fact.value["xml"]) for fact in found]

    async def set_config(
        self, account: Account, kind: str, name: str, xml: str | None, **more: Any
    ) -> None:
        """Keep a configuration; None forgets it."""
        step: Step = Drop(kind=f"s3/{kind}", key=name)
        if xml is not None:
            step = Put(kind=f"s3/{kind}", key=name, value={"xml": xml, **more})
        await self._facts.change(account.space, [step])

    async def forget(self, account: Account, name: str) -> None:
        """Forget all that is kept of a bucket."""
        steps: list[Step] = [Drop(kind=BUCKET, key=name), Drop(kind=POLICY, key=name)]
        for kind in CONFIGS:
            steps.append(Drop(kind=f"s3/{kind}", key=name))
            many = self._facts.list(account.space, f"s3/{kind}", prefix=f"{name}/")
            steps += [Drop(kind=f"s3/{kind}", key=fact.key) for fact in many]
        await self._facts.change(account.space, steps)

    def _value(self, account: Account, name: str) -> Mapping[str, Any]:
        fact = self._facts.get(account.space, BUCKET, name)
        return fact.value if fact is not None else {}
