"""One delivery, or one batch: through the door, judged, its end told, settled."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from tapwater_server.events.audience import Target
from tapwater_server.events.batching import outcomes
from tapwater_server.events.chains import Chains
from tapwater_server.events.contexts import delivery_span, end_span
from tapwater_server.events.destinations import End
from tapwater_server.events.ends import Ends
from tapwater_server.events.foreign import ForeignDelivering
from tapwater_server.events.notices import Notices
from tapwater_server.events.retry import (
    Ack,
    Again,
    Bury,
    Release,
    RetryPolicy,
    Verdict,
    decide,
    hopeless,
    policy_of,
)
from tapwater_server.events.settling import Settling
from tapwater_server.events.telling import Telling
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.errors import Overloaded, StorageFull, TapwaterError
from tapwater_server.model.invocation import Outcome
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import EXPIRED, Dead, Delivery, Done, Later, Returned
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker, run
from tapwater_server.ports.listening import Serving
from tapwater_server.ports.tracing import Spans, unseen

RESULT_BYTES_MAX = 1 << 20  # What is kept of an answer nobody waited for.
FOR_NOW = (Overloaded, StorageFull)  # Refusals of our own disk: whoever comes again is served.
NOTE_BYTES_MAX = 4 << 10  # What is kept of an answer nobody asked for.


class Delivering:
    """Makes deliveries. What it is given to do ends with each of them handed to ``settling``."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        telling: Telling,
        settling: Settling,
        ends: Ends,
        chains: Chains,
        notices: Notices,
        clock: Clock,
        ids: IdSource,
        spans: Spans = unseen,
        masked: Callable[[str, str], str] | None = None,  # an app's text without its secrets
    ) -> None:
        self._invoker, self._telling = invoker, telling
        self._settling, self._ends, self._chains = settling, ends, chains
        self._notices = notices
        self._clock, self._ids, self._spans = clock, ids, spans
        self._masked = masked
        self.counts = {"acked": 0, "retried": 0, "buried": 0, "released": 0}
        self._foreign = ForeignDelivering(
            invoker=invoker, telling=telling, settling=settling, chains=chains, counts=self.counts
        )

    async def one(self, delivery: Delivery, target: Target) -> None:
        """Make one delivery and settle it."""
        if target.serving is not None:
            await self.several([delivery], target)
            return
        options = self._telling.options(delivery.errand, target)
        self._note_wait(delivery, target)
        reason = await self._refusal(delivery, options)
        if not reason:
            try:
                invocation = await self._telling.one(delivery, target)
                outcome = await run(self._invoker, invocation, body_bytes_max=RESULT_BYTES_MAX)
            except FOR_NOW:
                raise
            except TapwaterError as error:
                reason = error.message
            else:
                await self._obey(delivery, target, options, outcome)
                return
        await self._bury(delivery, target, options, reason)

    async def several(self, deliveries: Sequence[Delivery], target: Target) -> None:
        """Make a batch of deliveries and settle each as it ended."""
        if target.serving is not None:
            await self._hand_over(deliveries, target, target.serving)
            return
        options = target.options
        going = await self._not_refused(deliveries, target)
        if not going:
            return
        try:
            invocation = await self._telling.several(going, target)
            outcome = await run(self._invoker, invocation, body_bytes_max=RESULT_BYTES_MAX)
        except FOR_NOW:
            raise
        except TapwaterError as error:
            for delivery in going:
                await self._bury(delivery, target, options, error.message)
            return
        ended = outcomes(outcome, going)
        for delivery in going:
            await self._obey(delivery, target, options, ended[delivery.errand.id])

    async def _hand_over(
        self, deliveries: Sequence[Delivery], target: Target, serving: Serving
    ) -> None:
        """Let a listener of another room make them."""
        for delivery in deliveries:
            self._note_wait(delivery, target)
        await self._foreign.deliver(
            deliveries,
            serving,
            give_up=lambda delivery, reason: self.give_up(delivery, target, reason),
        )

    async def _not_refused(
        self, deliveries: Sequence[Delivery], target: Target
    ) -> Sequence[Delivery]:
        """Bury what must not even be run; give the rest."""
        going: list[Delivery] = []
        for delivery in deliveries:
            self._note_wait(delivery, target)
            reason = await self._refusal(delivery, target.options)
            if reason:
                await self._bury(delivery, target, target.options, reason)
            else:
                going.append(delivery)
        return going

    def _note_wait(self, delivery: Delivery, target: Target) -> None:
        """Before the first attempt: say in the trace how long it waited."""
        if delivery.begun == 1:
            self._spans(delivery_span(delivery, target, now=self._clock.now()))

    async def _refusal(self, delivery: Delivery, options: DeliveryOptions) -> str:
        """Say why a delivery must not even be run, or nothing."""
        if delivery.errand.depth > CHAIN_DEPTH_MAX:
            return await self._chains.too_long(delivery.errand)
        now = self._clock.now()
        if 0.0 < delivery.errand.expires_at <= now:
            return EXPIRED
        age_s = now - delivery.published_at
        if options.age_s_max is not None and age_s > options.age_s_max:
            return f"it waited longer than {options.age_s_max:g} s"
        return hopeless(attempt=delivery.attempt, lost=delivery.lost, policy=policy_of(options))

    async def _obey(
        self, delivery: Delivery, target: Target, options: DeliveryOptions, outcome: Outcome
    ) -> None:
        if self._masked is not None and outcome.message:
            # Of it the reason is made, which is kept, listed, and told to others.
            told = self._masked(delivery.errand.app, outcome.message)
            outcome = replace(outcome, message=told)
        verdict = self._decide(delivery, target, policy_of(options), outcome)
        match verdict:
            case Ack():
                await self._finish(delivery, target, options, outcome)
            case Again(delay_s, reason):
                self.counts["retried"] += 1
                self._settling.add(delivery, Later(delay_s=delay_s, reason=reason))
            case Release(delay_s):
                self.counts["released"] += 1
                self._settling.add(delivery, Returned(delay_s=delay_s))
            case Bury(reason):
                await self._bury(delivery, target, options, reason, outcome)

    async def _finish(
        self, delivery: Delivery, target: Target, options: DeliveryOptions, outcome: Outcome
    ) -> None:
        """Tell a good end, then settle. An end that nobody takes is kept as a dead letter."""
        where = options.on_success
        try:
            await self._ends.tell(
                where, lambda body: _good(delivery, body, outcome), delivery, target
            )
        except TapwaterError as error:
            reason = f"it went well, but {where} could not be told: {error.message}"
            self.give_up(delivery, target, reason)
            return
        self.counts["acked"] += 1
        self._settling.add(delivery, Done(result=_result(delivery, outcome)))

    def _decide(
        self, delivery: Delivery, target: Target, policy: RetryPolicy, outcome: Outcome
    ) -> Verdict:
        return decide(
            outcome,
            attempt=delivery.attempt,
            age_s=self._clock.now() - delivery.published_at,
            chance=self._ids.chance(),
            policy=policy,
            answers=not target.queue and not delivery.errand.event,
        )

    async def _bury(
        self,
        delivery: Delivery,
        target: Target,
        options: DeliveryOptions,
        reason: str,
        outcome: Outcome | None = None,
    ) -> None:
        where = options.on_failure
        try:
            await self._ends.tell(
                where, lambda body: _bad(delivery, body, reason, outcome), delivery, target
            )
        except TapwaterError as error:
            reason = f"{reason} (and {where} could not be told: {error.message})"
        self.give_up(delivery, target, reason)

    def give_up(self, delivery: Delivery, target: Target | None, reason: str) -> None:
        """Keep it as a dead letter, and say so in the app's log."""
        self.counts["buried"] += 1
        self._settling.add(delivery, Dead(reason=reason))
        self._notices.gave_up(delivery, target, reason)
        self._spans(end_span(delivery, target, reason, now=self._clock.now()))


def _result(delivery: Delivery, outcome: Outcome) -> bytes:
    """What is kept of the answer: all that a background call gave, a glimpse of all else."""
    asked_for = bool(delivery.errand.function) and not delivery.errand.event
    body = outcome.body if asked_for else outcome.body[:NOTE_BYTES_MAX]
    return msgspec.json.encode({"status": outcome.status, "body": body.decode("utf-8", "replace")})


def _good(delivery: Delivery, body: bytes, outcome: Outcome) -> End:
    return End(
        delivery=delivery,
        body=body,
        good=True,
        status=outcome.status,
        answer=outcome.body.decode("utf-8", "replace"),
    )


def _bad(delivery: Delivery, body: bytes, reason: str, outcome: Outcome | None) -> End:
    return End(
        delivery=delivery,
        body=body,
        good=False,
        reason=reason,
        status=0 if outcome is None else outcome.status,
        answer="" if outcome is None else outcome.body.decode("utf-8", "replace"),
    )
