"""Who may use a route of an HTTP API: nobody asks, a signature, a token, or a function decides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tapwater_server.clouds.aws.apigateway.consulting import consult
from tapwater_server.clouds.aws.apigateway.incoming import Incoming
from tapwater_server.clouds.aws.apigateway.remembering import Remembering
from tapwater_server.clouds.aws.apigateway.tokens import BadToken, Tokens
from tapwater_server.clouds.aws.apigateway.verdicts import Allowing, context_of, judge
from tapwater_server.clouds.aws.reaching import Functions
from tapwater_server.clouds.aws.shapes.proxied import HttpAnswer, said
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed, http_event, http_event_1

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may go on; then, what the function is told of who asks."""

    refusal: HttpAnswer | None = None
    told: Mapping[str, Any] | None = None

    def placed(self, placed: Placed) -> Placed:
        return placed if self.told is None else replace(placed, authorizer=self.told)


ALLOWED = Verdict()
UNAUTHORIZED = Verdict(refusal=said(401, "Unauthorized"))
FORBIDDEN = Verdict(refusal=said(403, "Forbidden"))
BROKEN = Verdict(refusal=said(500, "Internal Server Error"))


@dataclass(slots=True, kw_only=True)
class HttpAuthorizing:
    """Decides about requests to HTTP APIs."""

    functions: Functions
    tokens: Tokens
    remembered: Remembering = field(default_factory=Remembering)

    async def decide(
        self, incoming: Incoming, route: Values, parts: Values, http: HttpAsked, placed: Placed
    ) -> Verdict:
        """Decide about one request."""
        kind = route.get("AuthorizationType", "NONE")
        if kind == "NONE":
            return ALLOWED
        if kind == "AWS_IAM":
            return _signed(incoming)
        authorizer = parts["authorizers"].get(route.get("AuthorizerId"))
        if authorizer is None:
            return BROKEN
        if authorizer["AuthorizerType"] == "JWT":
            return await self._token(authorizer, route, http)
        return await self._asked(incoming, authorizer, http, placed)

    async def _token(self, authorizer: Values, route: Values, http: HttpAsked) -> Verdict:
        values = identity_of(authorizer, http)
        if not values or not values[0]:
            return UNAUTHORIZED
        config = authorizer["JwtConfiguration"]
        try:
            claims = await self.tokens.claims(
                values[0], issuer=str(config["Issuer"]), audience=config.get("Audience") or []
            )
        except BadToken as bad:
            refused = said(401, "Unauthorized")
            header = ("www-authenticate", f'Bearer error="invalid_token" error_description="{bad}"')
            return Verdict(refusal=replace(refused, headers=[*refused.headers, header]))
        needed = [str(scope) for scope in route.get("AuthorizationScopes") or []]
        has = str(claims.get("scope") or " ".join(map(str, claims.get("scp") or []))).split()
        if needed and not set(needed) & set(has):
            return FORBIDDEN
        told = {"claims": {k: _claim(v) for k, v in claims.items()}, "scopes": needed or None}
        return Verdict(told={"jwt": told})

    async def _asked(
        self, incoming: Incoming, authorizer: Values, http: HttpAsked, placed: Placed
    ) -> Verdict:
        """Let a function decide; what it said is remembered for as long as it is set."""
        sources = identity_of(authorizer, http, placed)
        if any(not value for value in sources):
            return UNAUTHORIZED
        ttl_s = float(authorizer.get("AuthorizerResultTtlInSeconds") or 0) if sources else 0.0
        key = (incoming.located.fact.key, placed.stage, placed.route, *sources)
        known = self.remembered.find(key, incoming.now) if ttl_s else None
        if known is None:
            known = await self._call(incoming, authorizer, http, placed, sources)
            if ttl_s and known is not None:
                self.remembered.keep(key, known, until=incoming.now + ttl_s)
        if known is None:
            return BROKEN
        return _verdict(authorizer, known, arn_of(incoming, placed, http.method))

    async def _call(
        self,
        incoming: Incoming,
        authorizer: Values,
        http: HttpAsked,
        placed: Placed,
        sources: list[str],
    ) -> Values | None:
        second = authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
        bare = replace(http, body=b"")
        arn = arn_of(incoming, placed, http.method)
        if second:
            event = http_event(bare, placed) | {
                "type": "REQUEST",
                "routeArn": arn,
                "identitySource": sources or None,
            }
        else:
            event = http_event_1(bare, placed) | {
                "type": "REQUEST",
                "methodArn": arn,
                "identitySource": ",".join(sources),
                "authorizationToken": ",".join(sources),
            }
        event.pop("body", None)
        uri = authorizer["AuthorizerUri"]
        found, raised = await consult(self.functions, incoming, uri, event)
        return found if isinstance(found, dict) and not raised else None


def _verdict(authorizer: Values, found: Values, arn: str) -> Verdict:
    if authorizer.get("EnableSimpleResponses"):
        if not isinstance(found.get("isAuthorized"), bool):
            return BROKEN
        context = context_of(found)
        return Verdict(told={"lambda": context}) if found["isAuthorized"] else FORBIDDEN
    policy = found.get("policyDocument")
    if not isinstance(policy, dict):
        return BROKEN
    if judge(policy, arn) is not Allowing.YES:
        return FORBIDDEN
    return Verdict(told={"lambda": context_of(found)})


def _signed(incoming: Incoming) -> Verdict:
    caller = incoming.asked.caller
    if not caller.known or caller.account.home != incoming.located.account.home:
        return FORBIDDEN
    return Verdict(
        told={
            "iam": {
                "accessKey": caller.access_key,
                "accountId": caller.account.id,
                "callerId": caller.id,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": caller.arn,
                "userId": caller.id,
            }
        }
    )


def arn_of(incoming: Incoming, placed: Placed, method: str) -> str:
    """Name what is asked for, as policies do."""
    path = placed.route.partition(" ")[2].lstrip("/") or placed.route
    verb = placed.route.partition(" ")[0] if " " in placed.route else method
    account = incoming.located.account
    return account.arn("execute-api", f"{placed.api}/{placed.stage}/{verb}/{path}")


def identity_of(authorizer: Values, http: HttpAsked, placed: Placed | None = None) -> list[str]:
    """Give the values that an authorizer's identity sources name; "": not there."""
    return [_source(str(source), http, placed) for source in authorizer.get("IdentitySource") or []]


def _source(source: str, http: HttpAsked, placed: Placed | None) -> str:
    from urllib.parse import parse_qsl

    kind, _, name = source.removeprefix("$").partition(".")
    if kind == "request":
        kind, _, name = name.partition(".")
    if kind in ("header", "method.request.header"):
        return http.header(name.lower())
    if kind == "querystring":
        return dict(parse_qsl(http.query)).get(name, "")
    if kind == "stageVariables" and placed is not None:
        return placed.variables.get(name, "")
    if kind == "context" and placed is not None:
        known = {"stage": placed.stage, "routeKey": placed.route, "httpMethod": http.method}
        return known.get(name, "")
    return ""


def _claim(value: Any) -> str:
    """Claims are texts in events; lists are written in brackets."""
    if isinstance(value, list):
        return "[" + " ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)
