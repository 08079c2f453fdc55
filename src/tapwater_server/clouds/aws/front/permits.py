"""Whether who asks may: users and roles that have policies are held to them.

The account itself may do everything in the account, and so may a function whose role IAM does not
know. What the services of AWS are asked for is read here only for all others.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.front.asking import MODELS, Wish, wishes_of
from tapwater_server.clouds.aws.front.choosing import BY_HOST
from tapwater_server.clouds.aws.front.naming import moved
from tapwater_server.clouds.aws.front.troubles import Family
from tapwater_server.clouds.aws.policies.judging import Effect, Policy, Question, evaluate
from tapwater_server.clouds.aws.protocol.models import Model, load_model
from tapwater_server.ports.clock import Clock

Held = tuple[Sequence[Policy], Sequence[Policy]]  # those of who asks, those of the boundary
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})  # For whoever has a key.


class Permits:
    """Asks the policies. Without ``by()`` there are none."""

    def __init__(self, *, clock: Clock, region: str = "", functions_too: bool = True) -> None:
        self._clock, self._region, self._functions_too = clock, region, functions_too
        self._full: dict[str, Callable[[Account, str], str]] = {}
        self._held: Callable[[Caller], Held | None] = _free
        self._asks: dict[str, Callable[[AwsAsked], Sequence[Wish]]] = {}
        self._models: dict[str, Model] = {}

    def by(self, held: Callable[[Caller], Held | None]) -> None:
        """Let this say which policies somebody has; None: none, and so no limit."""
        self._held = held

    def add(self, service: str, asks: Callable[[AwsAsked], Sequence[Wish]]) -> None:
        """Let a service say by itself what requests of its own ask for."""
        self._asks[service] = asks

    def call_in_full(self, service: str, full: Callable[[Account, str], str]) -> None:
        """Let a service say how what an ARN names is called in full."""
        self._full[service] = full

    async def check(self, asked: AwsAsked, family: Family) -> None:
        """Refuse what policies do not allow.

        Raises:
            AwsError: they do not.
        """
        caller = asked.caller
        asks = asked.service not in BY_HOST or asked.service in self._asks
        held = self.held(caller) if asks else None
        if held is None:
            return
        context = self._context(asked)
        full = self._full.get(asked.service)
        home = replace(caller.account, region=self._region or caller.account.region)
        for wish in await self._wishes(asked):
            if full is not None and wish.resource.startswith("arn:"):
                wish = wish._replace(resource=full(asked.account, wish.resource))
            if not allowed(held, wish, context, also=moved(wish.resource, home)):
                raise denied(caller, wish, family)

    def held(self, caller: Caller) -> Held | None:
        """Give the policies that somebody is held to; None: none, everything is allowed."""
        if not (caller.user or caller.role) or (caller.function and not self._functions_too):
            return None
        return self._held(caller)

    async def _wishes(self, asked: AwsAsked) -> Sequence[Wish]:
        asks = self._asks.get(asked.service)
        if asks is not None:
            return asks(asked)
        name = MODELS.get(asked.service, asked.service)
        if name == "apigateway" and asked.path.startswith("/v2/"):
            name = "apigatewayv2"
        model = self._models.get(name)
        if model is None:
            model = self._models[name] = await asyncio.to_thread(load_model, name)
        return wishes_of(model, asked.service, asked)

    def _context(self, asked: AwsAsked) -> Mapping[str, Sequence[str]]:
        caller, now = asked.caller, self._clock.now()
        found = {
            "aws:userid": caller.id,
            "aws:username": caller.user,
            "aws:principalarn": caller.role or caller.arn,
            "aws:principalaccount": caller.account.id,
            "aws:resourceaccount": asked.account.id,  # no key reaches what is another's
            "aws:requestedregion": caller.account.region,
            "aws:securetransport": "true" if asked.secure else "false",
            "aws:sourceip": asked.client,
            "aws:useragent": asked.headers.get("user-agent", ""),
            "aws:referer": asked.headers.get("referer", ""),
            "aws:currenttime": datetime.fromtimestamp(now, UTC).isoformat(),
            "aws:epochtime": str(int(now)),
            **{f"s3:{name.lower()}": value for name, value in asked.query if asked.service == "s3"},
        }
        return {name: (value,) for name, value in found.items() if value}


def allowed(
    held: Held, wish: Wish, context: Mapping[str, Sequence[str]], *, also: str = ""
) -> bool:
    """Say whether policies allow something, within their boundary. ``also``: the resource as it is
    called at home: the same things are in all regions, so what is denied by that name is denied.
    """
    if wish.action in _FREE:
        return True
    own, bounds = held
    question = Question(action=wish.action, resource=wish.resource, context=context)
    if evaluate(own, question) is not Effect.ALLOW:
        return False
    if bounds and evaluate(bounds, question) is not Effect.ALLOW:
        return False
    if also in ("", wish.resource):
        return True
    return evaluate([*own, *bounds], replace(question, resource=also)) is not Effect.DENY


def denied(caller: Caller, wish: Wish, family: Family) -> AwsError:
    """Say no as the service's family does."""
    code = "AccessDenied" if family in (Family.S3, Family.QUERY) else "AccessDeniedException"
    resource = f" on resource: {wish.resource}" if wish.resource != "*" else ""
    return AwsError(
        code,
        f"User: {caller.arn} is not authorized to perform: {wish.action}{resource} because no"
        " identity-based policy allows it",
        400 if family is Family.JSON else 403,
    )


def _free(caller: Caller) -> Held | None:
    return None
