"""Brings the messages of queues to the functions that are mapped to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.batches import failed_of, in_order
from tapwater_server.clouds.aws.lambda_events.callees import Callee, Callees, Request
from tapwater_server.clouds.aws.lambda_events.filtering import passes
from tapwater_server.clouds.aws.lambda_events.mappings import KIND, EventSource, read_mapping
from tapwater_server.clouds.aws.lambda_events.verdicts import was_run
from tapwater_server.clouds.aws.reaching import PAYLOAD_BYTES_MAX, Called
from tapwater_server.clouds.aws.shapes.sqs_record import event_record
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Outcome
from tapwater_server.ports.bus import (
    Delivery,
    Done,
    Errand,
    Later,
    Returned,
    Settlement,
    queue_line,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.listening import Door, Serving, Told
from tapwater_server.ports.queues import Queues

THROTTLED_S = 1.0  # Before a batch that could not run is tried again.
_SPACE = "aws/"
_EMPTY_BYTES = len(b'{"Records":[]}')

Receipt = Callable[[Delivery], str]
Worn = Callable[[Account, str, Delivery], Settlement | None]  # received too often already


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mapping is kept."""

    space: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages on their way to a function, as records of its event."""

    mapping: EventSource
    account: Account
    callee: Callee
    records: Sequence[tuple[Delivery, Mapping[str, Any]]]


class QueueLines:
    """Keeps ``ports.listening.Listeners`` for queues that are mapped to functions."""

    def __init__(
        self,
        *,
        facts: Facts,
        callees: Callees,
        queues: Queues,
        receipt: Receipt,
        worn: Worn,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._facts, self._callees, self._queues = facts, callees, queues
        self._receipt, self._worn = receipt, worn
        self._clock, self._ids = clock, ids
        self._places: dict[str, list[Place]] | None = None  # by line
        self._turn: dict[str, int] = {}
        self._watching: list[Callable[[], None]] = []

    def changed(self) -> None:
        """Mappings, or what they lead to, have changed."""
        self._places = None
        for told in self._watching:
            told()

    def watch(self, told: Callable[[], None]) -> None:
        self._watching.append(told)

    def heard(self, event: Event) -> Sequence[Errand]:
        return ()

    def serving(self, line: str) -> Serving | None:
        if not line.startswith("q:"):
            return None
        found = self._next(line)
        if found is None:
            return None
        mapping, _, callee = found
        limits = callee.function.limits
        seats = max(1, callee.seats or limits.instances_max * limits.concurrency)
        return Serving(
            listener=self,
            app=callee.function.id.app,
            function=callee.function,
            seats=min(seats, mapping.concurrency) if mapping.concurrency else seats,
            size=mapping.size,
            window_s=float(mapping.window_s),
            together=mapping.ordered,
        )

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        """Tell a batch; several mappings of one queue have their turns."""
        line = deliveries[0].errand.line
        found = self._next(line)
        self._turn[line] = self._turn.get(line, 0) + 1
        if found is None:
            return [Returned() for _ in deliveries]
        mapping, account, callee = found
        settled, going = self._sorted_out(deliveries, mapping, account)
        batch = Batch(mapping=mapping, account=account, callee=callee, records=going)
        if going and self._callees.enter(callee):
            try:
                settled |= await self._tell(batch, door)
            finally:
                self._callees.leave(callee)
        throttled = Returned(THROTTLED_S)
        return [settled.get(one.errand.id, throttled) for one in deliveries]

    def _sorted_out(
        self, deliveries: Sequence[Delivery], mapping: EventSource, account: Account
    ) -> tuple[dict[str, Settlement], list[tuple[Delivery, Mapping[str, Any]]]]:
        """Take out what was received too often, is not meant, or is too much for one event."""
        settled, going = dict[str, Settlement](), list[tuple[Delivery, Mapping[str, Any]]]()
        size_bytes = _EMPTY_BYTES
        for delivery in deliveries:
            worn = self._worn(account, mapping.queue, delivery)
            if worn is not None:
                settled[delivery.errand.id] = worn
                continue
            record = self._record(delivery, mapping, account)
            if not passes(record, mapping.filters):
                settled[delivery.errand.id] = Done()
                continue
            size_bytes += len(msgspec.json.encode(record)) + 1
            if going and size_bytes > PAYLOAD_BYTES_MAX:
                settled[delivery.errand.id] = Returned()
            else:
                going.append((delivery, record))
        return settled, going

    def _record(
        self, delivery: Delivery, mapping: EventSource, account: Account
    ) -> Mapping[str, Any]:
        record: Mapping[str, Any] = event_record(
            delivery, account=account, queue=mapping.queue, receipt=self._receipt(delivery)
        )
        return record

    async def _tell(self, batch: Batch, door: Door) -> dict[str, Settlement]:
        first = batch.records[0][0].errand
        depth = max(one.errand.depth for one, _ in batch.records)
        request = Request(
            id=as_uuid(self._ids.fresh()), trace=first.trace, root=first.root, depth=depth
        )
        body = msgspec.json.encode({"Records": [record for _, record in batch.records]})
        outcome = await door(
            Told(
                revision=batch.callee.revision,
                function=batch.callee.function,
                body=body,
                headers=self._callees.headers(batch.callee, request),
                event="aws:sqs",
            )
        )
        called = self._callees.answered(batch.callee, outcome, request=request.id)
        if not was_run(outcome):
            wait_s = max(THROTTLED_S, outcome.retry_after_s)
            return {one.errand.id: Returned(wait_s) for one, _ in batch.records}
        return self._judged(batch, outcome, called)

    def _judged(self, batch: Batch, outcome: Outcome, called: Called) -> dict[str, Settlement]:
        ids = {delivery.errand.id: record["messageId"] for delivery, record in batch.records}
        failed = frozenset(ids.values())
        if not called.error:
            failed = frozenset()
            if batch.mapping.report:
                failed = failed_of(called.payload, list(ids.values()))
        if batch.mapping.ordered:
            order = [(ids[one.errand.id], one.errand.key) for one, _ in batch.records]
            failed = in_order(failed, order)
        reason = called.error or "the function reported that it failed"
        return {
            one.errand.id: self._failed(batch, one, reason)
            if ids[one.errand.id] in failed
            else Done()
            for one, _ in batch.records
        }

    def _failed(self, batch: Batch, delivery: Delivery, reason: str) -> Settlement:
        """Let it be visible again when its time is over; or never, if that was the last one."""
        home, queue = batch.account.home, batch.mapping.queue
        worn = self._worn(batch.account, queue, replace(delivery, attempt=delivery.attempt + 1))
        if worn is not None:
            return worn
        return Later(self._queues.settings(home, queue).visibility_s, reason)

    def _next(self, line: str) -> tuple[EventSource, Account, Callee] | None:
        """Find whose turn it is of those that are mapped to a queue and can be called."""
        found = list(self._of_line(line))
        return found[self._turn.get(line, 0) % len(found)] if found else None

    def _of_line(self, line: str) -> Iterator[tuple[EventSource, Account, Callee]]:
        for place in self._index().get(line, ()):
            fact = self._facts.get(place.space, KIND, place.id)
            if fact is None:
                continue
            mapping = read_mapping(fact.value)
            if not mapping.enabled:
                continue
            account = account_of(mapping, place.space)
            try:
                callee = self._callees.find(account, mapping.function, by=self._ids.fresh())
            except AwsError:
                continue  # Its messages wait until there is such a function again.
            yield mapping, account, callee

    def _index(self) -> dict[str, list[Place]]:
        if self._places is None:
            self._places = {}
            for space in self._facts.spaces():
                if not space.startswith(_SPACE):
                    continue
                for fact in self._facts.list(space, KIND):
                    line = queue_line(space.removeprefix(_SPACE), read_mapping(fact.value).queue)
                    self._places.setdefault(line, []).append(Place(space, fact.key))
        return self._places


def account_of(mapping: EventSource, space: str) -> Account:
    """Say whose a mapping is."""
    home = AppId(space.removeprefix(_SPACE))
    return Account(id=mapping.account, home=home, region=mapping.region)
