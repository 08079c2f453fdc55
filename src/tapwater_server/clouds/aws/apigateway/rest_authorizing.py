"""Who may use a method of a REST API: a signature, an API key, or a function's policy decides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from tapwater_server.clouds.aws.apigateway.consulting import consult
from tapwater_server.clouds.aws.apigateway.gateway_responses import refusal
from tapwater_server.clouds.aws.apigateway.incoming import Incoming
from tapwater_server.clouds.aws.apigateway.keys import Keys
from tapwater_server.clouds.aws.apigateway.remembering import Remembering
from tapwater_server.clouds.aws.apigateway.verdicts import Allowing, context_of, judge
from tapwater_server.clouds.aws.reaching import Functions
from tapwater_server.clouds.aws.shapes.proxied import HttpAnswer
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed, rest_event

Values = Mapping[str, Any]
IDENTITY_LENGTH_MAX = 8 << 10
_DENIED = "User is not authorized to access this resource with an explicit deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What came of the question: an answer that says no, or where the request has got to."""

    placed: Placed
    refusal: HttpAnswer | None = None


@dataclass(slots=True, kw_only=True)
class RestAuthorizing:
    """Decides about requests to REST APIs."""

    functions: Functions
    keys: Keys
    remembered: Remembering = field(default_factory=Remembering)

    async def decide(
        self, incoming: Incoming, about: Values, api: Values, http: HttpAsked, placed: Placed
    ) -> Entered:
        """Decide about one request to a method."""
        kind, own = about["authorizationType"], api["gatewayResponses"]
        entered = Entered(placed=placed)
        if kind == "AWS_IAM":
            entered = _signed(incoming, own, placed)
        elif kind == "CUSTOM":
            authorizer = api["authorizers"].get(about.get("authorizerId"))
            entered = await self._asked(incoming, authorizer, own, http, placed)
        if entered.refusal is None and about.get("apiKeyRequired"):
            entered = self._keyed(incoming, api, own, http, entered.placed)
        return entered

    def _keyed(
        self, incoming: Incoming, api: Values, own: Values, http: HttpAsked, placed: Placed
    ) -> Entered:
        said = http.header("x-api-key")
        if api.get("apiKeySource") == "AUTHORIZER":
            said = str((placed.authorizer or {}).get("usageIdentifierKey") or "")
        key = self.keys.holder(incoming.located.account, said, placed.api, placed.stage)
        if key is None:
            return Entered(placed=placed, refusal=refusal("INVALID_API_KEY", own, id=placed.id))
        identity = {**placed.identity, "apiKey": said, "apiKeyId": key.key}
        return Entered(placed=replace(placed, identity=identity))

    async def _asked(
        self,
        incoming: Incoming,
        authorizer: Values | None,
        own: Values,
        http: HttpAsked,
        placed: Placed,
    ) -> Entered:
        if authorizer is None:
            wrong = refusal("AUTHORIZER_CONFIGURATION_ERROR", own, id=placed.id)
            return Entered(placed=placed, refusal=wrong)
        sources = identity_of(authorizer, http, placed)
        if not _fits(authorizer, sources):
            unknown = refusal("UNAUTHORIZED", own, id=placed.id)
            return Entered(placed=placed, refusal=unknown)
        arn = arn_of(incoming, placed, http)
        found = await self._said(incoming, authorizer, http, placed, sources=sources, arn=arn)
        if found == "Unauthorized":
            return Entered(placed=placed, refusal=refusal("UNAUTHORIZED", own, id=placed.id))
        if not isinstance(found, dict) or not isinstance(found.get("policyDocument"), dict):
            broken = refusal("AUTHORIZER_FAILURE", own, id=placed.id)
            return Entered(placed=placed, refusal=broken)
        verdict = judge(found["policyDocument"], arn)
        if verdict is not Allowing.YES:
            text = _DENIED if verdict is Allowing.DENIED else ""
            denied = refusal("ACCESS_DENIED", own, message=text, id=placed.id)
            return Entered(placed=placed, refusal=denied)
        told = {name: _told(value) for name, value in context_of(found).items()}
        told |= {"principalId": found.get("principalId"), "integrationLatency": 0}
        if found.get("usageIdentifierKey"):
            told["usageIdentifierKey"] = found["usageIdentifierKey"]
        return Entered(placed=replace(placed, authorizer=told))

    async def _said(
        self,
        incoming: Incoming,
        authorizer: Values,
        http: HttpAsked,
        placed: Placed,
        *,
        sources: list[str],
        arn: str,
    ) -> Any:
        """Give what the function said, now or a while ago."""
        ttl_s = float(authorizer.get("authorizerResultTtlInSeconds", 300)) if sources else 0.0
        key = (placed.api, placed.stage, str(authorizer.get("name")), *sources)
        known = self.remembered.find(key, incoming.now) if ttl_s else None
        if known is not None:
            return known
        found = await self._call(incoming, authorizer, http, placed, sources=sources, arn=arn)
        if ttl_s and isinstance(found, dict):
            self.remembered.keep(key, found, until=incoming.now + ttl_s)
        return found

    async def _call(
        self,
        incoming: Incoming,
        authorizer: Values,
        http: HttpAsked,
        placed: Placed,
        *,
        sources: list[str],
        arn: str,
    ) -> Any:
        event: dict[str, Any] = {"type": authorizer["type"], "methodArn": arn}
        if authorizer["type"] == "TOKEN":
            event["authorizationToken"] = sources[0]
        else:
            event |= rest_event(replace(http, body=b""), placed) | {"type": "REQUEST"}
            event.pop("body")
            event.pop("isBase64Encoded")
        uri = authorizer["authorizerUri"]
        found, raised = await consult(self.functions, incoming, uri, event)
        if raised:
            # A function says no by raising exactly this.
            return found.get("errorMessage") if isinstance(found, dict) else None
        return found


def _fits(authorizer: Values, sources: list[str]) -> bool:
    if any(not value or len(value) > IDENTITY_LENGTH_MAX for value in sources):
        return False
    pattern = authorizer.get("identityValidationExpression")
    if authorizer["type"] == "TOKEN" and pattern and sources:
        return re.match(str(pattern), sources[0]) is not None
    return True


def _signed(incoming: Incoming, own: Values, placed: Placed) -> Entered:
    caller = incoming.asked.caller
    if not caller.known:
        missing = refusal("MISSING_AUTHENTICATION_TOKEN", own, id=placed.id)
        return Entered(placed=placed, refusal=missing)
    if caller.account.home != incoming.located.account.home:
        return Entered(placed=placed, refusal=refusal("ACCESS_DENIED", own, id=placed.id))
    identity = {
        "accessKey": caller.access_key,
        "accountId": caller.account.id,
        "caller": caller.id,
        "user": caller.id,
        "userArn": caller.arn,
    }
    return Entered(placed=replace(placed, identity=identity))


def arn_of(incoming: Incoming, placed: Placed, http: HttpAsked) -> str:
    """Name what is asked for: the path as it was sent, not the resource's."""
    resource = f"{placed.api}/{placed.stage}/{http.method}/{http.path.lstrip('/')}"
    return incoming.located.account.arn("execute-api", resource)


def identity_of(authorizer: Values, http: HttpAsked, placed: Placed) -> list[str]:
    """Give the values that the identity sources name; "": not there."""
    said = str(authorizer.get("identitySource") or "")
    return [_source(one.strip(), http, placed) for one in said.split(",") if one.strip()]


def _source(source: str, http: HttpAsked, placed: Placed) -> str:
    where, _, name = source.rpartition(".")
    if where == "method.request.header":
        return http.header(name.lower())
    if where == "method.request.querystring":
        return dict(parse_qsl(http.query)).get(name, "")
    if where == "stageVariables":
        return str(placed.variables.get(name, ""))
    known = {"stage": placed.stage, "httpMethod": http.method, "path": http.path}
    return known.get(name, "") if where == "context" else ""


def _told(value: Any) -> Any:
    """Numbers and truths of the context arrive as texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
