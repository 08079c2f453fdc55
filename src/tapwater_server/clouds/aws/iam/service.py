"""IAM's door, and what its policies mean for who asks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.iam.attaching import Attaching
from tapwater_server.clouds.aws.iam.entities import POLICY, ROLE, USER, Entities
from tapwater_server.clouds.aws.iam.policies import Policies
from tapwater_server.clouds.aws.iam.roles import Roles
from tapwater_server.clouds.aws.iam.users import Keys, Users
from tapwater_server.clouds.aws.policies.judging import Policy, parse_policy
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService, Params
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.ids import IdSource


class _Part(Protocol):
    def handlers(self) -> Mapping[str, Handler]: ...


class Iam:
    """IAM on an account's facts."""

    def __init__(self, *, facts: Facts, keys: Keys, clock: Clock, ids: IdSource) -> None:
        self._facts = facts
        self._users = Entities(USER, facts=facts, clock=clock, ids=ids)
        self._roles = Entities(ROLE, facts=facts, clock=clock, ids=ids)
        policies = Entities(POLICY, facts=facts, clock=clock, ids=ids)
        holders = {"User": self._users, "Role": self._roles}
        self._policies = Policies(policies, holders=holders)
        self._parts: Sequence[_Part] = (
            Users(self._users, keys=keys),
            Roles(self._roles),
            self._policies,
            *(Attaching(noun, each, policies=self._policies) for noun, each in holders.items()),
        )

    def door(self) -> Service:
        handlers: dict[str, Handler] = {"ListAccountAliases": _list_aliases}
        for part in self._parts:
            handlers.update(part.handlers())
        return ModelService("iam", handlers, protocol="query")

    def policies_of(self, caller: Caller) -> tuple[list[Policy], list[Policy]] | None:
        """Give the policies of who asks, and the boundary's; None: a function whose role is not
        known here, which may do everything in its account. Who was forgotten may do nothing.
        """
        value = self._value_of(caller)
        if value is None:
            return None if caller.function else ([], [])
        documents = [*value.get("inline", {}).values()]
        documents += [self._document(caller.account, arn) for arn in value.get("attached", ())]
        bound = value.get("boundary")
        bounds = [self._document(caller.account, bound)] if bound else []
        return [parse_policy(text) for text in documents], [parse_policy(text) for text in bounds]

    def knows_role(self, account: Account, arn: str) -> bool:
        """Say whether functions with a role are held to policies."""
        fact = self._facts.get(account.space, ROLE, arn.rpartition("/")[2])
        return fact is not None and fact.value["Arn"] == arn

    def _value_of(self, caller: Caller) -> Mapping[str, Any] | None:
        kind, name = (ROLE, caller.role.rpartition("/")[2]) if caller.role else (USER, caller.user)
        fact = self._facts.get(caller.account.space, kind, name) if name else None
        if fact is None or (caller.role and fact.value["Arn"] != caller.role):
            return None
        return fact.value

    def _document(self, account: Account, arn: str) -> str:
        try:
            return self._policies.document(account, arn)
        except AwsError:
            return _NOTHING  # It is gone: then it allows nothing.


_NOTHING = '{"Statement": []}'


async def _list_aliases(asked: AwsAsked, params: Params) -> Given:
    return {"AccountAliases": [], "IsTruncated": False}
