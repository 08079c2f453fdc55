"""What each service of AWS is built on, and what each adds to the room."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.assembly.parts.ground import Ground
from tapwater_server.clouds.aws.asked import Hasty, Service
from tapwater_server.clouds.aws.front.keys import Keys
from tapwater_server.clouds.aws.front.permits import Permits
from tapwater_server.clouds.aws.reaching import Functions, Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsGround:
    """``functions`` and ``targets`` lead to services that are opened later: ask at a call, not
    while opening.
    """

    node: Ground
    parts: Mapping[str, Any]  # of our own services, by name: "blobs", "queues", "schedules"
    functions: Callable[[], Functions]  # Lambda
    targets: Targets  # whatever an ARN can name
    keys: Keys  # of accounts, and what functions are lent
    permits: Permits  # who may what, once IAM says which policies somebody has
    services: Mapping[str, Service]  # all doors by their scopes: full once all are opened
    left: dict[str, Any] = field(default_factory=dict)  # what services leave for others, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPart:
    """One service of AWS: its door, what must run while the node serves, what it can be sent.

    ``names``: the scopes of signatures it answers to. ``paths``: beginnings of paths that are its
    own, for requests without a scope. ``targets``: ARN service ("sqs") → who takes what is sent.
    """

    names: Sequence[str]
    service: Service | None = None
    paths: Sequence[str] = ()
    loops: Sequence[Coroutine[Any, Any, None]] = ()
    targets: Mapping[str, Targets] = field(default_factory=dict)
    functions: Functions | None = None  # Lambda's alone
    hasty: Hasty | None = None  # of requests to the first of its names, what goes the short way
