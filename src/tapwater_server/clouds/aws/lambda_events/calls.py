"""Makes the calls that nobody waits for: the line of each Lambda function."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.callees import Callee, Callees, Request
from tapwater_server.clouds.aws.lambda_events.ends import Ends
from tapwater_server.clouds.aws.lambda_events.later import Call, uuid_of
from tapwater_server.clouds.aws.lambda_events.verdicts import (
    DELAYS_S,
    End,
    Terms,
    judge,
    terms_of,
    throttled_s,
)
from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.clouds.aws.shapes.ended import EXHAUSTED, TOO_OLD, Ended
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId, parse_function_id
from tapwater_server.ports.bus import (
    Dead,
    Delivery,
    Done,
    Errand,
    Returned,
    Settlement,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.listening import Door, Serving, Told

RESULT_BYTES_MAX = 64 << 10  # What is kept of an answer nobody waited for.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One attempt at a call."""

    account: Account
    call: Call
    delivery: Delivery
    terms: Terms


class AsyncCalls:
    """Keeps ``ports.listening.Listeners`` for the lines of Lambda functions."""

    def __init__(
        self,
        *,
        callees: Callees,
        ends: Ends,
        clock: Clock,
        delays_s: tuple[float, ...] = DELAYS_S,
    ) -> None:
        self._callees, self._ends, self._clock = callees, ends, clock
        self._delays_s = delays_s

    def serving(self, line: str) -> Serving | None:
        kind, _, name = line.partition(":")
        if kind != "f":
            return None
        id = parse_function_id(name)
        owner = self._callees.owner(id.app)
        if owner is None or owner.function.id != id:
            return None
        limits = owner.function.limits
        seats = limits.instances_max * limits.concurrency
        return Serving(listener=self, app=id.app, function=owner.function, seats=max(1, seats))

    def heard(self, event: Event) -> Sequence[Errand]:
        return ()

    def watch(self, told: Callable[[], None]) -> None:
        """The registry tells of functions that come and go."""

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        return [await self._one(delivery, door) for delivery in deliveries]

    async def _one(self, delivery: Delivery, door: Door) -> Settlement:
        call = self._call_of(delivery.errand)
        if call is None:
            return Dead("there is no such function any more")
        account = Account(id=call.account, home=AppId(call.home), region=call.region)
        try:
            callee = self._callees.find(account, call.name, by=delivery.errand.id)
        except AwsError as error:
            return Dead(f"{error.code}: {error.message}")
        terms = terms_of(
            self._callees.async_settings(account, call.name),
            dead_letters=callee.dead_letters,
            delays_s=self._delays_s,
        )
        turn = _Turn(account=account, call=call, delivery=delivery, terms=terms)
        age_s = self._clock.now() - delivery.published_at
        if age_s > terms.age_s_max:
            return await self._end(turn, None, TOO_OLD)
        if not self._callees.enter(callee):
            return Returned(throttled_s(age_s))
        try:
            return await self._call(turn, callee, door)
        finally:
            self._callees.leave(callee)

    def _call_of(self, errand: Errand) -> Call | None:
        """Read what is kept beside the payload; our own interfaces call functions, too."""
        if errand.attributes:
            return msgspec.json.decode(errand.attributes, type=Call)
        owner = self._callees.owner(parse_function_id(errand.function).app)
        if owner is None:
            return None
        account = owner.account
        return Call(
            account=account.id,
            home=account.home,
            region=account.region,
            name=owner.name,
            request=uuid_of(errand.id),
        )

    async def _call(self, turn: _Turn, callee: Callee, door: Door) -> Settlement:
        errand, call = turn.delivery.errand, turn.call
        request = Request(
            id=call.request,
            client_context=call.client_context,
            trace=errand.trace,
            root=errand.root,
            depth=errand.depth,
        )
        told = Told(
            revision=callee.revision,
            function=callee.function,
            body=errand.body,
            headers=self._callees.headers(callee, request),
        )
        outcome = await door(told)
        called = self._callees.answered(callee, outcome, request=call.request)
        verdict = judge(
            outcome,
            called,
            attempt=turn.delivery.attempt,
            age_s=self._clock.now() - turn.delivery.published_at,
            terms=turn.terms,
        )
        if isinstance(verdict, End):
            return await self._end(turn, called, verdict.condition)
        return verdict

    async def _end(self, turn: _Turn, called: Called | None, condition: str) -> Settlement:
        """Tell the end, then settle. What failed is kept as a dead letter, told or not."""
        delivery = turn.delivery
        ended = Ended(
            request=turn.call.request,
            arn=qualified(turn.call.name),
            condition=condition,
            count=delivery.attempt if called is not None else delivery.attempt - 1,
            payload=delivery.errand.body,
            version=called.version if called is not None else "",
            error=called.error if called is not None else "",
            answer=called.payload if called is not None else b"",
            at=self._clock.now(),
        )
        trouble = await self._ends.tell(turn.account, ended, turn.terms, delivery.errand)
        if ended.good and not trouble:
            return Done(result=_result(ended.answer))
        return Dead(_reason(ended, trouble))


def qualified(arn: str) -> str:
    """Name a function with the version that it means without one.

    >>> qualified("arn:aws:lambda:us-east-1:000000000000:function:fn")
    'arn:aws:lambda:us-east-1:000000000000:function:fn:$LATEST'
    """
    return arn if ":" in arn.partition(":function:")[2] else f"{arn}:$LATEST"


def _result(answer: bytes) -> bytes:
    body = answer[:RESULT_BYTES_MAX].decode("utf-8", "replace")
    return msgspec.json.encode({"status": 200, "body": body})


def _reason(ended: Ended, trouble: str) -> str:
    if ended.good:
        return f"it went well, but {trouble}"
    answer = ended.answer[:500].decode("utf-8", "replace")
    attempts = f"{ended.count} attempts" if ended.condition == EXHAUSTED else "it is too old"
    reason = f"{ended.condition}: {attempts}; {ended.error} {answer}".rstrip("; ")
    return f"{reason} (and {trouble})" if trouble else reason
