"""StartMessageMoveTask and its kin: dead letters go back, or elsewhere, a batch at a time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.shapes.sqs_record import uuid_of
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.errors import invalid, invalid_value, missing
from tapwater_server.clouds.aws.sqs.shapes import CancelMove, ListMoves, StartMove
from tapwater_server.clouds.aws.sqs.tasks import (
    CANCELLED,
    RUNNING,
    MoveTask,
    handle_of,
    id_of,
    task_of,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put, Step
from tapwater_server.ports.ids import IdSource

KIND = "sqs/move"
RATE_MAX = 500
LISTED_MAX = 10
KEPT_MAX = 50  # tasks of one source: the older ones are forgotten
Said = dict[str, Any]
_log = logging.getLogger(__name__)


class MoveOperations:
    """What clients do with move tasks; ``Mover`` does the moving."""

    def __init__(
        self, *, book: QueueBook, facts: Facts, clock: Clock, ids: IdSource, begun: asyncio.Event
    ) -> None:
        self._book, self._facts, self._clock, self._ids = book, facts, clock, ids
        self._begun = begun

    async def start(self, asked: AwsAsked, said: StartMove) -> Said:
        source = self._source(asked.account, said.SourceArn)
        destination = ""
        if said.DestinationArn:
            destination = self._source(asked.account, said.DestinationArn).name
        rate = said.MaxNumberOfMessagesPerSecond or 0
        if said.MaxNumberOfMessagesPerSecond is not None and not 1 <= rate <= RATE_MAX:
            reason = f"You must provide a valid value between 1 and {RATE_MAX}."
            raise invalid_value(rate, "MaxNumberOfMessagesPerSecond", reason)
        if not await self._book.sources(asked.account, source):
            raise invalid("Source queue must be configured as a Dead Letter Queue.")
        earlier = self._tasks(asked.account, source.name)
        if any(one.status == RUNNING for one in earlier):
            raise AwsError(
                "UnsupportedOperation",
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time.",
            )
        task = MoveTask(
            id=uuid_of(self._ids.fresh()),
            source=source.name,
            destination=destination,
            rate_max=rate,
            to_move=(await self._book.stats(asked.account, source.name)).waiting,
            started=self._clock.now(),
        )
        steps: list[Step] = [Put(kind=KIND, key=task.id, value=task.fact())]
        steps += [Drop(kind=KIND, key=one.id) for one in earlier[KEPT_MAX - 1 :]]
        await self._facts.change(asked.account.space, steps)
        self._begun.set()
        return {"TaskHandle": handle_of(task, said.SourceArn)}

    async def cancel(self, asked: AwsAsked, said: CancelMove) -> Said:
        if not said.TaskHandle:
            raise missing("TaskHandle")
        fact = self._facts.get(asked.account.space, KIND, id_of(said.TaskHandle))
        if fact is None:
            raise AwsError("ResourceNotFoundException", "Task does not exist.", 404)
        task = task_of(fact.value)
        if task.status != RUNNING:
            raise AwsError("UnsupportedOperation", "Only active tasks can be cancelled.")
        ended = replace(task, status=CANCELLED)
        await self._facts.change(
            asked.account.space, [Put(kind=KIND, key=task.id, value=ended.fact())]
        )
        return {"ApproximateNumberOfMessagesMoved": task.moved}

    async def list(self, asked: AwsAsked, said: ListMoves) -> Said:
        source = self._source(asked.account, said.SourceArn)
        most = said.MaxResults if said.MaxResults is not None else 1
        if not 1 <= most <= LISTED_MAX:
            reason = f"Value must be between 1 and {LISTED_MAX}."
            raise invalid_value(most, "MaxResults", reason)
        tasks = self._tasks(asked.account, source.name)[:most]
        found = [_says(task, asked.account, said.SourceArn) for task in tasks]
        return {"Results": found} if found else {}

    def _source(self, account: Account, arn: str) -> Queue:
        if not arn:
            raise missing("SourceArn")
        name = self._book.of_arn(account, arn)
        queue = self._book.known(account, name) if name else None
        if queue is None:
            message = "The resource that you specified for the SourceArn parameter doesn't exist."
            raise AwsError("ResourceNotFoundException", message, 404)
        return queue

    def _tasks(self, account: Account, source: str) -> Sequence[MoveTask]:
        """Find the tasks of a queue, the newest first."""
        tasks = [task_of(fact.value) for fact in self._facts.list(account.space, KIND)]
        mine = [task for task in tasks if task.source == source]
        return sorted(mine, key=lambda task: -task.started)


def _says(task: MoveTask, account: Account, source_arn: str) -> Said:
    said: Said = {
        "Status": task.status,
        "SourceArn": source_arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": int(task.started * 1000),
    }
    if task.status == RUNNING:
        said["TaskHandle"] = handle_of(task, source_arn)
    if task.destination:
        said["DestinationArn"] = account.arn("sqs", task.destination)
    if task.rate_max:
        said["MaxNumberOfMessagesPerSecond"] = task.rate_max
    if task.reason:
        said["FailureReason"] = task.reason
    return said
