"""Calls of functions that somebody waits for."""

from collections.abc import Callable
from dataclasses import dataclass

from tapwater_server.clouds.aws.lambda_.endings import (
    ANSWER_BYTES_MAX,
    UNHANDLED,
    read_outcome,
    too_large,
)
from tapwater_server.clouds.aws.lambda_.gathering import Gathering
from tapwater_server.clouds.aws.lambda_.resolving import Callee
from tapwater_server.clouds.aws.lambda_.streaming import STREAM_BYTES_MAX, Streamed
from tapwater_server.clouds.aws.lambda_.tails import Tails
from tapwater_server.clouds.aws.lambda_.throttling import Throttling
from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.ids import InvocationId
from tapwater_server.model.invocation import Headers, Invocation, Outcome, Verb
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker, run

Read = Callable[[], Called]  # Gives how a call ended, or raises what hindered it.


@dataclass(slots=True, kw_only=True)
class Request:
    """One call as the function sees it. Made for each call: slotted, not frozen."""

    id: str  # a UUID
    trace: bytes = b""  # as in X-Amzn-Trace-Id
    client_context: bytes = b""  # JSON
    traceparent: bytes = b""  # W3C, of this call
    parent: str = ""
    client: str = ""
    root: str = ""
    depth: int = 0


class Calling:
    """Makes invocations, waits for their ends."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        throttling: Throttling,
        tails: Tails,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self.invoker, self.throttling, self.tails = invoker, throttling, tails
        self._clock, self._ids = clock, ids

    async def call(
        self, callee: Callee, payload: bytes, request: Request, *, tail: bool = False
    ) -> Called:
        """Call a function and wait for its whole answer.

        Raises:
            AwsError: it was not called: throttled, or it could not be started.
        """
        invocation = self.invocation(callee, payload, request)
        self.throttling.enter(callee)
        if tail:
            self.tails.open(invocation.id)
        try:
            outcome = await run(self.invoker, invocation, body_bytes_max=ANSWER_BYTES_MAX)
        except TooLarge:
            body, error = too_large(ANSWER_BYTES_MAX), UNHANDLED
        else:
            body, error = _read(outcome, callee, request)
        finally:
            self.throttling.leave(callee)
            said = self.tails.close(invocation.id) if tail else b""
        return Called(
            payload=body, version=callee.version, error=error, log_tail=said, request_id=request.id
        )

    def begin(
        self, callee: Callee, payload: bytes, request: Request, told: Callable[["Read"], None]
    ) -> None:
        """Call a function; ``told`` hears its end, and may hear it before this returns.

        Raises:
            AwsError: as many as are reserved run already.
        """
        invocation = self.invocation(callee, payload, request)
        self.throttling.enter(callee)

        def ended(outcome: Outcome, *, overflowed: bool) -> None:
            self.throttling.leave(callee)
            told(lambda: _called(outcome, callee, request, overflowed=overflowed))

        gathering = Gathering(ended, bytes_max=ANSWER_BYTES_MAX)
        try:
            gathering.call = self.invoker.start(invocation, gathering)
        except BaseException:
            self.throttling.leave(callee)
            raise

    def stream(
        self,
        callee: Callee,
        payload: bytes,
        request: Request,
        *,
        bytes_max: int = STREAM_BYTES_MAX,
    ) -> Streamed:
        """Call a function, and give its answer as it comes.

        Raises:
            AwsError: as many as are reserved run already.
        """
        invocation = self.invocation(callee, payload, request)
        self.throttling.enter(callee)
        streamed = Streamed(
            invocation.id,
            ended=lambda: self.throttling.leave(callee),
            bytes_max=bytes_max,
        )
        try:
            streamed.call = self.invoker.start(invocation, streamed)
        except BaseException:
            self.throttling.leave(callee)
            raise
        return streamed

    def invocation(self, callee: Callee, payload: bytes, request: Request) -> Invocation:
        """Make the call."""
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=callee.revision.id,
            function=callee.function,
            verb=Verb.EVENT,
            path=f"/{callee.name}",
            headers=headers_of(callee, request),
            body=payload,
            client=request.client,
            traceparent=request.traceparent,
            parent=request.parent,
            root=request.root,
            depth=request.depth,
            arrived_at=self._clock.monotonic(),
        )


def _called(outcome: Outcome, callee: Callee, request: Request, *, overflowed: bool) -> Called:
    """Tell how a call ended.

    Raises:
        AwsError: it did not begin.
    """
    if overflowed:
        body, error = too_large(ANSWER_BYTES_MAX), UNHANDLED
    else:
        body, error = _read(outcome, callee, request)
    return Called(payload=body, version=callee.version, error=error, request_id=request.id)


def _read(outcome: Outcome, callee: Callee, request: Request) -> tuple[bytes, str]:
    return read_outcome(
        outcome,
        request=request.id,
        timeout_s=callee.function.limits.timeout_s,
        reserved=callee.reserved is not None,
    )


def headers_of(callee: Callee, request: Request) -> Headers:
    """Say beside a payload what its context has."""
    headers = [
        (b"lambda-request-id", request.id.encode()),
        (b"lambda-arn", callee.arn_header),
        (b"lambda-version", callee.version_header),
    ]
    if request.trace:
        headers.append((b"lambda-trace", request.trace))
    if request.client_context:
        headers.append((b"lambda-client-context", request.client_context))
    return headers
