"""What requests used goes to the meter: of clients at once, of functions with their calls.

What a function's call used is kept with the call, and goes out with its one record. Only what it
uses after that, in work it left behind, is a use by itself: so that each counts once.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

from tapwater_server.model.invocation import Invocation
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Meter, Use, user_id
from tapwater_server.web.asked import Asked
from tapwater_server.web.dispatch import Said

EVERY_S = 1.0  # An answer that goes on for hours is counted while it goes.


class Using:
    """Takes what was counted (``Asked.count``) to where it is added up."""

    def __init__(self, *, meter: Meter, clock: Clock) -> None:
        self._meter, self._clock = meter, clock

    def take(self, asked: Asked) -> None:
        """Take what there is by now."""
        if not asked.used:
            return
        used, asked.used = asked.used, {}
        caller = asked.caller
        if caller is None:
            self._note(used, app=asked.app, user=asked.who.user)
        elif caller.noted:
            id = caller.function.id
            self._note(used, app=id.app, function=id.name, user=user_id(caller.user))
        else:
            _pour(caller, used)

    def _note(
        self, used: dict[str, float], *, app: str, user: str = "", function: str = ""
    ) -> None:
        now = self._clock.now()
        for quantity, amount in used.items():
            self._meter.use(
                Use(
                    at=now,
                    app=app,
                    function=function,
                    user=user,
                    quantity=quantity,
                    amount=amount,
                )
            )

    def counted(self, asked: Asked, said: Said) -> Said:
        """Count the answer of a client's request, with its bytes, as it goes out."""
        head = asked.method == "HEAD"  # Its body stays here.
        if not isinstance(said.body, bytes):
            self.take(asked)  # What was done is done, even if nobody waits for the rest.

            def count(size: int) -> None:
                if not head:
                    asked.count(asked.bytes_out, size)

            take = partial(self.take, asked)
            return replace(
                said, body=counted_pieces(said.body, count=count, take=take, clock=self._clock)
            )
        if said.body and not head:
            asked.count(asked.bytes_out, len(said.body))
        self.take(asked)
        return said


def _pour(caller: Invocation, used: dict[str, float]) -> None:
    if caller.used is None:
        caller.used = used
        return
    for quantity, amount in used.items():
        caller.used[quantity] = caller.used.get(quantity, 0) + amount


async def counted_pieces(
    chunks: AsyncIterator[bytes],
    *,
    count: Callable[[int], None],
    take: Callable[[], None],
    clock: Clock,
) -> AsyncIterator[bytes]:
    """Pass the pieces of an answer on, counting their bytes; ``take`` what there is now and then,
    and at the end.
    """
    taken_at = clock.monotonic()
    try:
        async for chunk in chunks:
            count(len(chunk))
            if clock.monotonic() - taken_at >= EVERY_S:
                taken_at = clock.monotonic()
                take()
            yield chunk
    finally:
        take()
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
