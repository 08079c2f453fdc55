"""API Gateway on one node: its control API, and what answers at the addresses of APIs."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
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
from tapwater_server.clouds.aws.apigateway.tokens import Tokens
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.clouds.aws.reaching import Called

KEYS_S_MAX = 5.0
KEYS_BYTES_MAX = 1 << 20


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
    facts, functions = node.stores.facts, _Functions(ground)
    keys = Keys(facts=facts, clock=node.clock, ids=node.ids)
    http = HttpServing(
        facts=facts,
        functions=functions,
        authorizing=HttpAuthorizing(
            functions=functions, tokens=Tokens(fetch=fetch_keys, clock=node.clock)
        ),
    )
    rest = RestServing(
        facts=facts,
        functions=functions,
        authorizing=RestAuthorizing(functions=functions, keys=keys),
    )
    serving = Serving(locator=Locator(facts), http=http.answer, rest=rest.answer, clock=node.clock)
    return AwsPart(names=("execute-api",), service=serving)


async def fetch_keys(issuer: str) -> Mapping[str, Any]:
    """Get the keys that an issuer publishes: what its discovery document leads to.

    Raises:
        OSError: they cannot be had.
    """
    import httpx

    try:
        async with httpx.AsyncClient(timeout=KEYS_S_MAX, follow_redirects=False) as client:
            place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            about = (await client.get(place)).raise_for_status().json()
            found = (await client.get(str(about["jwks_uri"]))).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise OSError(f"{issuer}: {error}") from error
    if len(found.content) > KEYS_BYTES_MAX:
        raise OSError(f"{issuer}: more than {KEYS_BYTES_MAX} bytes of keys")
    keys: Mapping[str, Any] = found.json()
    return keys
