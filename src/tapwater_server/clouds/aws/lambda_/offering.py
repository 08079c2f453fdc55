"""Functions for the rest of the room: found, called, called later."""

from collections.abc import Callable

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_.calling import Calling, Request
from tapwater_server.clouds.aws.lambda_.refusals import refused
from tapwater_server.clouds.aws.lambda_.resolving import Resolving
from tapwater_server.clouds.aws.lambda_.room import Later
from tapwater_server.clouds.aws.lambda_.traces import amazon_trace, step_of
from tapwater_server.clouds.aws.reaching import PAYLOAD_BYTES_MAX, Called
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tracing import Traces


class Offering:
    """Keeps ``reaching.Functions``."""

    def __init__(
        self,
        *,
        resolving: Resolving,
        calling: Calling,
        later: Callable[[], Later],
        ids: IdSource,
        traces: Traces,
    ) -> None:
        self._resolving, self._calling = resolving, calling
        self._later, self._ids, self._traces = later, ids, traces

    def arn_of(self, account: Account, name: str) -> str:
        return self._resolving.find(account, name).arn

    async def call(self, account: Account, name: str, payload: bytes, *, trace: str = "") -> Called:
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise refused(
                "RequestTooLargeException",
                f"Request must be smaller than {PAYLOAD_BYTES_MAX} bytes",
                413,
            )
        callee = self._resolving.find(account, name)
        traceparent, parent = step_of(self._traces, trace)
        request = Request(
            id=as_uuid(self._ids.fresh()),
            trace=amazon_trace(traceparent),
            traceparent=traceparent,
            parent=parent,
        )
        return await self._calling.call(callee, payload, request)

    async def call_later(
        self, account: Account, name: str, payload: bytes, *, id: str = "", trace: str = ""
    ) -> str:
        return await self._later().call(account, name, payload, id=id, trace=trace)
