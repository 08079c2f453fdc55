"""What Lambda's operations work with."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import Service
from tapwater_server.clouds.aws.lambda_.archives import Archives
from tapwater_server.clouds.aws.lambda_.calling import Calling
from tapwater_server.clouds.aws.lambda_.changing import Changing
from tapwater_server.clouds.aws.lambda_.links import Links
from tapwater_server.clouds.aws.lambda_.resolving import Resolving
from tapwater_server.clouds.aws.lambda_.runtimes import Machine
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tracing import Traces


class Later(Protocol):
    """Takes calls that nobody waits for; durable before it returns."""

    async def call(
        self,
        account: Account,
        name: str,
        payload: bytes,
        *,
        id: str = "",
        trace: str = "",
        root: str = "",
        depth: int = 0,
        client_context: str = "",
    ) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Everything an operation may need. ``later`` and ``mappings`` lead to what is opened later."""

    store: Store
    archives: Archives
    changing: Changing
    resolving: Resolving
    calling: Calling
    links: Links
    machine: Callable[[], Coroutine[Any, Any, Machine]]
    standing: Callable[[str], int]  # instances of a revision of ours that are up
    later: Callable[[], Later]
    mappings: Callable[[], Service]  # event source mappings
    clock: Clock
    ids: IdSource
    traces: Traces
