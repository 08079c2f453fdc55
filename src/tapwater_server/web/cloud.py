"""Another cloud's interface on our own port: which requests are its, and who answers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.invocation import Headers
from tapwater_server.ports.invoker import Call, Exchange
from tapwater_server.web.scope import Receive, Scope, Send


@dataclass(slots=True, kw_only=True)
class Whole:
    """A request that has come to its end, and where its answer goes."""

    method: bytes
    url: bytes  # as it was sent, with its query
    headers: Headers
    body: bytes
    scheme: str
    client: str  # address of who asks
    exchange: Exchange


class Cloud(Protocol):
    """An ASGI app that is asked first on the bare host, and last where nobody else answers."""

    def owns(self, host: str) -> bool:
        """Say whether a host name is one of its own. Remembered by who asks."""
        ...

    def claims(self, url: bytes, seen: Mapping[bytes, bytes]) -> bool:
        """Say whether a request on the bare host looks like one of its: signed as its clients
        sign. Asked for each request there, so it must be cheap.
        """
        ...

    def answers(self, url: bytes) -> bool:
        """Say whether it takes a request that nothing of ours answers (an anonymous download)."""
        ...

    def hasten(self, whole: Whole) -> Call | None:
        """Answer in callbacks, without a task, what needs no waiting before a function runs.

        None: nothing has been done, and the app itself is to be asked.
        """
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
