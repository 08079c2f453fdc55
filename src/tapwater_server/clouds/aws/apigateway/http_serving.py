"""Requests to HTTP APIs: routed, authorized, made into events, answered."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tapwater_server.clouds.aws.apigateway import crossing
from tapwater_server.clouds.aws.apigateway.http_authorizing import HttpAuthorizing
from tapwater_server.clouds.aws.apigateway.http_checks import function_of
from tapwater_server.clouds.aws.apigateway.incoming import Incoming, answer_of
from tapwater_server.clouds.aws.apigateway.routing import Table
from tapwater_server.clouds.aws.apigateway.store import HTTP_DEPLOYMENT
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsError
from tapwater_server.clouds.aws.reaching import Functions
from tapwater_server.clouds.aws.shapes.proxied import (
    HttpAnswer,
    Malformed,
    failed,
    http_answer,
    http_answer_1,
    said,
)
from tapwater_server.clouds.aws.shapes.proxying import http_event, http_event_1
from tapwater_server.ports.facts import Fact, Facts

Values = Mapping[str, Any]
TABLES_MAX = 256  # Compiled at a time.
_CORS = "access-control-"


class HttpServing:
    """Answers for HTTP APIs."""

    def __init__(self, *, facts: Facts, functions: Functions, authorizing: HttpAuthorizing) -> None:
        self._facts, self._functions, self._authorizing = facts, functions, authorizing
        self._tables: dict[tuple[str, str], tuple[Fact, Table, Values]] = {}

    async def answer(self, incoming: Incoming) -> AwsAnswer:
        api = incoming.located.fact.value
        cors, origin = api.get("CorsConfiguration"), incoming.asked.headers.get("origin", "")
        if cors and incoming.asked.method == "OPTIONS" and origin:
            wanted = incoming.asked.headers.get("access-control-request-method", "")
            headers = crossing.preflight(cors, origin=origin, method=wanted)
            return AwsAnswer(status=204, headers=headers)
        found = answer_of(await self._answer(incoming))
        if not cors:
            return found
        kept = [pair for pair in found.headers if not pair[0].startswith(_CORS)]
        headers = [*kept, *crossing.answered(cors, origin=origin)]
        return AwsAnswer(status=found.status, headers=headers, body=found.body)

    async def _answer(self, incoming: Incoming) -> HttpAnswer:
        api = incoming.located.fact.value
        name, path = stage_of(api["stages"], incoming.path)
        stage = api["stages"].get(name)
        if stage is None or api.get("DisableExecuteApiEndpoint"):
            return said(404, "Not Found")
        table, parts = self._table(incoming, name, stage)
        found = table.route(incoming.asked.method, path)
        parameters: Mapping[str, str] = {}
        if found is not None:
            id, parameters = found
        else:
            id = next((k for k, r in parts["routes"].items() if r["RouteKey"] == "$default"), "")
        route = parts["routes"].get(id)
        if route is None or not route.get("Target"):
            return said(404, "Not Found")
        placed = incoming.placed(
            route=route["RouteKey"],
            stage=name,
            parameters=parameters,
            variables=stage.get("StageVariables") or {},
        )
        http = await incoming.http(path)
        verdict = await self._authorizing.decide(incoming, route, parts, http, placed)
        if verdict.refusal is not None:
            return verdict.refusal
        integration = parts["integrations"][str(route["Target"]).removeprefix("integrations/")]
        return await self._integrated(incoming, integration, http, verdict.placed(placed))

    async def _integrated(
        self, incoming: Incoming, integration: Values, http: Any, placed: Any
    ) -> HttpAnswer:
        second = integration["PayloadFormatVersion"] == "2.0"
        event = http_event(http, placed) if second else http_event_1(http, placed)
        function = function_of(str(integration["IntegrationUri"]))
        assert function is not None
        payload = msgspec.json.encode(event)
        try:
            called = await self._functions.call(
                incoming.located.account, function, payload, trace=incoming.asked.trace
            )
        except AwsError as error:
            if error.status == 429:
                return said(503, "Service Unavailable")
            return failed(rest=False)
        if called.error:
            return failed(rest=False)
        try:
            return http_answer(called.payload) if second else http_answer_1(called.payload)
        except Malformed:
            return failed(rest=False)

    def _table(self, incoming: Incoming, name: str, stage: Values) -> tuple[Table, Values]:
        """Compile what a stage serves: the API as it is, or as it was deployed."""
        located = incoming.located
        fact = located.fact
        if not stage.get("AutoDeploy"):
            key = f"{fact.key}/{stage.get('DeploymentId')}"
            deployed = self._facts.get(located.account.space, HTTP_DEPLOYMENT, key)
            if deployed is None:
                return Table(()), {"routes": {}, "integrations": {}, "authorizers": {}}
            fact = deployed
        known = self._tables.get((located.fact.key, name))
        if known is not None and known[0] is fact:
            return known[1], known[2]
        if len(self._tables) >= TABLES_MAX:
            self._tables.clear()
        table = compile_routes(fact.value["routes"])
        self._tables[located.fact.key, name] = fact, table, fact.value
        return table, fact.value


def compile_routes(routes: Mapping[str, Values]) -> Table:
    """Compile routes by their keys; ``$default`` is not among them."""
    rows = []
    for id, route in routes.items():
        method, _, path = str(route["RouteKey"]).partition(" ")
        if path:
            rows.append((method, path, id))
    return Table(rows)


def stage_of(stages: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Find which stage a path names, and the path below it.

    >>> stage_of({"dev": {}, "$default": {}}, "/dev/items")
    ('dev', '/items')
    >>> stage_of({"dev": {}, "$default": {}}, "/items")
    ('$default', '/items')
    """
    first, _, rest = path[1:].partition("/")
    if first != "$default" and first in stages:
        return first, f"/{rest}"
    return "$default", path
