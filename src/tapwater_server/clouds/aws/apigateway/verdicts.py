"""What an authorizer's function has answered: does its policy allow a call, what does it tell."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tapwater_server.clouds.aws.policies.judging import (
    Effect,
    PolicyError,
    Question,
    evaluate,
    parse_policy,
)


class Allowing(StrEnum):
    """What a policy says about a call."""

    YES = "yes"
    UNSAID = "unsaid"
    DENIED = "denied"


def judge(policy: Mapping[str, Any], arn: str) -> Allowing:
    """Ask a policy whether a method may be called; one that cannot be read allows nothing.

    >>> one = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:*/GET/*"}
    >>> judge({"Statement": [one]}, "arn:x/dev/GET/items").value
    'yes'
    """
    try:
        parsed = parse_policy(json.dumps(policy))
    except PolicyError:
        return Allowing.UNSAID
    found = evaluate([parsed], Question(action="execute-api:Invoke", resource=arn))
    if found is Effect.DENY:
        return Allowing.DENIED
    return Allowing.YES if found is Effect.ALLOW else Allowing.UNSAID


def context_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the authorizer tells the function."""
    context = found.get("context")
    return dict(context) if isinstance(context, dict) else {}
