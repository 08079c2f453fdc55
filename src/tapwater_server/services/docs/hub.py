"""Who listens to which documents, and what each is told: one reading of the log for all of them.

The hub follows the event log. An event is taken apart once, judged once for each distinct thing
listened to, written once, and put into the buffers of all who listen to that thing. Nothing here
reads the database for a single listener.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tapwater_server.model.document.document import Document
from tapwater_server.model.document.happened import SOURCE, TYPE_PREFIX
from tapwater_server.model.document.paths import DocPath, name_of
from tapwater_server.model.document.query import Query, matches, plain
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.documents import Documents
from tapwater_server.ports.eventlog import EventLog, Logged
from tapwater_server.services.docs.seats import Seats

BUFFER_MAX = 1000  # Changes one listener may be behind.
BUFFER_BYTES_MAX = 16 << 20
BATCH_MAX = 500  # Events read at a time.
RETRY_S = 1.0
ALIVE_S = 15.0  # Between signs of life, so that proxies and clients know.

Watched = DocPath | Query
Sees = Callable[[Document], bool] | None
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event, taken apart. ``before`` or ``after`` may have been too large to be in it."""

    seq: int
    app: AppId
    path: DocPath
    before: Document | None
    after: Document | None
    before_unknown: bool = False


@dataclass(slots=True)
class Frame:
    """One message, written once for all who get it."""

    seq: int
    kind: str  # added, modified, removed; closed: the last one
    body: bytes  # JSON object
    documents: int = 0  # how many it shows, for the bill

    @property
    def sse(self) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.seq, self.kind.encode(), self.body)


@dataclass(slots=True, eq=False)
class Listener:
    """One subscription. ``sees``: None for whom no rules bind."""

    watched: Watched
    app: AppId
    sees: Sees
    client: str = ""  # whose share it takes; empty: it acts for the app
    after: int = 0  # what came up to here is known already
    frames: "deque[Frame]" = field(default_factory=deque)
    overflowed: bool = False
    ended: bool = False  # its last message was put, or its app is gone
    beat: bool = False  # a sign of life is due
    until: float = 0.0  # when it must end, by the monotonic clock; 0.0: it need not
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _size: int = 0

    def put(self, frame: Frame) -> None:
        """Take a message; one too many, and the listener is too slow: it gets no more."""
        if self.overflowed or self.ended or frame.seq <= self.after:
            return
        if len(self.frames) >= BUFFER_MAX or self._size + len(frame.body) > BUFFER_BYTES_MAX:
            self.overflowed = True
        else:
            self.frames.append(frame)
            self._size += len(frame.body)
            self.ended = frame.kind == "closed"
        self.stirred.set()

    def forget(self) -> bool:
        """Drop all that waits; say whether anything did."""
        waited = bool(self.frames) or self.overflowed
        self.frames.clear()
        self._size, self.overflowed = 0, False
        self.stirred.clear()
        return waited

    def take(self) -> Frame | None:
        """Take the next message that waits."""
        while self.frames:
            frame = self.frames.popleft()
            self._size -= len(frame.body)
            if frame.seq > self.after:
                return frame
        return None


class Hub:
    """Follows the log and tells listeners."""

    def __init__(self, *, log: EventLog, documents: Documents, clock: Clock) -> None:
        self._log, self._documents, self._clock = log, documents, clock
        self._rooms: dict[tuple[AppId, str], dict[bytes, set[Listener]]] = {}
        self._wanted = asyncio.Event()
        self._seats = Seats()
        self.seq = 0  # All up to here was told.

    @property
    def listeners(self) -> int:
        return self._seats.taken

    async def run(self) -> None:
        """Follow for ever, as long as somebody listens."""
        while True:
            await self._wanted.wait()
            try:
                await self._log.wait_appended(self.seq)
                await self.step()
            except Exception:
                # A border: one event that cannot be read must not silence all that follow.
                _log.exception("telling of documents failed", extra={"seq": self.seq})
                await self._clock.sleep(RETRY_S)

    async def run_beat(self) -> None:
        """Let every subscription show now and then that it lives. One clock for all of them: a
        timer for each would cost more than the telling.
        """
        while True:
            await self._clock.sleep(ALIVE_S)
            for room in self._rooms.values():
                for listeners in room.values():
                    for listener in listeners:
                        listener.beat = True
                        listener.stirred.set()

    async def step(self) -> int:
        """Tell what was appended; say how many events that were."""
        batch = await self._log.read(after=self.seq, count_max=BATCH_MAX)
        for logged in batch:
            change = await self.change_of(logged)
            if change is not None:
                self._tell(change)
            self.seq = logged.seq
        return len(batch)

    async def join(self, listener: Listener) -> None:
        """Listen from now on: ``hub.seq`` says from where.

        Raises:
            Overloaded: too many listen already, in all, to the app or from this address.
        """
        if not self.listeners:
            # Nobody followed the log meanwhile. A step still under way may set it back, which
            # does no harm: what a listener has heard already is not put into its buffer.
            last = await self._log.last()
            if not self.listeners:  # Nobody else came meanwhile.
                self.seq = last
        self._seats.take(listener.app, listener.client)
        room = self._rooms.setdefault((listener.app, _room(listener.watched)), {})
        room.setdefault(_key(listener.watched), set()).add(listener)
        self._wanted.set()

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        at = (listener.app, _room(listener.watched))
        room = self._rooms.get(at, {})
        listeners = room.get(_key(listener.watched), set())
        if listener in listeners:
            listeners.remove(listener)
            self._seats.give_back(listener.app, listener.client)
        if not self.listeners:
            self._wanted.clear()
        if not listeners:
            room.pop(_key(listener.watched), None)
        if not room:
            self._rooms.pop(at, None)

    def end(self, app: AppId) -> None:
        """Let nobody listen to an app any more: another may come under its name."""
        for (whose, _), room in self._rooms.items():
            for listeners in room.values() if whose == app else ():
                for listener in listeners:
                    listener.ended = True
                    listener.stirred.set()

    async def change_of(self, logged: Logged) -> Change | None:
        """Take an event apart, if it is one of documents that somebody listens to."""
        event = logged.event
        if event.source != SOURCE or not event.type.startswith(TYPE_PREFIX):
            return None
        collection, _, id = event.subject.rpartition("/")
        path = DocPath(collection, id)
        if not self._is_heard(event.app, path):
            return None
        return await read_change(logged, path, self._documents)

    def _is_heard(self, app: AppId, path: DocPath) -> bool:
        return any((app, key) in self._rooms for key in _keys(path))

    def _tell(self, change: Change) -> None:
        for key in _keys(change.path):
            for listeners in self._rooms.get((change.app, key), {}).values():
                self._tell_room(change, listeners)

    def _tell_room(self, change: Change, listeners: Collection[Listener]) -> None:
        was, is_ = belongs(next(iter(listeners)).watched, change)
        frames = dict[Sees, Frame | None]()
        for listener in listeners:
            sees = listener.sees
            if sees not in frames:
                frames[sees] = frame_for(sees, change, was=was, is_=is_)
            frame = frames[sees]
            if frame is not None:
                listener.put(frame)


def belongs(watched: Watched, change: Change) -> tuple[bool, bool]:
    """Say whether the document was, and is, among what is watched."""
    was = change.before_unknown or _fits(watched, change.before)
    return was, _fits(watched, change.after)


def _fits(watched: Watched, document: Document | None) -> bool:
    if document is None:
        return False
    if isinstance(watched, DocPath) or not watched.where.of:
        return True
    return matches(watched.where, document.data)


def seen_by(sees: Sees, change: Change, *, was: bool, is_: bool) -> tuple[bool, bool]:
    """Say what of it one listener may see."""
    if sees is None:
        return was, is_
    saw = was and (change.before is None or sees(change.before))
    return saw, bool(is_ and change.after is not None and sees(change.after))


def _is_uncertain(sees: Sees, change: Change, *, is_: bool) -> bool:
    """Say whether nobody can tell if a listener knew the document: what it was is not in the event,
    and what it is now is hidden. To say "removed" might tell of what was never to be seen.
    """
    return bool(
        sees is not None
        and change.before_unknown
        and not (is_ and change.after is not None and sees(change.after))
    )


def frame_for(sees: Sees, change: Change, *, was: bool, is_: bool) -> Frame | None:
    """Write the message to those who see so much; None: nothing to tell."""
    if _is_uncertain(sees, change, is_=is_):
        # Without a token: who comes again is given a snapshot, which is right in any case.
        body = {"type": "closed", "reason": "begin again", "token": ""}
        return Frame(change.seq, "closed", msgspec.json.encode(body))
    seen = seen_by(sees, change, was=was, is_=is_)
    return frame_of(change, was=seen[0], is_=seen[1])


def frame_of(change: Change, *, was: bool, is_: bool) -> Frame | None:
    """Write the message; None: nothing to tell."""
    if not was and not is_:
        return None
    body: dict[str, Any] = {"type": "modified" if was else "added"}
    if is_ and change.after is not None:
        body["document"] = change.after.shown()
    else:
        body = {"type": "removed", "path": str(change.path)}
    body["token"] = str(change.seq)
    return Frame(change.seq, body["type"], msgspec.json.encode(body), "document" in body)


class _Told(msgspec.Struct):
    """What is read of an event of a document."""

    version: int = 0
    before: msgspec.Raw = msgspec.Raw(b"null")
    after: msgspec.Raw = msgspec.Raw(b"null")
    created_at: float = 0.0
    updated_at: float = 0.0
    expires_at: float = 0.0
    left_out: list[str] = []


async def read_change(logged: Logged, path: DocPath, documents: Documents) -> Change:
    """Take an event apart. What was too large for it is read, as it is now."""
    told = msgspec.json.decode(logged.event.data, type=_Told)

    def document(raw: bytes) -> Document | None:
        if raw == b"null":
            return None
        return Document(
            path=path,
            version=told.version,
            created_at=told.created_at,
            updated_at=told.updated_at,
            expires_at=told.expires_at,
            raw=raw,
        )

    after = document(bytes(told.after))
    if "after" in told.left_out:
        (after,) = await documents.get(logged.event.app, [path])
    return Change(
        seq=logged.seq,
        app=logged.event.app,
        path=path,
        before=document(bytes(told.before)),
        after=after,
        before_unknown="before" in told.left_out,
    )


def _room(watched: Watched) -> str:
    if isinstance(watched, DocPath):
        return f"d:{watched}"
    return f"{'g' if watched.group else 'c'}:{watched.collection}"


def _key(watched: Watched) -> bytes:
    """Tell apart what is watched: who watches the same is told the same."""
    return b"" if isinstance(watched, DocPath) else msgspec.msgpack.encode(plain(watched.where))


def _keys(path: DocPath) -> tuple[str, str, str]:
    return f"d:{path}", f"c:{path.collection}", f"g:{name_of(path.collection)}"
