"""Deliveries to listeners of other rooms: they say what becomes of each, this obeys."""

from collections.abc import Callable, Sequence
from functools import partial

from tapwater_server.events.chains import Chains
from tapwater_server.events.retry import LOST_MAX
from tapwater_server.events.settling import Settling
from tapwater_server.events.telling import Telling
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.invocation import Ending, Outcome, Usage
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Dead, Delivery, Done, Later, Moved, Returned, Settlement
from tapwater_server.ports.invoker import Invoker, run
from tapwater_server.ports.listening import Serving, Told

GiveUp = Callable[[Delivery, str], None]


class ForeignDelivering:
    """Hands deliveries to who serves their line, and settles them as it says."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        telling: Telling,
        settling: Settling,
        chains: Chains,
        counts: dict[str, int],
    ) -> None:
        self._invoker, self._telling = invoker, telling
        self._settling, self._chains = settling, chains
        self._counts = counts

    async def deliver(
        self, deliveries: Sequence[Delivery], serving: Serving, *, give_up: GiveUp
    ) -> None:
        """Have them made; what must not be made any more is given up."""
        going: list[Delivery] = []
        for delivery in deliveries:
            reason = await self._refusal(delivery)
            if reason:
                give_up(delivery, reason)
            else:
                going.append(delivery)
        if not going:
            return
        settlements = await serving.listener.deliver(going, partial(self._call, going[0]))
        for delivery, settlement in zip(going, settlements, strict=True):
            self._settle(delivery, settlement, give_up)

    async def _call(self, first: Delivery, told: Told) -> Outcome:
        invocation = self._telling.foreign(first, told)
        try:
            return await run(self._invoker, invocation, body_bytes_max=told.answer_bytes_max)
        except TooLarge as error:
            return Outcome(ending=Ending.USER_ERROR, usage=Usage(), message=error.message)

    async def _refusal(self, delivery: Delivery) -> str:
        """Say why it must not even be handed over, or nothing."""
        if delivery.errand.depth > CHAIN_DEPTH_MAX:
            return await self._chains.too_long(delivery.errand)
        if delivery.lost > LOST_MAX:
            return f"lost {delivery.lost} times: the platform ended each time while it ran"
        return ""

    def _settle(self, delivery: Delivery, settlement: Settlement, give_up: GiveUp) -> None:
        match settlement:
            case Dead(reason):
                give_up(delivery, reason)
                return
            case Done():
                self._counts["acked"] += 1
            case Later() | Moved():
                self._counts["retried"] += 1
            case Returned():
                self._counts["released"] += 1
        self._settling.add(delivery, settlement)
