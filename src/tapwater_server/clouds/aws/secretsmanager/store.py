"""Secrets as they are kept: what is known of them as facts, their values sealed."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Fact, Facts, Put
from tapwater_server.ports.secrets import Secrets

SECRET = "secretsmanager/secret"
CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
VALUE_BYTES_MAX = 64 << 10
BINARY_BYTES_MAX = 48 << 10  # Kept as base64.
VERSIONS_MAX = 100
SECRETS_MAX = 10_000
Value = dict[str, Any]


class Store:
    """The secrets of accounts."""

    def __init__(self, *, facts: Facts, secrets: Secrets, clock: Clock) -> None:
        self._facts, self._secrets, self.clock = facts, secrets, clock

    async def all(self, account: Account) -> Sequence[Fact]:
        """List them; those whose time is over go."""
        found = []
        for fact in self._facts.list(account.space, SECRET):
            if fact.value.get("gone_at", float("inf")) <= self.clock.now():
                await self.erase(account, fact)
            else:
                found.append(fact)
        return found

    async def find(self, account: Account, said: str, *, deleted: bool = False) -> Fact:
        """Find one by its name or its ARN, whole or without the six letters at its end.

        Raises:
            AwsError: there is none, or it is marked for deletion.
        """
        name = said.partition(":secret:")[2] if said.startswith("arn:") else said
        if name != said and said.split(":", 5)[4] != account.id:
            name = ""  # It is another account's, and so is its name.
        fact = self._facts.get(account.space, SECRET, name)
        if fact is None and name[-7:-6] == "-":
            fact = self._facts.get(account.space, SECRET, name[:-7])
            if fact is not None and fact.value["suffix"] != name[-6:]:
                fact = None
        if fact is not None and fact.value.get("gone_at", float("inf")) <= self.clock.now():
            await self.erase(account, fact)
            fact = None
        if fact is None:
            message = "Secrets Manager can't find the specified secret."
            raise AwsError("ResourceNotFoundException", message)
        if "gone_at" in fact.value and not deleted:
            message = "You can't perform this operation on the secret because it was marked for"
            raise AwsError("InvalidRequestException", f"{message} deletion.")
        return fact

    def arn(self, account: Account, said: str) -> str:
        """Give the whole ARN, as policies name it, of what an ARN without the six letters at its
        end means. What is not there has letters, too: a policy may ask for any.
        """
        name = said.partition(":secret:")[2]
        fact = self._facts.get(account.space, SECRET, name)
        if fact is not None:
            return f"{said}-{fact.value['suffix']}"
        return said if name[-7:-6] == "-" else f"{said}-000000"

    async def create(self, account: Account, name: str, value: Value) -> None:
        """Keep a new one.

        Raises:
            AwsError: there is one of that name, or there are too many.
        """
        if len(await self.all(account)) >= SECRETS_MAX:
            raise AwsError("LimitExceededException", f"At most {SECRETS_MAX} secrets")
        put = Put(kind=SECRET, key=name, value=value, version=0)
        try:
            await self._facts.change(account.space, [put])
        except Conflict:
            message = f"The operation failed because the secret {name} already exists."
            raise AwsError("ResourceExistsException", message) from None

    async def change(self, account: Account, fact: Fact, value: Value) -> None:
        """Keep what has changed.

        Raises:
            AwsError: somebody else changed it meanwhile.
        """
        put = Put(kind=SECRET, key=fact.key, value=value, version=fact.version)
        try:
            await self._facts.change(account.space, [put])
        except Conflict:
            message = "Somebody else changes this secret, too. Try again."
            raise AwsError("InvalidRequestException", message) from None

    async def erase(self, account: Account, fact: Fact) -> None:
        """Forget one with all its values."""
        await self._facts.change(account.space, [Drop(kind=SECRET, key=fact.key)])
        for version in fact.value["versions"]:
            await self._secrets.remove(account.home, _sealed(fact.key, version))

    async def keep(
        self, account: Account, name: str, version: str, params: Mapping[str, Any]
    ) -> bool:
        """Seal a value; say whether it is binary.

        Raises:
            AwsError: there is none, there are two, or it is too large.
        """
        text: str | None = params.get("SecretString")
        binary: bytes | None = params.get("SecretBinary")
        if (text is None) == (binary is None):
            message = "You must provide either SecretString or SecretBinary."
            raise AwsError("InvalidParameterException", message)
        size = len(binary or b"") if text is None else len(text.encode())
        ceiling = BINARY_BYTES_MAX if text is None else VALUE_BYTES_MAX
        if size > ceiling:
            raise AwsError("LimitExceededException", f"At most {ceiling} bytes")
        kept = b64encode(binary or b"").decode() if text is None else text
        await self._secrets.put(account.home, _sealed(name, version), kept)
        return binary is not None

    async def drop(self, account: Account, name: str, versions: Sequence[str]) -> None:
        for version in versions:
            await self._secrets.remove(account.home, _sealed(name, version))

    def read(self, account: Account, fact: Fact, version: str) -> dict[str, Any]:
        """Open a value."""
        name = _sealed(fact.key, version)
        text = self._secrets.values(account.home, [name]).get(name, "")
        if fact.value["versions"][version]["binary"]:
            return {"SecretBinary": b64decode(text)}
        return {"SecretString": text}


def staged(fact: Fact, stage: str) -> str | None:
    """Find the version that has a stage."""
    versions = fact.value["versions"]
    return next((id for id, version in versions.items() if stage in version["stages"]), None)


def promoted(
    versions: Mapping[str, Value], id: str, fresh: Value, stages: Sequence[str]
) -> tuple[dict[str, Value], Sequence[str]]:
    """Add a version: its stages leave the others, and what was current becomes the previous one.
    Versions without a stage go once there are too many. Pure.

    >>> old = {"a": {"stages": ["AWSCURRENT"]}}
    >>> {k: v["stages"] for k, v in promoted(old, "b", {}, ["AWSCURRENT"])[0].items()}
    {'a': ['AWSPREVIOUS'], 'b': ['AWSCURRENT']}
    """
    taken = set(stages)
    found: dict[str, Value] = {}
    for known, version in versions.items():
        kept = [stage for stage in version["stages"] if stage not in taken]
        if CURRENT in taken:
            kept = [stage for stage in kept if stage != PREVIOUS]
            if CURRENT in version["stages"]:
                kept.append(PREVIOUS)
        found[known] = {**version, "stages": kept}
    found[id] = {**fresh, "stages": list(stages)}
    free = [known for known, version in found.items() if not version["stages"]]
    gone = free[: max(0, len(found) - VERSIONS_MAX)]
    return {known: version for known, version in found.items() if known not in gone}, gone


def _sealed(name: str, version: str) -> str:
    return f"aws/secretsmanager/{name}@{version}"
