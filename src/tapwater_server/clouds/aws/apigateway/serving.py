"""What answers at ``<id>.execute-api.…``: finds the API, and who answers for its sort."""

from collections.abc import Awaitable, Callable

from tapwater_server.clouds.aws.apigateway.incoming import Incoming, answer_of
from tapwater_server.clouds.aws.apigateway.store import HTTP_API, Locator
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.shapes.proxied import said
from tapwater_server.ports.clock import Clock

Serve = Callable[[Incoming], Awaitable[AwsAnswer]]


class Serving:
    """Keeps ``asked.Service`` for the addresses of APIs."""

    def __init__(self, *, locator: Locator, http: Serve, rest: Serve, clock: Clock) -> None:
        self._locator, self._http, self._rest, self._clock = locator, http, rest, clock

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        located = self._locator.find(asked.named)
        if located is None:
            return answer_of(said(403, "Forbidden"))
        incoming = Incoming(asked=asked, located=located, now=self._clock.now())
        serve = self._http if located.kind == HTTP_API else self._rest
        found = await serve(incoming)
        header = "apigw-requestid" if located.kind == HTTP_API else "x-amzn-requestid"
        return AwsAnswer(
            status=found.status,
            headers=[*found.headers, (header, asked.id)],
            body=found.body,
            chunks=found.chunks,
        )

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        status = error.status if error.status in (413, 501, 503) else 500
        text = "Request Too Long" if status == 413 else "Internal Server Error"
        return answer_of(said(status, text))
