"""Carries notices to their places, again and again until they are taken or given up."""

import asyncio
import hashlib
import hmac
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.event import Event
from tapwater_server.model.letter import Draft
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.fetching import Poster
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mail import Post
from tapwater_server.ports.notifier import (
    ATTEMPTS_MAX,
    WAITING_MAX,
    Hook,
    Notice,
    NotifierStats,
)

AT_ONCE_MAX = 4
DELAY_FIRST_S = 5.0  # Then four times as long each: 5 s, 20 s, 80 s, 320 s.
IDLE_S_MAX = 60.0
KEYS_MAX = 10_000  # Remembered to be quiet about; the first is forgotten first.
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Errand:
    """One notice for one place: a mail address, a hook, or the app's log of events."""

    notice: Notice
    id: str
    place: str | Hook | None
    due_at: float = 0.0  # monotonic
    attempt: int = 0


class PlainNotifier:
    """See the promises of ``ports/notifier.py``. ``run()`` must run beside it."""

    def __init__(
        self,
        *,
        log: EventLog,
        post: Post,
        poster: Poster,
        clock: Clock,
        ids: IdSource,
        own_network: bool,  # webhooks may be on this machine, or near it
    ) -> None:
        self._eventlog, self._post, self._poster = log, post, poster
        self._clock, self._ids, self._own_network = clock, ids, own_network
        self._waiting: deque[_Errand] = deque()
        self._told_at: dict[str, float] = {}
        self._came = asyncio.Event()
        self._told = self._failed = self._dropped = self._quiet = 0

    def tell(self, notice: Notice) -> bool:
        now = self._clock.monotonic()
        if notice.key:
            told_at = self._told_at.pop(notice.key, None)
            if told_at is not None and now - told_at < notice.quiet_s:
                self._told_at[notice.key] = told_at
                self._quiet += 1
                return False
            self._told_at[notice.key] = now
            if len(self._told_at) > KEYS_MAX:
                del self._told_at[next(iter(self._told_at))]
        for place in _places(notice):
            self._waiting.append(_Errand(notice=notice, id=self._ids.fresh(), place=place))
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self._dropped += 1
        self._came.set()
        return True

    def stats(self) -> NotifierStats:
        return NotifierStats(
            told=self._told,
            failed=self._failed,
            dropped=self._dropped,
            quiet=self._quiet,
            waiting=len(self._waiting),
        )

    async def run(self) -> None:
        """Carry until cancelled."""
        while True:
            if await self.step() == 0:
                self._came.clear()
                await wait_either(self._came, clock=self._clock, seconds=self._idle_s())

    async def step(self) -> int:
        """Try what is due; say how many that were."""
        due = self._take_due()
        async with asyncio.TaskGroup() as group:
            for errand in due:
                group.create_task(self._try(errand))
        return len(due)

    def _take_due(self) -> list[_Errand]:
        now = self._clock.monotonic()
        due = [errand for errand in self._waiting if errand.due_at <= now][:AT_ONCE_MAX]
        for errand in due:
            self._waiting.remove(errand)
        return due

    def _idle_s(self) -> float:
        if not self._waiting:
            return IDLE_S_MAX
        due_at = min(errand.due_at for errand in self._waiting)
        return max(0.01, min(IDLE_S_MAX, due_at - self._clock.monotonic()))

    async def _try(self, errand: _Errand) -> None:
        errand.attempt += 1
        try:
            await self._carry(errand)
        except TapwaterError as error:
            self._not_taken(errand, error)
        except Exception:  # A border: a notice that cannot be written must not stop the others.
            self._failed += 1
            _log.exception("a notice could not be told", extra={"subject": errand.notice.subject})
        else:
            self._told += 1

    def _not_taken(self, errand: _Errand, error: TapwaterError) -> None:
        _log.warning(
            "a notice was not taken",
            extra={"subject": errand.notice.subject, "reason": error.message},
        )
        if errand.attempt >= ATTEMPTS_MAX:
            self._failed += 1
            return
        delay_s = DELAY_FIRST_S * 4 ** (errand.attempt - 1)
        errand.due_at = self._clock.monotonic() + delay_s * (0.75 + self._ids.chance() / 2)
        self._waiting.append(errand)

    async def _carry(self, errand: _Errand) -> None:
        """Bring a notice to its place.

        Raises:
            TapwaterError: it was not taken.
        """
        notice = errand.notice
        match errand.place:
            case None:
                await self._eventlog.append([self._event(errand)])
            case Hook() as hook:
                await self._call(hook, errand)
            case str() as address:
                draft = Draft(to=(address,), subject=notice.title, text=notice.text, key=errand.id)
                await self._post.send(notice.app, draft)

    def _event(self, errand: _Errand) -> Event:
        notice = errand.notice
        return Event(
            id=errand.id,
            app=notice.app,
            type=notice.type,
            source="/alerts",
            subject=notice.subject,
            at=self._clock.now(),
            data=_body(notice),
        )

    async def _call(self, hook: Hook, errand: _Errand) -> None:
        body, stamp = _body(errand.notice), str(int(self._clock.now()))
        signed = hmac.new(hook.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-event-id": errand.id,
            "x-event-type": errand.notice.type,
            "x-timestamp": stamp,
            "x-signature": f"sha256={signed.hexdigest()}",
        }
        await self._poster.post(hook.url, body=body, headers=headers, own_network=self._own_network)


def _places(notice: Notice) -> Iterator[str | Hook | None]:
    if notice.event and notice.app:
        yield None
    yield from notice.mails
    yield from notice.hooks


def _body(notice: Notice) -> bytes:
    said = {**notice.facts, "subject": notice.subject, "title": notice.title, "text": notice.text}
    return msgspec.json.encode(said)
