"""What becomes of received messages: deleted, or hidden for longer or less long."""

from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sqs.book import Queue
from tapwater_server.clouds.aws.sqs.errors import invalid_value
from tapwater_server.clouds.aws.sqs.receipts import Receipt, receipt_of
from tapwater_server.ports.bus import Bus, Done, ErrandState, Filter
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.queues import VISIBILITY_S_MAX

_GONE = "Message does not exist or is not available for visibility timeout change."
_OVER = "The receipt handle has expired."


class Holder:
    """Settles what a receipt handle names. Troubles are given back: in a batch each is its own."""

    def __init__(self, *, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock

    async def delete(
        self, account: Account, queue: Queue, handles: Sequence[str]
    ) -> Sequence[AwsError | None]:
        """Say that messages are dealt with."""
        read = [self._read(account, queue, handle) for handle in handles]
        troubles: list[AwsError | None] = []
        held: list[Receipt] = []
        for handle, one in zip(handles, read, strict=True):
            trouble = one if isinstance(one, AwsError) else await self._late(queue, handle, one)
            troubles.append(trouble)
            if trouble is None and not isinstance(one, AwsError):
                held.append(one)
        done = await self._bus.settle([(one.delivery, Done()) for one in held])
        late = [one for one, settled in zip(held, done, strict=True) if not settled]
        if late and not queue.fifo:  # There an old handle still deletes its message.
            ids = tuple(one.delivery.errand.id for one in late)
            wanted = Filter(app=account.home, line=queue.line, ids=ids)
            await self._bus.drop(wanted, count_max=len(ids), leased=True)
        return troubles

    async def hide(
        self, account: Account, queue: Queue, handle: str, *, visibility_s: int
    ) -> AwsError | None:
        """Let a message come back so long from now; 0: at once."""
        receipt = self._read(account, queue, handle)
        if isinstance(receipt, AwsError):
            return receipt
        if not 0 <= visibility_s <= VISIBILITY_S_MAX:
            reason = f"VisibilityTimeout must be >= 0 and <= {VISIBILITY_S_MAX:.0f}"
            return invalid_value(visibility_s, "VisibilityTimeout", reason)
        if self._clock.now() + visibility_s > receipt.received_at + VISIBILITY_S_MAX + 1:
            return invalid_value(
                visibility_s,
                "VisibilityTimeout",
                f"Total VisibilityTimeout for the message is beyond the limit "
                f"[{VISIBILITY_S_MAX:.0f} seconds].",
            )
        if await self._bus.extend(receipt.delivery, lease_s=visibility_s) is not None:
            return None
        return await self._hide_late(queue, handle, receipt, visibility_s)

    async def _hide_late(
        self, queue: Queue, handle: str, receipt: Receipt, visibility_s: int
    ) -> AwsError | None:
        """In a standard queue an old handle still hides its message, if somebody has it."""
        state = await self._state(queue, receipt)
        if state is None or state.state in {"done", "dead"}:
            return invalid_value(handle, "ReceiptHandle", _GONE)
        if queue.fifo:
            return invalid_value(handle, "ReceiptHandle", _OVER)
        held = replace(receipt.delivery, seq=state.seq, lease=state.lease, attempt=state.attempt)
        if await self._bus.extend(held, lease_s=visibility_s) is not None:
            return None
        return AwsError("MessageNotInflight", "The specified message is not in flight.")

    async def _late(self, queue: Queue, handle: str, receipt: Receipt) -> AwsError | None:
        """In a FIFO queue a handle is good only as long as the message is hidden."""
        if not queue.fifo or receipt.delivery.leased_until > self._clock.now():
            return None
        state = await self._state(queue, receipt)
        if state is None or state.state in {"leased", "done"}:
            return None
        return invalid_value(handle, "ReceiptHandle", _OVER)

    async def _state(self, queue: Queue, receipt: Receipt) -> ErrandState | None:
        errand = receipt.delivery.errand
        state = await self._bus.state(errand.id)
        if state is None or (state.app, state.line) != (errand.app, queue.line):
            return None
        return state

    def _read(self, account: Account, queue: Queue, handle: str) -> Receipt | AwsError:
        try:
            return receipt_of(handle, app=account.home, line=queue.line)
        except AwsError as error:
            return error
