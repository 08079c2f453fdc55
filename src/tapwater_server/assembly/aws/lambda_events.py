"""What calls Lambda functions on one node: mapped queues, and calls that nobody waits for."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.front.keys import Keys
from tapwater_server.clouds.aws.lambda_ import records, resolving
from tapwater_server.clouds.aws.lambda_.calling import Request as LambdaRequest
from tapwater_server.clouds.aws.lambda_.calling import headers_of
from tapwater_server.clouds.aws.lambda_.endings import UNHANDLED, read_outcome
from tapwater_server.clouds.aws.lambda_.making import MARK
from tapwater_server.clouds.aws.lambda_.names import LATEST, read_function
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.traces import amazon_trace
from tapwater_server.clouds.aws.lambda_events.callees import Callee, Owner, Request
from tapwater_server.clouds.aws.lambda_events.calls import AsyncCalls
from tapwater_server.clouds.aws.lambda_events.ends import Ends
from tapwater_server.clouds.aws.lambda_events.later import LaterCalls
from tapwater_server.clouds.aws.lambda_events.mapping_api import MappingApi
from tapwater_server.clouds.aws.lambda_events.queue_lines import QueueLines, Worn
from tapwater_server.clouds.aws.post.lineage import with_lineage
from tapwater_server.clouds.aws.post.parcels import Post
from tapwater_server.clouds.aws.protocol.service import ModelService
from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.clouds.aws.sqs.book import QueueBook
from tapwater_server.clouds.aws.sqs.receipts import handle_of
from tapwater_server.clouds.aws.sqs.receiving import moved
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Headers, Outcome
from tapwater_server.ports.bus import Dead, Delivery, Settlement
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.registry import Registry, live_revision


async def open_lambda_events(ground: AwsGround) -> AwsPart:
    """Let the event line know them. Lambda and SQS are there already."""
    node, room = ground.node, ground.left["lambda"]
    stores, clock, ids = node.stores, node.clock, node.ids
    delay_s = node.settings.aws_retry_delay_s
    callees = RoomCallees(room, registry=stores.registry, keys=ground.keys)
    later = LaterCalls(callees=callees, bus=stores.bus, ids=ids)
    book = QueueBook(queues=stores.queues, facts=stores.facts, bus=stores.bus, clock=clock)
    lines = QueueLines(
        facts=stores.facts,
        callees=callees,
        queues=stores.queues,
        receipt=lambda delivery: handle_of(delivery, received_at=clock.now()),
        worn=_worn(book, clock),
        clock=clock,
        ids=ids,
    )
    api = MappingApi(
        facts=stores.facts,
        callees=callees,
        targets=ground.targets,
        queues=stores.queues,
        told=lines,
        clock=clock,
        ids=ids,
    )
    calls = AsyncCalls(
        callees=callees,
        ends=Ends(targets=ground.targets, clock=clock),
        clock=clock,
        delays_s=(delay_s, 2 * delay_s),
    )
    for listeners in (calls, lines, Post(targets=ground.targets, clock=clock, ids=ids)):
        node.listening.add(listeners)
    ground.left["lambda-later"] = later
    ground.left["event-source-mappings"] = ModelService(
        "lambda", api.handlers(), protocol="rest-json"
    )
    return AwsPart(names=(), targets={"lambda": later})


class RoomCallees:
    """Keeps ``callees.Callees`` by Lambda's room."""

    def __init__(self, room: Room, *, registry: Registry, keys: Keys) -> None:
        self._room, self._registry, self._keys = room, registry, keys

    def find(self, account: Account, name: str, *, by: str = "") -> Callee:
        return _callee(self._room.resolving.find(account, name, by=by))

    def headers(self, callee: Callee, request: Request) -> Headers:
        trace = amazon_trace(request.trace.encode("latin-1", "replace")).decode()
        said = LambdaRequest(
            id=request.id,
            trace=with_lineage(trace, root=request.root, depth=request.depth).encode(),
            client_context=request.client_context.encode(),
        )
        return headers_of(callee.kept, said)

    def enter(self, callee: Callee) -> bool:
        try:
            self._room.calling.throttling.enter(callee.kept)
        except AwsError:
            return False
        return True

    def leave(self, callee: Callee) -> None:
        self._room.calling.throttling.leave(callee.kept)

    def answered(self, callee: Callee, outcome: Outcome, *, request: str) -> Called:
        timeout_s = callee.function.limits.timeout_s
        try:
            payload, error = read_outcome(outcome, request=request, timeout_s=timeout_s)
        except AwsError as refused:
            payload, error = refused.message.encode(), UNHANDLED
        return Called(payload=payload, version=callee.version, error=error, request_id=request)

    def async_settings(self, account: Account, name: str) -> Mapping[str, Any]:
        reference = read_function(name)
        key = records.key_of(reference.name, reference.qualifier or LATEST)
        fact = self._room.store.facts.get(account.space, records.EVENT_CONFIG, key)
        return {} if fact is None else fact.value

    def owner(self, app: str) -> Owner | None:
        function = self._room.resolving.owner(app)
        revision = live_revision(self._registry, AppId(app)) if function is not None else None
        if function is None or revision is None:
            return None
        said = revision.settings[MARK]
        account = self._keys.account_of(AppId(said["space"].removeprefix("aws/")))
        return Owner(account=account, name=said["name"], function=function)


def _callee(found: resolving.Callee) -> Callee:
    limits = found.function.limits
    seats = limits.instances_max * limits.concurrency
    return Callee(
        arn=found.arn,
        name=found.name,
        version=found.version,
        revision=found.revision,
        function=found.function,
        seats=seats if found.reserved is None else min(seats, found.reserved),
        dead_letters=found.dead_letters,
        loops=found.recursion == "Allow",
        kept=found,
    )


def _worn(book: QueueBook, clock: Clock) -> Worn:
    """Say what becomes of a message that was received too often: as when SQS hands it out."""

    def judge(account: Account, name: str, delivery: Delivery) -> Settlement | None:
        queue = book.known(account, name)
        if queue is None or not 0 < queue.settings.attempts_max < delivery.begun:
            return None
        to = queue.settings.dead_letters
        there = book.known(account, to) if to else None
        if there is not None:
            now = clock.now()
            return moved(delivery, to=there, came_from=name, now=now, kept=not there.fifo)
        if to:
            return None  # Its dead-letter queue was deleted: it stays, as in SQS.
        return Dead(f"received {queue.settings.attempts_max} times and never deleted")

    return judge
