"""What requests use, and the step of a trace that each is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Service
from tapwater_server.model.ids import AppId
from tapwater_server.model.trace import read_traceparent
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter, Use
from tapwater_server.ports.tracing import Step, Tracer
from tapwater_server.web.using import counted_pieces

_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});Parent=([0-9a-f]{16})(?:;Sampled=([01]))?")


class Counting:
    """Takes what was counted to the meter of the account's home, and times what goes on."""

    def __init__(self, *, meter: Meter, tracer: Tracer, clock: Clock) -> None:
        self._meter, self._tracer, self._clock = meter, tracer, clock

    async def followed(self, service: Service, asked: AwsAsked) -> AwsAnswer:
        """Let the service answer, and note how long that took. Who only reads, and is part of no
        trace, is not followed.

        Raises:
            Exception: whatever the service raises.
        """
        step = self.begin(asked)
        if step is None:
            return await service.answer(asked)
        try:
            answer = await service.answer(asked)
        except BaseException as error:
            failed(step, error)
            raise
        step.end(ok=answer.status < 500)
        return answer

    def begin(self, asked: AwsAsked) -> Step | None:
        """Begin the step that a request is; None: it is not followed."""
        parent = parent_of(asked.headers)
        if not parent and asked.method in ("GET", "HEAD"):
            return None
        step = self.begin_known(step_name(asked), asked.account.home, parent=parent)
        asked.trace = step.traceparent.decode("ascii")
        return step

    def begin_known(self, name: str, home: AppId, *, parent: bytes = b"") -> Step:
        """Begin a step of this name."""
        return self._tracer.begin(name, "ask", app=home, parent=parent)

    def counted(self, asked: AwsAsked, answer: AwsAnswer) -> AwsAnswer:
        """Count an answer with its bytes, as it goes out."""
        if asked.method == "HEAD":
            self.take(asked)
            return answer
        if answer.chunks is not None:
            self.take(asked)
            count = partial(asked.count, _bytes_out(asked.service))
            take = partial(self.take, asked)
            pieces = counted_pieces(answer.chunks, count=count, take=take, clock=self._clock)
            return replace(answer, chunks=pieces)
        if answer.body:
            asked.count(_bytes_out(asked.service), len(answer.body))
        self.take(asked)
        return answer

    def sent(self, home: AppId, service: str, size: int) -> None:
        """Count the bytes of an answer, of a request of which nothing else is counted."""
        use = Use(at=self._clock.now(), app=home, quantity=_bytes_out(service), amount=size)
        self._meter.use(use)

    def take(self, asked: AwsAsked) -> None:
        """Take what there is by now."""
        if not asked.used:
            return
        used, asked.used = asked.used, {}
        now = self._clock.now()
        for quantity, amount in used.items():
            self._meter.use(Use(at=now, app=asked.account.home, quantity=quantity, amount=amount))


def failed(step: Step, error: BaseException) -> None:
    """End a step that was not answered."""
    code = error.code if isinstance(error, AwsError) else type(error).__name__
    step.end(ok=False, facts={"error": code})


def step_name(asked: AwsAsked) -> str:
    """Name the step: "sqs.SendMessage", "s3.PUT /photos/cat.jpg"."""
    target = asked.headers.get("x-amz-target", "").rpartition(".")[2]
    return f"{asked.service}.{target}" if target else f"{asked.service}.{asked.method} {asked.path}"


def parent_of(headers: Mapping[str, str]) -> bytes:
    """Read the step that a request is part of, as W3C or as X-Ray says it.

    >>> parent_of({"x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;"
    ...     "Parent=53995c3f42cd8ad8;Sampled=1"})
    b'00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01'
    """
    said = headers.get("traceparent")
    if said is not None:
        return read_traceparent(said)
    found = _XRAY.search(headers.get("x-amzn-trace-id", ""))
    if found is None:
        return b""
    sampled = "00" if found[4] == "0" else "01"
    return f"00-{found[1]}{found[2]}-{found[3]}-{sampled}".encode()


def _bytes_out(service: str) -> str:
    return "blob_bytes_out" if service == "s3" else "api_bytes_out"
