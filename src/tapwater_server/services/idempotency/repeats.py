"""An invoker that wraps an invoker: a request that comes again with its key is not run again.

Durable before it is told: whoever has the answer gets the same one for a repeat. A crash between
the function's end and the write loses the answer, and a repeat runs the function again.
"""

import asyncio
import json
import logging
from http import HTTPStatus

from tapwater_server.model.errors import Conflict, Invalid, KeyReused, TapwaterError
from tapwater_server.model.invocation import Headers, Invocation, Outcome, Verb
from tapwater_server.ports.invoker import Call, Exchange, Invoker
from tapwater_server.ports.once import Already, Busy, First, Once
from tapwater_server.services.idempotency.answers import (
    KEEP_S,
    NOT_KEPT,
    REPEATED,
    SAFE,
    Place,
    is_kept,
    pack,
    place_of,
    unpack,
)
from tapwater_server.services.idempotency.budget import Budget
from tapwater_server.services.idempotency.keyed import Keyed
from tapwater_server.web import problems

RUN_S_MAX = 24 * 3600.0  # The lease of a function without a time limit.
GRACE_S = 60.0  # A lease is longer than the call can last.
LOOK_AGAIN = (b"retry-after", b"1")
_log = logging.getLogger(__name__)


class Repeats:
    """Stands before the door for requests over HTTP. Calls without a key pass as they are."""

    def __init__(self, inner: Invoker, *, once: Once, budget: Budget) -> None:
        self._inner, self._once, self._budget = inner, once, budget
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.function.idempotent:
            return self._inner.start(invocation, exchange)
        return self._start(invocation, exchange)

    async def close(self) -> None:
        """Wait for the answers that are being written; the calls behind them have ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if invocation.verb is not Verb.HTTP or invocation.method in SAFE:
            return self._inner.start(invocation, exchange)
        keyed = Keyed(invocation, exchange)
        try:
            place = place_of(invocation)
        except Invalid as error:
            keyed.say(*_problem(error))
            return keyed
        if place is None:
            return self._inner.start(invocation, exchange)
        task = asyncio.get_running_loop().create_task(self._answer(keyed, invocation, place))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return keyed

    async def _answer(self, keyed: Keyed, invocation: Invocation, place: Place) -> None:
        try:
            await self._look(keyed, invocation, place)
        except TapwaterError as error:
            keyed.say(*_problem(error))
        except Exception:  # The border of a request: a mistake of ours, or no disk.
            _log.exception("a request with a key broke", extra={"invocation": invocation.id})
            keyed.say(*_problem(TapwaterError("The request could not be looked up.")))

    async def _look(self, keyed: Keyed, invocation: Invocation, place: Place) -> None:
        app, limits = invocation.function.id.app, invocation.function.limits
        lease_s = (limits.timeout_s or RUN_S_MAX) + limits.waiting_s_max + GRACE_S
        begun = await self._once.begin(app, place.scope, place.key, lease_s=lease_s)
        match begun:
            case First(token):
                await self._run(keyed, invocation, place, token)
            case Busy():
                status, headers, body = _problem(Conflict(_UNDER_WAY))
                keyed.say(status, [*headers, LOOK_AGAIN], body)
            case Already(result):
                kept = unpack(result)
                if await keyed.read() != kept.digest:
                    raise KeyReused(_REUSED)
                keyed.say(kept.status, [*kept.headers, REPEATED], kept.body)

    async def _run(self, keyed: Keyed, invocation: Invocation, place: Place, token: str) -> None:
        if keyed.over:  # The caller went before it began.
            await self._once.release(invocation.function.id.app, place.scope, place.key, token)
            return
        outcome = await keyed.run(self._inner)
        try:
            kept = await self._keep(keyed, outcome, invocation, place, token)
        except Exception:  # The function has run: its answer is worth more than our trouble.
            _log.exception("an answer was not kept", extra={"invocation": invocation.id})
            kept = False
        keyed.tell(outcome, *(() if kept else (NOT_KEPT,)))

    async def _keep(
        self, keyed: Keyed, outcome: Outcome, invocation: Invocation, place: Place, token: str
    ) -> bool:
        app = invocation.function.id.app
        result = b""
        if keyed.is_held and is_kept(outcome, keyed.status):
            result = pack(
                digest=keyed.digest,
                status=keyed.status,
                headers=keyed.headers,
                body=keyed.body_held,
            )
        if not result or not self._budget.take(app, len(result)):
            await self._once.release(app, place.scope, place.key, token)
            return False
        return await self._once.commit(
            app, place.scope, place.key, token, keep_s=KEEP_S, result=result
        )


def _problem(error: TapwaterError) -> tuple[int, Headers, bytes]:
    said = problems.problem(error)
    headers = [(b"content-type", problems.MEDIA_TYPE.encode())]
    headers += [(name.encode(), value.encode()) for name, value in problems.headers(error).items()]
    return HTTPStatus(said["status"]), headers, json.dumps(said).encode()


_UNDER_WAY = "The first request with this Idempotency-Key is still being worked on."
_REUSED = "This Idempotency-Key was used for another request: another method, path, query or body."
