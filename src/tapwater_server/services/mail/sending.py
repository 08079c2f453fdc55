"""Carries letters from the outbox to their servers, again and again until one is taken."""

import asyncio
import logging

from tapwater_server.model.errors import Overloaded, StorageFull, TapwaterError
from tapwater_server.model.letter import Letter, Stage
from tapwater_server.model.trace import read_traceparent
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mail import Carrier, Outbox, Refused, Server, Settled
from tapwater_server.ports.tracing import Tracer
from tapwater_server.services.mail.post import Ways

AT_ONCE_MAX = 4
LEASE_S = 300.0  # Longer than any attempt takes.
AGAIN_S = 1.0  # After the outbox could not be used.
# A server that has not answered is left alone for so long, and each time twice as long: its
# letters fail at once, and do not keep those of others waiting.
SILENT_S = 60.0
SILENT_S_MAX = 3600.0
SILENT_MAX = 1_000  # Servers remembered so; the first is forgotten first.
ATTEMPTS_MAX = 16  # With these delays: about three days.
DELAY_FIRST_S = 30.0
DELAY_S_MAX = 6 * 3600.0
IDLE_S_MAX = 60.0
_log = logging.getLogger(__name__)


def decide(error: TapwaterError | None, *, attempt: int, now: float, chance: float) -> Settled:
    """Say what becomes of a letter after an attempt. Pure.

    >>> decide(None, attempt=1, now=0.0, chance=0.0).stage
    <Stage.SENT: 'sent'>
    """
    if error is None:
        return Settled(stage=Stage.SENT)
    final = isinstance(error, Refused) and error.final
    if final or attempt >= ATTEMPTS_MAX:
        return Settled(stage=Stage.DEAD, reason=error.message)
    delay_s = min(DELAY_S_MAX, DELAY_FIRST_S * 2 ** (attempt - 1))
    return Settled(
        stage=Stage.WAITING, reason=error.message, due_at=now + delay_s * (0.75 + chance / 2)
    )


class Sender:
    """The loop that empties the outbox."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        ways: Ways,
        carrier: Carrier,
        clock: Clock,
        ids: IdSource,
        tracer: Tracer,
    ) -> None:
        self._outbox, self._ways, self._carrier = outbox, ways, carrier
        self._tracer = tracer
        self._clock, self._ids = clock, ids
        self._silent: dict[tuple[str, int], tuple[float, float]] = {}  # servers: since, how long

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                if await self.step() == 0:
                    await self._wait()
            except Exception:  # The border of a loop's step: a full disk is no end of all mail.
                _log.exception("the outbox could not be emptied")
                await self._clock.sleep(AGAIN_S)

    async def step(self) -> int:
        """Try what is due; say how many letters that were."""
        letters = await self._outbox.lease(
            now=self._clock.now(), lease_s=LEASE_S, count_max=AT_ONCE_MAX
        )
        async with asyncio.TaskGroup() as group:
            for letter in letters:
                group.create_task(self._try(letter))
        return len(letters)

    async def _try(self, letter: Letter) -> None:
        failed: TapwaterError | None = None
        step = self._tracer.begin(
            f"mail {letter.id}", "mail", app=letter.app, parent=read_traceparent(letter.trace)
        )
        try:
            way = self._ways.of(letter.app)
            if way.server is None:
                raise Refused("there is no server for mail any more", final=True)
            await self._carry(letter, way.server)
        except TapwaterError as error:
            failed = error
            _log.warning(
                "a letter was not taken",
                extra={"app": letter.app, "letter": letter.id, "reason": error.message},
            )
        facts = {"letter": letter.id, "attempt": str(letter.attempt)}
        step.end(ok=failed is None, facts=facts | ({"error": failed.message} if failed else {}))
        now = self._clock.now()
        settled = decide(failed, attempt=letter.attempt, now=now, chance=self._ids.chance())
        await self._settle(letter, settled, until=self._clock.monotonic() + LEASE_S)

    async def _carry(self, letter: Letter, server: Server) -> None:
        """Carry a letter, unless its server was silent a moment ago.

        Raises:
            Refused: it was not taken.
        """
        place, now = (server.host, server.port), self._clock.monotonic()
        since, wait_s = self._silent.get(place, (0.0, 0.0))
        if now < since + wait_s:
            raise Refused(f"{server.host} has not answered a moment ago", final=False)
        try:
            await self._carrier.carry(letter, server)
        except Refused as error:
            self._silent.pop(place, None)
            if error.silent:
                self._note_silence(place, min(max(SILENT_S, wait_s * 2), SILENT_S_MAX))
            raise
        self._silent.pop(place, None)

    def _note_silence(self, place: tuple[str, int], wait_s: float) -> None:
        if len(self._silent) >= SILENT_MAX:
            del self._silent[next(iter(self._silent))]
        self._silent[place] = (self._clock.monotonic(), wait_s)

    async def _settle(self, letter: Letter, settled: Settled, *, until: float) -> None:
        """Write down what came of it; that it was sent is worth trying more than once, or it
        would be sent again.
        """
        while True:
            try:
                await self._outbox.settle(letter, settled, now=self._clock.now())
            except (Overloaded, StorageFull):
                if self._clock.monotonic() >= until:
                    raise
                await self._clock.sleep(AGAIN_S)
            else:
                return

    async def _wait(self) -> None:
        due = await self._outbox.next_due()
        idle_s = IDLE_S_MAX if due is None else min(IDLE_S_MAX, due - self._clock.now())
        if idle_s <= 0:
            return
        woken = asyncio.Event()

        async def wake() -> None:
            await self._outbox.wait_accepted()
            woken.set()

        async with asyncio.TaskGroup() as group:
            waking = group.create_task(wake())
            await wait_either(woken, clock=self._clock, seconds=idle_s)
            waking.cancel()
