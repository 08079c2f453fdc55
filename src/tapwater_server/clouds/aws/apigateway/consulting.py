"""Asks the function that an authorizer names, whatever kind of API it guards."""

import json
from typing import Any

from tapwater_server.clouds.aws.apigateway.http_checks import function_of
from tapwater_server.clouds.aws.apigateway.incoming import Incoming
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Functions


async def consult(
    functions: Functions, incoming: Incoming, uri: object, event: dict[str, Any]
) -> tuple[Any, bool]:
    """Give what the function said, and whether it raised; (None, False) if nothing can be heard."""
    function = function_of(str(uri))
    assert function is not None
    try:
        called = await functions.call(
            incoming.located.account,
            function,
            json.dumps(event).encode(),
            trace=incoming.asked.trace,
        )
        return json.loads(called.payload), bool(called.error)
    except (AwsError, ValueError):
        return None, False
