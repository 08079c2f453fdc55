"""Durable events from publish to settled, and how long a publish takes."""

import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tests.functional.running import Platform
from tools.bench import ours, queues_peer
from tools.bench.client import Connection
from tools.bench.queues_peer import PeerFlow
from tools.bench.results import Result, Table, Verdict, median, quantile
from tools.bench.servers import CannotMeasure

APP = "events"
PER_S_MIN = 2_000.0
BATCH = 100  # Events in one request, as a busy publisher would send them.
WAIT_S_MAX = 120.0
LOOK_S = 0.05
TOLD = '''\
"""The function that is told."""

from tapwater import on, options

options(concurrency=64, instances=(1, 1))

@on.event(type="bench.happened", source="/events")
def told(event) -> None:
    pass
'''
_EVENT = {"specversion": "1.0", "type": "bench.happened", "source": "/events", "data": {"n": 1}}
FILES: Mapping[str, str] = {"reactive/told.py": TOLD}


@dataclass(frozen=True, slots=True)
class Flow:
    """How a number of events went."""

    accepted_s: float  # until the last was accepted
    settled_s: float  # until the last was settled
    publish_ms: list[float]


def measure(*, events: int, rounds: int) -> Result:
    """Measure batched publishing to the end, and single publishing at 1 and at 32; then a peer."""
    with ours.platform() as running:
        ours.deploy(running, FILES, APP)
        flow(running, events=200, publishers=1, batch=10)  # Warm.
        batched = [flow(running, events=events, publishers=2, batch=BATCH) for _ in range(rounds)]
        single = flow(running, events=events // 2, publishers=32, batch=1)
        alone = flow(running, events=max(100, events // 40), publishers=1, batch=1)
    rates = [events / one.settled_s for one in batched]
    rows = [
        _row(f"{BATCH} in a request, 2 publishers", events, batched),
        _row("1 in a request, 32 publishers", events // 2, [single]),
        _row("1 in a request, 1 publisher", max(100, events // 40), [alone]),
    ]
    beside, note = _peer(events=events, rounds=rounds)
    verdict = Verdict(
        promise="durable events end to end, fsynced",
        wanted=f">= {PER_S_MIN:,.0f} /s",
        found=f"{median(rates):,.0f} /s",
        kept=median(rates) >= PER_S_MIN,
    )
    head = ("publishing", "events", "settled /s", "accepted /s", "request p50 ms", "p99 ms")
    table = Table(
        title="Durable events",
        head=head,
        rows=rows + beside,
        note="Published over HTTP, told to a function in its sandbox, settled: the time until the "
        f"last is settled. Each of the four writes on the way is fsynced, in groups. {note}",
    )
    numbers = {"per_s": rates, "single_ms": single.publish_ms, "alone_ms": alone.publish_ms}
    return Result(verdicts=[verdict], tables=[table], numbers=numbers)


def _peer(*, events: int, rounds: int) -> tuple[list[tuple[str, ...]], str]:
    """Measure the same of workerd's queues, which keep nothing on disk; or say why not."""
    try:
        version = queues_peer.program().version
        with queues_peer.serving() as port:
            flow = partial(queues_peer.flow, port)
            flow(events=200, publishers=1, batch=10)  # Warm.
            batched = [flow(events=events, publishers=2, batch=BATCH) for _ in range(rounds)]
            some, few = max(320, events // 320 * 32), max(100, events // 40)
            single = flow(events=some, publishers=32, batch=1)
            alone = flow(events=few, publishers=1, batch=1)
    except CannotMeasure as error:
        return [], f"{queues_peer.NAME} could not be measured: {error}."
    rows = [
        _row(f"{queues_peer.NAME}: {BATCH} in a request, 2 publishers", events, batched),
        _row(f"{queues_peer.NAME}: 1 in a request, 32 publishers", some, [single]),
        _row(f"{queues_peer.NAME}: 1 in a request, 1 publisher", few, [alone]),
    ]
    return rows, (
        f"Beside it {version}: workerd's queues as they run locally. Their broker holds messages "
        "in memory only: what it accepted is lost when it ends, which ours never is."
    )


def _row(name: str, events: int, flows: Sequence[Flow | PeerFlow]) -> tuple[str, ...]:
    times = [ms for one in flows for ms in one.publish_ms]
    settled = median([events / one.settled_s for one in flows])
    accepted = median([events / one.accepted_s for one in flows])
    rates = (f"{settled:,.0f}", f"{accepted:,.0f}")
    return (
        name,
        str(events),
        *rates,
        f"{quantile(times, 0.5):.2f}",
        f"{quantile(times, 0.99):.2f}",
    )


def flow(running: Platform, *, events: int, publishers: int, batch: int) -> Flow:
    """Publish so many, wait until all are settled."""
    requests = events // batch
    shares = [requests // publishers + (n < requests % publishers) for n in range(publishers)]
    sending = [Publisher(running, requests=share, batch=batch) for share in shares]
    began = time.perf_counter()
    for one in sending:
        one.start()
    for one in sending:
        one.join()
    accepted_s = time.perf_counter() - began
    if any(one.failed for one in sending):
        raise CannotMeasure(f"publishing failed: {sending[0].failed}")
    while not settled(running, [one.last for one in sending]):
        if time.perf_counter() - began > WAIT_S_MAX:
            raise CannotMeasure(f"not all events were settled in {WAIT_S_MAX:g} s")
        time.sleep(LOOK_S)
    settled_s = time.perf_counter() - began
    return Flow(accepted_s, settled_s, [ms for one in sending for ms in one.times_ms])


def settled(running: Platform, lasts: list[str]) -> bool:
    """Say whether the last event of each publisher is, and nothing else waits."""
    where = f"/apps/{APP}/events"
    for last in lasts:
        told = running.api("GET", f"{where}/{last}").json()["deliveries"]
        if [one["state"] for one in told] != ["done"]:
            return False
    lines = running.api("GET", f"{where}/lines").json()["lines"]
    return not any(one["waiting"] + one["delayed"] + one["leased"] for one in lines)


class Publisher(threading.Thread):
    """Publishes on a connection of its own, one request after the other."""

    def __init__(self, running: Platform, *, requests: int, batch: int) -> None:
        super().__init__()
        self._port, self._token = running.port, running.token
        self._requests, self._batch = requests, batch
        self.times_ms: list[float] = []
        self.last, self.failed = "", ""

    def run(self) -> None:
        """Publish all; what goes wrong is kept for who joins."""
        try:
            with Connection(self._port) as connection:
                for _ in range(self._requests):
                    self._publish(connection)
        except (OSError, ValueError) as error:
            self.failed = repr(error)

    def _publish(self, connection: Connection) -> None:
        ids = [uuid.uuid4().hex for _ in range(self._batch)]
        said = [{**_EVENT, "id": id} for id in ids]
        kind = "cloudevents-batch" if self._batch > 1 else "cloudevents"
        body = json.dumps(said if self._batch > 1 else said[0]).encode()
        head = (
            f"POST /_/api/v1/apps/{APP}/events HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            f"authorization: Bearer {self._token}\r\n"
            f"content-type: application/{kind}+json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        connection.send(head.encode() + body)
        answer = connection.receive()
        if answer.status != 202:
            raise ValueError(f"publishing was answered {answer.status}: {answer.body!r}")
        self.times_ms.append((time.perf_counter() - began) * 1000)
        self.last = json.loads(answer.body)["ids"][-1]
