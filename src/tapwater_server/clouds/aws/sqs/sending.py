"""Sends messages: drafts to errands on the bus, in FIFO queues each of them once."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.post.parcels import NO_CHAIN, Chain
from tapwater_server.clouds.aws.shapes.sqs_record import message_id, record_of, uuid_of
from tapwater_server.clouds.aws.sqs.attributes import DEDUPE_S
from tapwater_server.clouds.aws.sqs.book import Queue
from tapwater_server.clouds.aws.sqs.drafting import Draft, dedupe_ids, errand_of
from tapwater_server.ports.bus import Bus, Errand, ErrandState
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

_STEP = 10_000  # Sequence numbers to a microsecond: twenty digits, as in SQS.


@dataclass(frozen=True, slots=True)
class Sent:
    """What a message was given."""

    id: str
    sequence: str = ""


class Sender:
    """Puts messages into queues; what it has returned from is on disk."""

    def __init__(self, *, bus: Bus, clock: Clock, ids: IdSource) -> None:
        self._bus, self._clock, self._ids = bus, clock, ids
        self._last = 0

    async def send(
        self,
        caller: Caller,
        queue: Queue,
        drafts: Sequence[Draft],
        *,
        ids: Sequence[str] = (),
        chain: Chain = NO_CHAIN,
    ) -> Sequence[Sent]:
        """Send several. With ``ids``, one whose id was sent before changes nothing."""
        now, errands = self._clock.now(), dict[str, Errand]()
        sent: list[Sent] = []
        for place, draft in enumerate(drafts):
            id = ids[place] if ids else uuid_of(self._ids.fresh())
            if draft.dedupe:
                id, before = dedupe_ids(draft, queue, now=now)
                found = await self._seen(id, before, now)
                if found is not None:
                    sent.append(found)
                    continue
            if id not in errands:
                errands[id] = errand_of(
                    draft,
                    queue,
                    id=id,
                    app=caller.account.home,
                    sender=caller.id or caller.account.id,
                    sequence=self._next(now) if queue.fifo else "",
                    now=now,
                    chain=chain,
                )
            sent.append(_sent(errands[id]))
        if errands:
            await self._bus.publish(list(errands.values()))
        return sent

    async def _seen(self, id: str, before: str, now: float) -> Sent | None:
        for earlier in (id, before):
            state = await self._bus.state(earlier)
            if state is not None and state.published_at > now - DEDUPE_S:
                return _sent(_errand(state))
        return None

    def _next(self, now: float) -> str:
        """Number messages, rising, also after a restart."""
        self._last = max(self._last + 1, int(now * 1_000_000) * _STEP)
        return f"{self._last:020d}"


def _errand(state: ErrandState) -> Errand:
    return Errand(
        id=state.id,
        app=state.app,
        line=state.line,
        body=b"",
        attributes=state.attributes,
        key=state.key,
    )


def _sent(errand: Errand) -> Sent:
    return Sent(message_id(errand.id), record_of(errand).marks.get("sequence", ""))
