"""One request at an API's address: what the request door gave, and where it has arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.apigateway.store import Located
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked
from tapwater_server.clouds.aws.shapes.proxied import HttpAnswer
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed

BODY_BYTES_MAX = 10 << 20  # Of a request; a function takes 6 MB of it, as an event.


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request to an API that is there."""

    asked: AwsAsked
    located: Located
    now: float

    @property
    def path(self) -> str:
        """What was asked, below the API: still with the stage, still encoded."""
        return self.asked.path or "/"

    async def http(self, path: str) -> HttpAsked:
        """Give the request as what events are made of."""
        return HttpAsked(
            method=self.asked.method,
            path=path,
            query=self.asked.raw_query,
            headers=self.asked.header_pairs(),
            body=await self.asked.raw(bytes_max=BODY_BYTES_MAX),
            client=self.asked.client,
            scheme=self.asked.scheme,
        )

    def placed(
        self,
        *,
        route: str,
        stage: str,
        parameters: Mapping[str, str],
        variables: Mapping[str, str],
        **more: Any,
    ) -> Placed:
        """Say where it has arrived."""
        host, colon, port = self.asked.host.rpartition(":")
        return Placed(
            account=self.located.account.id,
            api=self.located.fact.key,
            domain=host if colon and port.isdecimal() else self.asked.host,
            route=route,
            id=self.asked.id,
            now=self.now,
            stage=stage,
            parameters=parameters,
            variables=variables,
            trace=trace_header(self.asked.trace),
            **more,
        )


def trace_header(traceparent: str) -> str:
    """Write a trace as AWS does.

    >>> trace_header("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1'
    """
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32:
        return ""
    sampled = "1" if parts[3].endswith("1") else "0"
    return f"Root=1-{parts[1][:8]}-{parts[1][8:]};Parent={parts[2]};Sampled={sampled}"


def answer_of(answer: HttpAnswer) -> AwsAnswer:
    return AwsAnswer(status=answer.status, headers=answer.headers, body=answer.body)
