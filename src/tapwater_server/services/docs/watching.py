"""Live subscriptions: first what is there, then every change, over SSE or a WebSocket.

A subscription begins with a snapshot or, given a token, with what was missed since. A token is a
place in the event log. Whoever cannot keep up is closed with a token to go on from.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.happened import TYPE_PREFIX
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.document.query import Query
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import NOBODY
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import LOOKED_AT_MAX, PAGE_BYTES_MAX, Documents
from tapwater_server.ports.eventlog import EventLog, Logged
from tapwater_server.ports.rules import Action
from tapwater_server.services.docs.hub import (
    BUFFER_BYTES_MAX,
    Frame,
    Hub,
    Listener,
    Watched,
    belongs,
    frame_for,
    read_change,
)
from tapwater_server.services.docs.leading import TOP_MAX, USER_S_MAX, Leading
from tapwater_server.services.docs.service import VISITOR_LOOKED_AT_MAX, Asker, DocsService
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Streamed

SSE, NDJSON = "text/event-stream", "application/x-ndjson"
SNAPSHOT_MAX = 10_000  # Documents at the beginning of one subscription.
CHUNK_MAX = 100  # Documents in one message of a snapshot.
APPS_MAX = 1000
MISSED_MAX = 10_000  # Events gone through for one that comes back; beyond, it begins anew.
MISSED_PAGE_MAX = 500  # Of them at a time; many may come back at once.
MISSED_PAGE_BYTES_MAX = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a subscription is told first, and up to where that is."""

    frames: Sequence[Frame]
    seq: int


class Watching:
    """Opens subscriptions and keeps them going."""

    def __init__(
        self,
        *,
        service: DocsService,
        documents: Documents,
        log: EventLog,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._service, self._documents = service, documents
        self._log, self._hub, self._clock = log, hub, clock
        self._leading = Leading(service=service, hub=hub, clock=clock)
        self._visitors: dict[tuple[AppId, Action], Callable[[Document], bool]] = {}

    async def stream(self, asker: Asker, watched: Watched, asked: Asked) -> Streamed:
        """Subscribe over server-sent events.

        Raises:
            Invalid, NeedsIndex: it cannot be subscribed to.
        """
        token = asked.headers.get("last-event-id") or asked.text("token") or ""
        top = int(asked.number("top", low=1, high=TOP_MAX) or 0)
        frames = await self.open(asker, watched, token, top=top)
        lines = asked.text("format") == "ndjson"
        headers = {"content-type": NDJSON if lines else SSE, "cache-control": "no-store"}
        counted = _counted(frames, partial(asked.count, "doc_reads"))
        return Streamed(_lines(counted) if lines else _sse(counted), headers=headers)

    async def open(
        self, asker: Asker, watched: Watched, token: str, *, top: int = 0
    ) -> AsyncGenerator[Frame, None]:
        """Begin a subscription; its messages come from what this gives. Close it at the end.

        Raises:
            Invalid, NeedsIndex: it cannot be subscribed to.
            Overloaded: too many subscribe already.
        """
        if top:
            if isinstance(watched, DocPath):
                raise Invalid("top goes with a query")
            return await self._leading.open(asker, watched, top)
        watched = _checked(watched)
        action = Action.READ if isinstance(watched, DocPath) else Action.LIST
        sees = None if asker.is_trusted else self._sight(asker, action)
        listener = Listener(watched, asker.app, sees, asker.share)
        if asker.who.user:
            listener.until = self._clock.monotonic() + USER_S_MAX
        await self._hub.join(listener)
        try:
            beginning = await self._begin(asker, listener, _read_token(token))
        except BaseException:
            self._hub.leave(listener)
            raise
        listener.after = beginning.seq
        return self._frames(listener, beginning)

    def _sight(self, asker: Asker, action: Action) -> Callable[[Document], bool]:
        """Give what says which documents an asker sees; all visitors share one."""
        if asker.who != NOBODY:
            return self._new_sight(asker, action)
        key = (asker.app, action)
        if key not in self._visitors:
            if len(self._visitors) >= APPS_MAX:
                self._visitors.clear()
            self._visitors[key] = self._new_sight(asker, action)
        return self._visitors[key]

    def _new_sight(self, asker: Asker, action: Action) -> Callable[[Document], bool]:
        def sees(document: Document) -> bool:
            return self._service.may(asker, action, document.path, old=document)

        return sees

    async def _frames(
        self, listener: Listener, beginning: Beginning
    ) -> AsyncGenerator[Frame, None]:
        at = beginning.seq
        try:
            for frame in beginning.frames:
                yield frame
                if frame.kind == "closed":
                    return
            while True:
                await listener.stirred.wait()
                listener.stirred.clear()
                quiet = True
                while (next_one := listener.take()) is not None:
                    at, quiet = next_one.seq, False
                    yield next_one
                if (goodbye := self._goodbye(listener, at)) is not None:
                    yield goodbye
                    return
                if listener.ended:
                    return
                if listener.beat and quiet:
                    at = max(at, self._hub.seq)  # Nothing waits: all up to there was told.
                    yield _said("alive", at)
                listener.beat = False
        finally:
            self._hub.leave(listener)

    def _goodbye(self, listener: Listener, at: int) -> Frame | None:
        if listener.ended:
            return None  # It was said already, or there is nobody left to come back to.
        if listener.overflowed:
            return _said("closed", at, reason="this listener is too slow")
        if 0.0 < listener.until <= self._clock.monotonic():
            return _said("closed", at, reason="come again with a fresh token of access")
        return None

    async def _begin(self, asker: Asker, listener: Listener, token: int | None) -> Beginning:
        if token is not None:
            missed = await self._missed(listener, token)
            if missed is not None:
                return missed
        snapshot = await self._snapshot(asker, listener)
        if token is None:
            return snapshot
        reset = _said("reset", snapshot.seq, reason="the token is too old; all of it again")
        return replace(snapshot, frames=[reset, *snapshot.frames])

    async def _snapshot(self, asker: Asker, listener: Listener) -> Beginning:
        watched = listener.watched
        if isinstance(watched, DocPath):
            seq = await self._log.last()
            found = [each for each in await self._service.get(asker, [watched]) if each]
        else:
            looked_at_max = LOOKED_AT_MAX if asker.is_trusted else VISITOR_LOOKED_AT_MAX
            page, seq = await self._documents.snapshot(
                asker.app, watched, looked_at_max=looked_at_max
            )
            if page.after:
                raise Invalid(
                    f"a subscription begins with {SNAPSHOT_MAX} documents and "
                    f"{PAGE_BYTES_MAX} bytes at most; ask for less"
                )
            sees = listener.sees
            found = [each for each in page.documents if sees is None or sees(each)]
        frames = []
        for first in range(0, max(len(found), 1), CHUNK_MAX):
            last = first + CHUNK_MAX >= len(found)
            frames.append(_chunk(found[first : first + CHUNK_MAX], seq, last=last))
        return Beginning(frames=frames, seq=seq)

    async def _missed(self, listener: Listener, token: int) -> Beginning | None:
        """Tell what happened since; None: that is too much, or forgotten."""
        until = self._hub.seq
        first = await self._log.read(after=0, count_max=1, data=False)
        forgotten = token > until or (token != until and (not first or first[0].seq > token + 1))
        if forgotten:
            return None
        frames, looked, size, at = [_said("resumed", token)], 0, 0, token
        async with aclosing(self._since(listener.app, token, until)) as missed:
            async for each in missed:
                looked += 1
                frame = await self._missed_one(listener, each)
                if looked > MISSED_MAX or (frame is not None and frame.kind == "closed"):
                    return None
                if frame is not None:
                    size += len(frame.body)
                    if size > BUFFER_BYTES_MAX and len(frames) > 1:  # The rest is told next time.
                        frames.append(_said("closed", at, reason="more was missed: come again"))
                        return Beginning(frames=frames, seq=at)
                    frames.append(frame)
                at = each.seq
        return Beginning(frames=frames, seq=until)

    async def _since(self, app: AppId, after: int, until: int) -> AsyncGenerator[Logged, None]:
        """Give the events of an app's documents, reading a little at a time."""
        while after < until:
            page = await self._log.read(
                after=after,
                count_max=MISSED_PAGE_MAX,
                app=app,
                type_prefix=TYPE_PREFIX,
                bytes_max=MISSED_PAGE_BYTES_MAX,
            )
            for each in page:
                if each.seq > until:
                    return
                yield each
            if not page:
                return
            after = page[-1].seq

    async def _missed_one(self, listener: Listener, logged: Logged) -> Frame | None:
        collection, _, id = logged.event.subject.rpartition("/")
        path = DocPath(collection, id)
        if not _concerns(listener.watched, path):
            return None
        change = await read_change(logged, path, self._documents)
        was, is_ = belongs(listener.watched, change)
        return frame_for(listener.sees, change, was=was, is_=is_)


def _concerns(watched: Watched, path: DocPath) -> bool:
    if isinstance(watched, DocPath):
        return watched == path
    if watched.group:
        return path.collection.rpartition("/")[2] == watched.collection
    return path.collection == watched.collection


def _checked(watched: Watched) -> Watched:
    """Refuse what makes no sense for a subscription.

    Raises:
        Invalid: it has a cursor, or wants parts.
    """
    if not isinstance(watched, Query):
        return watched
    if watched.after or watched.select:
        raise Invalid("a subscription takes no after and no select")
    # The limit of a page means nothing here: all that match are told of.
    return replace(watched, limit=SNAPSHOT_MAX)


def _read_token(token: str) -> int | None:
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise Invalid("that is no token of a subscription")
    return int(token)


def _said(kind: str, seq: int, **more: str) -> Frame:
    return Frame(seq, kind, msgspec.json.encode({"type": kind, **more, "token": str(seq)}))


def _chunk(documents: Sequence[Document], seq: int, *, last: bool) -> Frame:
    body = {
        "type": "snapshot",
        "documents": [each.shown() for each in documents],
        "complete": last,
        "token": str(seq) if last else "",
    }
    return Frame(seq if last else 0, "snapshot", msgspec.json.encode(body), len(documents))


async def _counted(
    frames: AsyncGenerator[Frame, None], count: Callable[[int], None]
) -> AsyncGenerator[Frame, None]:
    """Count the documents that are sent."""
    async with aclosing(frames):
        async for frame in frames:
            if frame.documents:
                count(frame.documents)
            yield frame


async def _sse(frames: AsyncGenerator[Frame, None]) -> AsyncIterator[bytes]:
    async with aclosing(frames):
        async for frame in frames:
            yield frame.sse


async def _lines(frames: AsyncGenerator[Frame, None]) -> AsyncIterator[bytes]:
    async with aclosing(frames):
        async for frame in frames:
            yield frame.body + b"\n"
