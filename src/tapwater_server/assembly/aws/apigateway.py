"""API Gateway on one node: its control API, and what answers at the addresses of APIs."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.backends.https.fetcher import HttpsFetcher
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.apigateway.door import GatewayDoor
from tapwater_server.clouds.aws.apigateway.http_authorizing import HttpAuthorizing
from tapwater_server.clouds.aws.apigateway.http_control import HttpControl
from tapwater_server.clouds.aws.apigateway.http_serving import HttpServing
from tapwater_server.clouds.aws.apigateway.keys import Keys
from tapwater_server.clouds.aws.apigateway.rest_authorizing import RestAuthorizing
from tapwater_server.clouds.aws.apigateway.rest_control import RestControl
from tapwater_server.clouds.aws.apigateway.rest_pieces import RestPieces
from tapwater_server.clouds.aws.apigateway.rest_serving import RestServing
from tapwater_server.clouds.aws.apigateway.rest_stages import RestStages
from tapwater_server.clouds.aws.apigateway.serving import Serving
from tapwater_server.clouds.aws.apigateway.store import (
    HTTP_API,
    HTTP_DEPLOYMENT,
    REST_API,
    REST_DEPLOYMENT,
    Locator,
    Store,
)
from tapwater_server.clouds.aws.apigateway.tokens import FetchKeys, Tokens
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.ports.fetching import Fetcher, FetchFailed


class _Functions:
    """Keeps ``Functions``, asked for at each call: Lambda may be opened after us."""

    def __init__(self, ground: AwsGround) -> None:
        self._ground = ground

    def arn_of(self, account: Account, name: str) -> str:
        return self._ground.functions().arn_of(account, name)

    async def call(self, account: Account, name: str, payload: bytes, *, trace: str = "") -> Called:
        return await self._ground.functions().call(account, name, payload, trace=trace)

    async def call_later(
        self, account: Account, name: str, payload: bytes, *, id: str = "", trace: str = ""
    ) -> str:
        later = self._ground.functions().call_later
        return await later(account, name, payload, id=id, trace=trace)


async def open_apigateway(ground: AwsGround) -> AwsPart:
    """Open the control API."""
    node = ground.node
    facts, clock, ids = node.stores.facts, node.clock, node.ids
    http = Store(facts=facts, ids=ids, kind=HTTP_API, deployment=HTTP_DEPLOYMENT)
    rest = Store(facts=facts, ids=ids, kind=REST_API, deployment=REST_DEPLOYMENT)
    control = RestControl(store=rest, clock=clock)
    table = {
        **control.table(),
        **RestStages(control).table(),
        **RestPieces(control).table(),
        **Keys(facts=facts, clock=clock, ids=ids).table(),
    }
    door = GatewayDoor(
        rest=ModelService("apigateway", table, protocol="rest-json"),
        http=HttpControl(store=http, clock=clock).door(),
    )
    return AwsPart(names=("apigateway", "apigatewayv2"), service=door)


async def open_execute_api(ground: AwsGround) -> AwsPart:
    """Open what answers at the addresses of APIs."""
    node = ground.node
    facts, functions, settings = node.stores.facts, _Functions(ground), node.settings
    fetcher = HttpsFetcher()
    node.stack.push_async_callback(fetcher.close)
    keys = Keys(facts=facts, clock=node.clock, ids=node.ids)
    http = HttpServing(
        facts=facts,
        functions=functions,
        authorizing=HttpAuthorizing(
            functions=functions,
            tokens=Tokens(
                fetch=fetch_keys(fetcher, own_network=settings.reach_private or settings.dev),
                clock=node.clock,
            ),
        ),
    )
    rest = RestServing(
        facts=facts,
        functions=functions,
        authorizing=RestAuthorizing(functions=functions, keys=keys),
    )
    serving = Serving(locator=Locator(facts), http=http.answer, rest=rest.answer, clock=node.clock)
    return AwsPart(names=("execute-api",), service=serving)


def fetch_keys(fetcher: Fetcher, *, own_network: bool) -> FetchKeys:
    """Give what gets the keys that an issuer publishes: where its discovery document leads to."""

    async def fetch(issuer: str) -> Mapping[str, Any]:
        place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            about = await fetcher.ask(place, own_network=own_network)
            found = await fetcher.ask(str(about["jwks_uri"]), own_network=own_network)
        except (FetchFailed, KeyError, TypeError) as error:
            raise OSError(f"{issuer}: {error}") from error
        if not isinstance(found, dict):
            raise OSError(f"{issuer}: no set of keys")
        return found

    return fetch
