"""The operations of STS: who asks, taking on a role, keys for a while."""

from collections.abc import Mapping
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account, Caller, parse_arn
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    PolicyError,
    Principal,
    Question,
    evaluate,
    parse_policy,
)
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService, Params
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts

ROLE = "iam/role"
HALF_DAY_S, HOUR_S = 43_200, 3_600


class Lent(Protocol):
    """Keys that were made for a while."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def expires_at(self) -> float | None: ...


class Lender(Protocol):
    """Who makes keys and knows accounts."""

    def lend_self(self, caller: Caller, *, expires_at: float) -> Lent:
        """Make keys that are as good as the caller's own, for a while."""
        ...

    def lend_role(
        self, account: Account, *, role: str, role_id: str, name: str, expires_at: float
    ) -> Lent:
        """Make keys of a role."""
        ...

    def account_by_id(self, id: str) -> Account | None: ...

    def account_of_key(self, access_key: str) -> Account | None: ...


class Sts:
    """STS on our keys."""

    def __init__(self, *, lender: Lender, facts: Facts, clock: Clock) -> None:
        self._lender, self._facts, self._clock = lender, facts, clock

    def door(self) -> Service:
        handlers: Mapping[str, Handler] = {
            "GetCallerIdentity": _signed(self.get_caller_identity),
            "AssumeRole": _signed(self.assume_role),
            "GetSessionToken": _signed(self.get_session_token),
            "GetFederationToken": _signed(self.get_federation_token),
            "GetAccessKeyInfo": _signed(self.get_access_key_info),
            "AssumeRoleWithWebIdentity": self.refuse_token,
            "AssumeRoleWithSAML": self.refuse_token,
        }
        return ModelService("sts", handlers, protocol="query")

    async def get_caller_identity(self, asked: AwsAsked, params: Params) -> Given:
        caller = asked.caller
        return {"UserId": caller.id, "Account": caller.account.id, "Arn": caller.arn}

    async def get_session_token(self, asked: AwsAsked, params: Params) -> Given:
        if asked.caller.role:
            raise _denied(asked, "sts:GetSessionToken", "*", "a role's session cannot be renewed")
        until = self._until(params.get("DurationSeconds", HALF_DAY_S))
        lent = self._lender.lend_self(asked.caller, expires_at=until)
        return {"Credentials": _credentials(lent)}

    async def get_federation_token(self, asked: AwsAsked, params: Params) -> Given:
        raise AwsError("NotImplemented", "Sessions of federated users are not available here.", 501)

    async def get_access_key_info(self, asked: AwsAsked, params: Params) -> Given:
        account = self._lender.account_of_key(params["AccessKeyId"])
        if account is None:
            raise AwsError("InvalidClientTokenId", "There is no such access key", 403)
        return {"Account": account.id}

    async def refuse_token(self, asked: AwsAsked, params: Params) -> Given:
        raise AwsError(
            "InvalidIdentityToken",
            "No identity provider is configured here: take on roles with access keys (AssumeRole).",
            400,
        )

    async def assume_role(self, asked: AwsAsked, params: Params) -> Given:
        arn = params["RoleArn"]
        _refuse_narrowing(params)
        parsed = parse_arn(arn)
        account = None if parsed is None else self._lender.account_by_id(parsed.account)
        if parsed is None or account is None:
            raise _denied(asked, "sts:AssumeRole", arn)
        fact = self._facts.get(account.space, ROLE, parsed.resource.rpartition("/")[2])
        if (
            fact is None
            or fact.value.get("Arn") != arn
            or not _trusts(fact.value, asked.caller, params)
        ):
            raise _denied(asked, "sts:AssumeRole", arn)
        seconds = params.get("DurationSeconds", HOUR_S)
        ceiling = int(fact.value.get("MaxSessionDuration", HOUR_S))
        if seconds > ceiling:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                400,
            )
        name = params["RoleSessionName"]
        role_id = str(fact.value.get("RoleId", ""))
        lent = self._lender.lend_role(
            account, role=arn, role_id=role_id, name=name, expires_at=self._until(seconds)
        )
        role = parsed.resource.rpartition("/")[2]
        user = {
            "AssumedRoleId": f"{role_id}:{name}",
            "Arn": f"arn:aws:sts::{parsed.account}:assumed-role/{role}/{name}",
        }
        return {"Credentials": _credentials(lent), "AssumedRoleUser": user, "PackedPolicySize": 0}

    def _until(self, seconds: int) -> float:
        return float(int(self._clock.now()) + seconds)


def _signed(handler: Handler) -> Handler:
    """Most operations are for who signed; the front lets others through, for the few."""

    async def answer(asked: AwsAsked, params: Params) -> Given:
        if not asked.caller.known:
            raise AwsError(
                "MissingAuthenticationToken", "Request is missing Authentication Token", 403
            )
        return await handler(asked, params)

    return answer


def _refuse_narrowing(params: Params) -> None:
    """A session that is meant to be allowed less must not be allowed all.

    Raises:
        AwsError: the session has policies of its own.
    """
    if params.get("Policy") or params.get("PolicyArns"):
        raise AwsError("NotImplemented", "Policies of sessions are not available here.", 501)


def _trusts(role: Mapping[str, Any], caller: Caller, params: Params) -> bool:
    """Say whether a role's trust policy lets somebody take it on."""
    try:
        policy = parse_policy(str(role.get("AssumeRolePolicyDocument", "")))
    except PolicyError:
        return False
    who = Principal(
        arn=caller.arn, account=caller.account.id, also=(caller.role,) if caller.role else ()
    )
    context = {
        "aws:principalarn": (caller.role or caller.arn,),
        "aws:principalaccount": (caller.account.id,),
        "sts:rolesessionname": (str(params["RoleSessionName"]),),
    }
    if params.get("ExternalId"):
        context["sts:externalid"] = (str(params["ExternalId"]),)
    question = Question(
        action="sts:AssumeRole", resource=str(role["Arn"]), principal=who, context=context
    )
    return evaluate([policy], question) is Effect.ALLOW


def _credentials(lent: Lent) -> dict[str, Any]:
    return {
        "AccessKeyId": lent.access_key,
        "SecretAccessKey": lent.secret,
        "SessionToken": lent.token,
        "Expiration": lent.expires_at,
    }


def _denied(asked: AwsAsked, action: str, resource: str, why: str = "") -> AwsError:
    because = f": {why}" if why else ""
    return AwsError(
        "AccessDenied",
        f"User: {asked.caller.arn} is not authorized to perform: {action} on resource: {resource}"
        f"{because}",
        403,
    )
