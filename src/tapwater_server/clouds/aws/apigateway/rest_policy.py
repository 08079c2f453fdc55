"""A REST API's own policy: who may call it, from where. Pure."""

import json

from tapwater_server.clouds.aws.apigateway.incoming import Incoming
from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    PolicyError,
    Principal,
    Question,
    evaluate,
    parse_policy,
)
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed

_SHORT = "execute-api:/"


def permitted(policy: str | None, incoming: Incoming, http: HttpAsked, placed: Placed) -> bool:
    """Ask an API's policy; without one everybody may. One that cannot be read lets nobody in."""
    if not policy:
        return True
    account, caller = incoming.located.account, incoming.asked.caller
    whole = account.arn("execute-api", f"{placed.api}/")
    try:
        parsed = parse_policy(policy.replace(_SHORT, whole).replace("\\/", "/"))
    except (PolicyError, json.JSONDecodeError):
        return False
    resource = f"{placed.api}/{placed.stage}/{http.method}/{http.path.lstrip('/')}"
    question = Question(
        action="execute-api:Invoke",
        resource=account.arn("execute-api", resource),
        principal=Principal(
            arn=caller.arn if caller.known else "",
            account=caller.account.id if caller.known else "",
        ),
        context={"aws:sourceip": [http.client], "aws:useragent": [http.header("user-agent")]},
    )
    return evaluate([parsed], question) is Effect.ALLOW
