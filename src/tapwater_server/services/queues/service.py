"""Queues: send, receive, delete, look; each message is an errand on its queue's line of the bus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tapwater_server.model.errors import Invalid, NotFound, Overloaded, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message, unpack
from tapwater_server.ports.bus import (
    Bus,
    Dead,
    Delivery,
    Done,
    Errand,
    ErrandState,
    Filter,
    Later,
    LineStats,
    Returned,
    Settlement,
    queue_line,
)
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.queues import VISIBILITY_S_MAX, Queues, QueueSettings
from tapwater_server.services.queues.arrivals import Arrivals
from tapwater_server.services.queues.receipts import delivery_of, receipt_of
from tapwater_server.services.queues.sending import (
    Chain,
    Draft,
    Sent,
    check,
    check_name,
    dedupe_ids,
    errand_of,
)

BATCH_MAX = 100  # Messages sent, received or deleted at once.
WAIT_S_MAX = 20.0  # Of a long poll, as in SQS.
_STATES = frozenset({"", "waiting", "leased", "done", "dead"})
PAGE_MAX = 1_000  # Messages looked at, revived or dropped in one go.


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message somebody has for a while."""

    id: str
    receipt: str
    message: Message
    key: str
    priority: int
    attempt: int
    sent_at: float
    visible_at: float  # when others get it, unless it is deleted before
    seq: int


class QueueService:
    """What an app may do with its queues."""

    def __init__(self, *, queues: Queues, bus: Bus, clock: Clock, ids: IdSource) -> None:
        self._queues, self._bus, self._clock, self._ids = queues, bus, clock, ids
        self.arrivals = Arrivals(bus=bus)

    async def send(
        self, app: AppId, queue: str, drafts: Sequence[Draft], *, chain: Chain
    ) -> Sequence[Sent]:
        """Send several; each is taken or refused by itself, and what is taken is on disk."""
        check_name(queue, what="queue")
        check_count(len(drafts))
        results: list[Sent] = []
        errands: list[Errand] = []
        settings, now = self._queues.settings(app, queue), self._clock.now()
        for draft in drafts:
            try:
                check(draft)
            except TapwaterError as error:
                results.append(Sent(error=error))
                continue
            sent = await self._name(app, queue, draft, settings, now)
            if any(errand.id == sent.id for errand in errands):
                sent = replace(sent, duplicate=True)
            results.append(sent)
            if not sent.duplicate:
                errands.append(
                    errand_of(
                        draft,
                        id=sent.id,
                        app=app,
                        queue=queue,
                        settings=settings,
                        chain=chain,
                        now=now,
                    )
                )
        if errands:
            await self._bus.publish(errands)
        return results

    async def receive(
        self,
        app: AppId,
        queue: str,
        *,
        count: int,
        wait_s: float,
        visibility_s: float | None,
        bytes_max: int,
    ) -> Sequence[Received]:
        """Take up to ``count`` messages; wait up to ``wait_s`` for the first. The bodies together
        have at most ``bytes_max`` bytes, unless the first has more.
        """
        check_name(queue, what="queue")
        check_count(count)
        if not 0 <= wait_s <= WAIT_S_MAX:
            raise Invalid(f"one can wait from 0 to {WAIT_S_MAX:g} seconds")
        settings, line = self._queues.settings(app, queue), queue_line(app, queue)
        lease_s = settings.visibility_s if visibility_s is None else visibility_s
        check_visibility(lease_s, low=0.001)
        if wait_s and self.arrivals.full:
            raise Overloaded("too many are waiting for messages already")
        until = self._clock.monotonic() + wait_s
        with self.arrivals.expecting(line) as arrived:
            while True:
                arrived.clear()
                found = await self._take(app, queue, count=count, lease_s=lease_s)
                left_s = until - self._clock.monotonic()
                if found or left_s <= 0:
                    return [_received(one) for one in await self._fitting(found, bytes_max)]
                await wait_either(arrived, clock=self._clock, seconds=left_s)

    async def delete(self, app: AppId, queue: str, receipts: Sequence[str]) -> Sequence[bool]:
        """Say that messages are dealt with; False: too late, somebody else may have it now."""
        return await self._settle(app, queue, receipts, Done())

    async def hide(
        self, app: AppId, queue: str, receipts: Sequence[str], *, visibility_s: float
    ) -> Sequence[bool]:
        """Let messages be hidden until so long from now; 0: give them back at once."""
        check_visibility(visibility_s, low=0.0)
        if visibility_s == 0:
            return await self._settle(app, queue, receipts, Later(0.0, "given back"))
        results = []
        for delivery in await self._held(app, queue, receipts):
            if delivery is None:
                results.append(False)
            else:
                extended = await self._bus.extend(delivery, lease_s=visibility_s)
                results.append(extended is not None)
        return results

    async def peek(
        self, app: AppId, queue: str, *, state: str, after: str, count: int
    ) -> Sequence[ErrandState]:
        """Look at messages without taking them, newest first; ``state`` "" means all open ones."""
        check_name(queue, what="queue")
        if state not in _STATES:
            raise Invalid(
                f"a message is {', '.join(sorted(_STATES - {''}))}, and not {state[:50]!r}"
            )
        wanted = Filter(app=app, state=state, line=queue_line(app, queue))
        return await self._bus.list(wanted, after=after, count_max=min(count, PAGE_MAX))

    async def message(self, app: AppId, queue: str, id: str) -> ErrandState:
        """Look at one, with its body.

        Raises:
            NotFound: the queue has no such message, or it was swept.
        """
        found = await self._bus.state(id)
        if found is None or found.app != app or found.line != queue_line(app, queue):
            raise NotFound(f"the queue has no message {id[:64]}")
        return found

    async def purge(self, app: AppId, queue: str) -> int:
        """Drop what is waiting. What somebody has taken stays with them, dead letters stay."""
        check_name(queue, what="queue")
        line = queue_line(app, queue)
        return await self._drop(Filter(app=app, line=line, state="waiting"))

    async def redrive(self, app: AppId, queue: str, ids: Sequence[str]) -> int:
        """Let dead letters wait again: those named, or all."""
        wanted = self._dead(app, queue, ids)
        return len(await self._bus.revive(wanted, count_max=PAGE_MAX))

    async def drop_dead(self, app: AppId, queue: str, ids: Sequence[str]) -> int:
        return await self._drop(self._dead(app, queue, ids))

    async def stats(self, app: AppId) -> Mapping[str, LineStats]:
        """Say how the queues of an app stand that have a message or settings."""
        start = queue_line(app, "")
        lines = {
            one.line.removeprefix(start): one
            for one in await self._bus.lines(app)
            if one.line.startswith(start)
        }
        for queue in self._queues.configured(app):
            lines.setdefault(queue, _nothing(app, queue))
        return dict(sorted(lines.items()))

    async def remove(self, app: AppId, queue: str) -> None:
        """Drop a queue: its messages, dead letters, settings and subscriptions."""
        check_name(queue, what="queue")
        await self._queues.remove(app, queue)
        await self._drop(Filter(app=app, line=queue_line(app, queue)))

    async def move_dead(self, app: AppId, queue: str, to: str, *, ids: Sequence[str] = ()) -> int:
        """Move dead letters into another queue, each with an id made from its old one: moving
        twice is moving once.
        """
        check_name(to, what="queue")
        settings, now = self._queues.settings(app, to), self._clock.now()
        found = await self._bus.list(self._dead(app, queue, ids), count_max=PAGE_MAX)
        moving = []
        for listed in reversed(found):
            state = await self._bus.state(listed.id)
            if state is not None:
                draft = _moved(state)
                errand = errand_of(
                    draft,
                    id=f"{state.id}.{state.attempt + state.lost}",
                    app=app,
                    queue=to,
                    settings=settings,
                    chain=Chain(root=state.root, depth=state.depth),
                    now=now,
                )
                moving.append((state.id, errand))
        if moving:
            await self._bus.publish([errand for _, errand in moving])
            await self._drop(self._dead(app, queue, [id for id, _ in moving]))
        return len(moving)

    async def _name(
        self, app: AppId, queue: str, draft: Draft, settings: QueueSettings, now: float
    ) -> Sent:
        """Give a message its id; one with a dedupe id may have been sent before."""
        if not draft.dedupe or not settings.dedupe_s:
            return Sent(id=draft.id or self._ids.fresh())
        id, before = dedupe_ids(
            queue_line(app, queue), draft.dedupe, now=now, window_s=settings.dedupe_s
        )
        for earlier in (id, before):
            state = await self._bus.state(earlier)
            if state is not None and state.published_at > now - settings.dedupe_s:
                return Sent(id=earlier, duplicate=True)
        return Sent(id=id)

    async def _take(
        self, app: AppId, queue: str, *, count: int, lease_s: float
    ) -> Sequence[Delivery]:
        """Lease messages; those that were taken too often already are given up on instead."""
        settings, line = self._queues.settings(app, queue), queue_line(app, queue)
        while True:
            leased = await self._bus.lease(line, count_max=count, lease_s=lease_s, outlives=True)
            most = settings.attempts_max
            good = [one for one in leased if not most or one.begun <= most]
            worn = [one for one in leased if most and one.begun > most]
            if worn:
                dead = Dead(f"received {settings.attempts_max} times and never deleted")
                await self._bus.settle([(one, dead) for one in worn])
                if settings.dead_letters:
                    await self.move_dead(app, queue, settings.dead_letters)
            if good or not worn:
                return good

    async def _fitting(self, found: Sequence[Delivery], bytes_max: int) -> Sequence[Delivery]:
        """Give back what would be too much to carry at once."""
        taken, size = 0, 0
        for delivery in found:
            size += len(delivery.errand.body)
            if taken and size > bytes_max:
                break
            taken += 1
        await self._bus.settle([(one, Returned()) for one in found[taken:]])
        return found[:taken]

    async def _settle(
        self, app: AppId, queue: str, receipts: Sequence[str], settlement: Settlement
    ) -> Sequence[bool]:
        held = await self._held(app, queue, receipts)
        settled = await self._bus.settle([(one, settlement) for one in held if one is not None])
        verdicts = iter(settled)
        return [one is not None and next(verdicts) for one in held]

    async def _held(
        self, app: AppId, queue: str, receipts: Sequence[str]
    ) -> Sequence[Delivery | None]:
        """Read receipts; None for what is not (or no longer) a message of this queue."""
        check_name(queue, what="queue")
        check_count(len(receipts))
        line = queue_line(app, queue)
        said = [delivery_of(receipt, app=app, line=line) for receipt in receipts]
        ids = tuple(one.errand.id for one in said)
        states = await self._bus.list(Filter(app=app, line=line, ids=ids), count_max=len(ids))
        ours = {state.id for state in states}
        return [one if one.errand.id in ours else None for one in said]

    def _dead(self, app: AppId, queue: str, ids: Sequence[str]) -> Filter:
        check_name(queue, what="queue")
        return Filter(app=app, line=queue_line(app, queue), state="dead", ids=tuple(ids))

    async def _drop(self, wanted: Filter) -> int:
        dropped = 0
        while gone := await self._bus.drop(wanted, count_max=PAGE_MAX):
            dropped += len(gone)
        return dropped


def check_count(count: int) -> None:
    """Refuse none, and too many.

    Raises:
        Invalid: it is either.
    """
    if not 1 <= count <= BATCH_MAX:
        raise Invalid(f"from 1 to {BATCH_MAX} messages at a time")


def check_visibility(visibility_s: float, *, low: float) -> None:
    """Refuse a time nobody may hide a message for.

    Raises:
        Invalid: it is one.
    """
    if not low <= visibility_s <= VISIBILITY_S_MAX:
        raise Invalid(f"a message is hidden for at most {VISIBILITY_S_MAX:g} seconds")


def _received(delivery: Delivery) -> Received:
    errand = delivery.errand
    return Received(
        id=errand.id,
        receipt=receipt_of(delivery),
        message=unpack(errand.body, errand.attributes),
        key=errand.key,
        priority=errand.priority,
        attempt=delivery.begun,  # Not deleting it is all a receiver can do to say that it failed.
        sent_at=delivery.published_at,
        visible_at=delivery.leased_until,
        seq=delivery.seq,
    )


def _moved(state: ErrandState) -> Draft:
    """A dead letter as it comes into its new queue: as it was, and why it died."""
    message = unpack(state.body, state.attributes)
    attributes = {
        **message.attributes,
        "dead-from": state.line.rpartition(":")[2],
        "dead-reason": state.reason[:500],
    }
    return Draft(
        message=Message(
            body=message.body,
            content_type=message.content_type,
            attributes=attributes,
            marks=message.marks,
        ),
        key=state.key,
        delay_s=0.0,
    )


def _nothing(app: AppId, queue: str) -> LineStats:
    return LineStats(
        line=queue_line(app, queue), app=app, waiting=0, delayed=0, leased=0, dead=0, oldest_at=0.0
    )
