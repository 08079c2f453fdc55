"""Users, roles and policies as they are kept: one fact each, with its tags and its policies."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.policies.judging import PolicyError, parse_policy
from tapwater_server.model.errors import Conflict
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Fact, Facts, Put
from tapwater_server.ports.ids import IdSource

USER, ROLE, POLICY = "iam/user", "iam/role", "iam/policy"
ENTITIES_MAX = 5_000
TAGS_MAX = 50
_WHAT = {USER: "user", ROLE: "role", POLICY: "policy"}
Value = dict[str, Any]


class Entities:
    """One kind of thing of an account."""

    def __init__(self, kind: str, *, facts: Facts, clock: Clock, ids: IdSource) -> None:
        self.kind, self.what = kind, _WHAT[kind]
        self._facts, self.clock, self.ids = facts, clock, ids

    def find(self, account: Account, name: str) -> Fact:
        """Find one.

        Raises:
            AwsError: NoSuchEntity.
        """
        fact = self._facts.get(account.space, self.kind, name)
        if fact is None:
            raise missing(self.what, name)
        return fact

    def all(self, account: Account) -> Sequence[Fact]:
        return self._facts.list(account.space, self.kind)

    async def create(self, account: Account, name: str, value: Value) -> None:
        """Keep a new one.

        Raises:
            AwsError: EntityAlreadyExists, LimitExceeded.
        """
        if len(self.all(account)) >= ENTITIES_MAX:
            raise AwsError("LimitExceeded", f"An account has at most {ENTITIES_MAX} of these", 409)
        put = Put(kind=self.kind, key=name, value=value, version=0)
        try:
            await self._facts.change(account.space, [put])
        except Conflict:
            message = f"{self.what.capitalize()} with name {name} already exists."
            raise AwsError("EntityAlreadyExists", message, 409) from None

    async def change(self, account: Account, name: str, change: Callable[[Value], None]) -> Value:
        """Change one: whoever is first wins, and the other looks again.

        Raises:
            AwsError: NoSuchEntity; whatever ``change`` raises.
        """
        for _ in range(5):
            fact = self.find(account, name)
            value: Value = {**fact.value}
            change(value)
            put = Put(kind=self.kind, key=name, value=value, version=fact.version)
            try:
                await self._facts.change(account.space, [put])
            except Conflict:
                continue
            return value
        raise AwsError("ConcurrentModification", "Somebody else changes this too", 409)

    async def remove(self, account: Account, name: str) -> None:
        """Forget one that nothing hangs on.

        Raises:
            AwsError: NoSuchEntity, DeleteConflict.
        """
        value = self.find(account, name).value
        if value.get("inline"):
            raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.")
        if value.get("attached"):
            raise AwsError(
                "DeleteConflict", "Cannot delete entity, must detach all policies first."
            )
        await self._facts.change(account.space, [Drop(kind=self.kind, key=name)])


def missing(what: str, name: str) -> AwsError:
    """What is not there.

    >>> missing("role", "web").message
    'The role with name web cannot be found.'
    """
    return AwsError("NoSuchEntity", f"The {what} with name {name} cannot be found.", 404)


def checked_policy(text: str) -> str:
    """Give a policy document back that can be read.

    Raises:
        AwsError: MalformedPolicyDocument.
    """
    try:
        parse_policy(text)
    except PolicyError as error:
        raise AwsError("MalformedPolicyDocument", f"{error}.", 400) from None
    return text


def identity_policy(text: str) -> str:
    """Give back a policy that can be a user's or a role's: it says of what, and of nobody else.

    Raises:
        AwsError: MalformedPolicyDocument.
    """
    for statement in parse_policy(checked_policy(text)).statements:
        if statement.principals is not None:
            message = "Policy document should not specify a principal."
            raise AwsError("MalformedPolicyDocument", message, 400)
        if not statement.resources:
            message = "Policy statement must contain resources."
            raise AwsError("MalformedPolicyDocument", message, 400)
    return text


def encoded(document: str) -> str:
    """Write a document as IAM gives it: percent-encoded."""
    return quote(document, safe="")


def tags_in(params: Mapping[str, Any]) -> dict[str, str]:
    """Read tags.

    Raises:
        AwsError: there are too many.
    """
    found = {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())}
    return checked_tags(found)


def checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_MAX:
        raise AwsError("LimitExceeded", f"At most {TAGS_MAX} tags", 409)
    return tags


def tags_out(value: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": said} for key, said in sorted(value.get("tags", {}).items())]


def paged(
    facts: Sequence[Any], params: Mapping[str, Any], name: str, show: Callable[[Any], Any]
) -> dict[str, Any]:
    """Give one page of a list; ``facts`` are sorted, and have a key or are one."""
    marker, size = params.get("Marker", ""), params.get("MaxItems", 100)
    left = [each for each in facts if not marker or _key(each) > marker]
    page = left[:size]
    said: dict[str, Any] = {name: [show(each) for each in page], "IsTruncated": len(left) > size}
    if len(left) > size:
        said["Marker"] = _key(page[-1])
    return said


def _key(each: Any) -> str:
    return each if isinstance(each, str) else str(each.key)


def day(at: float) -> datetime:
    """To the second, as IAM has it."""
    return datetime.fromtimestamp(int(at), UTC)
