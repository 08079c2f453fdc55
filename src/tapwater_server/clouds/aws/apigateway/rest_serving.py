"""Requests to REST APIs: routed, authorized, made into events, answered."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tapwater_server.clouds.aws.apigateway import bodies
from tapwater_server.clouds.aws.apigateway.gateway_responses import refusal
from tapwater_server.clouds.aws.apigateway.http_checks import function_of
from tapwater_server.clouds.aws.apigateway.incoming import Incoming, answer_of
from tapwater_server.clouds.aws.apigateway.mocking import mocked
from tapwater_server.clouds.aws.apigateway.rest_authorizing import RestAuthorizing
from tapwater_server.clouds.aws.apigateway.rest_checking import lacking
from tapwater_server.clouds.aws.apigateway.rest_policy import permitted
from tapwater_server.clouds.aws.apigateway.routing import Table
from tapwater_server.clouds.aws.apigateway.store import REST_DEPLOYMENT
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError
from tapwater_server.clouds.aws.reaching import Functions
from tapwater_server.clouds.aws.shapes.proxied import (
    HttpAnswer,
    Malformed,
    failed,
    rest_answer,
    said,
)
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed, rest_event
from tapwater_server.ports.facts import Fact, Facts

Values = Mapping[str, Any]
TABLES_MAX = 256  # Compiled at a time.


class RestServing:
    """Answers for REST APIs."""

    def __init__(self, *, facts: Facts, functions: Functions, authorizing: RestAuthorizing) -> None:
        self._facts, self._functions, self._authorizing = facts, functions, authorizing
        self._tables: dict[tuple[str, str], tuple[Fact, Table]] = {}

    async def answer(self, incoming: Incoming) -> AwsAnswer:
        return answer_of(await self._answer(incoming))

    async def _answer(self, incoming: Incoming) -> HttpAnswer:
        api = incoming.located.fact.value
        name, path = _stage_of(incoming.path)
        stage = api["stages"].get(name)
        deployed = self._deployed(incoming, stage)
        if stage is None or deployed is None or api.get("disableExecuteApiEndpoint"):
            return said(403, "Forbidden")
        own = deployed.value["gatewayResponses"]
        found = next(self._table(incoming, name, deployed).places(_tidy(path)), None)
        methods = found.methods if found is not None else {}
        verb = incoming.asked.method
        id = methods.get(verb) or methods.get("ANY")
        if found is None or id is None:
            return refusal("MISSING_AUTHENTICATION_TOKEN", own, id=incoming.asked.id)
        resource = deployed.value["resources"][id]
        about = resource["methods"].get(verb) or resource["methods"]["ANY"]
        placed = incoming.placed(
            route=resource["path"],
            stage=name,
            parameters=found.parameters,
            variables=stage.get("variables") or {},
            prefix=f"/{name}",
            resource=id,
            binary=deployed.value.get("binaryMediaTypes") or (),
        )
        http = await incoming.http(path)
        return await self._entered(incoming, about, deployed.value, http, placed)

    async def _entered(
        self, incoming: Incoming, about: Values, api: Values, http: HttpAsked, placed: Placed
    ) -> HttpAnswer:
        own = api["gatewayResponses"]
        if not permitted(api.get("policy"), incoming, http, placed):
            return refusal("ACCESS_DENIED", own, id=placed.id)
        entered = await self._authorizing.decide(incoming, about, api, http, placed)
        if entered.refusal is not None:
            return entered.refusal
        missing = lacking(about, api, http, placed)
        if missing:
            return refusal("BAD_REQUEST_PARAMETERS", own, message=missing, id=placed.id)
        if not bodies.fits(about, api, http):
            return refusal("BAD_REQUEST_BODY", own, id=placed.id)
        integration = about["methodIntegration"]
        try:
            if integration["type"] == "MOCK":
                return mocked(integration, media=http.header("content-type"))
            return await self._called(incoming, integration, own, http, entered.placed)
        except Malformed:
            return failed()

    async def _called(
        self, incoming: Incoming, integration: Values, own: Values, http: HttpAsked, placed: Placed
    ) -> HttpAnswer:
        uri = _with_variables(str(integration["uri"]), placed.variables)
        function = function_of(uri)
        if function is None:
            return refusal("API_CONFIGURATION_ERROR", own, id=placed.id)
        payload = msgspec.json.encode(rest_event(http, placed))
        try:
            called = await self._functions.call(
                incoming.located.account, function, payload, trace=incoming.asked.trace
            )
        except AwsError as error:
            kind = "THROTTLED" if error.status == 429 else "API_CONFIGURATION_ERROR"
            return refusal(kind, own, id=placed.id)
        if called.error:
            return refusal("INTEGRATION_FAILURE", own, id=placed.id, status=502)
        return rest_answer(called.payload, accept=http.header("accept"), binary=placed.binary)

    def _deployed(self, incoming: Incoming, stage: Values | None) -> Fact | None:
        if stage is None:
            return None
        located = incoming.located
        key = f"{located.fact.key}/{stage.get('deploymentId')}"
        return self._facts.get(located.account.space, REST_DEPLOYMENT, key)

    def _table(self, incoming: Incoming, stage: str, deployed: Fact) -> Table:
        key = (incoming.located.fact.key, stage)
        known = self._tables.get(key)
        if known is not None and known[0] is deployed:
            return known[1]
        if len(self._tables) >= TABLES_MAX:
            self._tables.clear()
        table = compile_resources(deployed.value["resources"])
        self._tables[key] = deployed, table
        return table


def compile_resources(resources: Mapping[str, Values]) -> Table:
    """Compile resources: a method leads to the id of its resource."""
    return Table(
        (verb, resource["path"], id)
        for id, resource in resources.items()
        for verb in resource["methods"]
    )


def _stage_of(path: str) -> tuple[str, str]:
    """Take the stage off a path.

    >>> _stage_of("/dev/items/1"), _stage_of("/dev")
    (('dev', '/items/1'), ('dev', '/'))
    """
    first, _, rest = path[1:].partition("/")
    return first, f"/{rest}"


def _tidy(path: str) -> str:
    """A slash at the end says nothing.

    >>> _tidy("/a/"), _tidy("/")
    ('/a', '/')
    """
    return path[:-1] if len(path) > 1 and path.endswith("/") else path


def _with_variables(uri: str, variables: Mapping[str, str]) -> str:
    """Put stage variables in the places where an address names them."""
    for name, value in variables.items():
        uri = uri.replace("${stageVariables." + name + "}", str(value))
    return uri
