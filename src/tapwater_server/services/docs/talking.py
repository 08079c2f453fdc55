"""Many subscriptions over one WebSocket: which begin, which end, and whose message it is."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.errors import Invalid, TapwaterError
from tapwater_server.services.docs.hub import Frame, Watched
from tapwater_server.services.docs.reading import QueryAsked, read_query
from tapwater_server.services.docs.service import Asker
from tapwater_server.services.docs.watching import Watching
from tapwater_server.web.endpoint import Conversation

SUBSCRIPTIONS_MAX = 100  # On one socket.
NAME_CHARS_MAX = 100
MESSAGE_CHARS_MAX = 256 << 10


class Said(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a client says: subscribe or unsubscribe, under a name of its own choice."""

    type: str
    id: str = ""
    document: str = ""
    query: QueryAsked | None = None
    token: str = ""
    top: int = 0  # only the first so many of the query


class Talk:
    """One socket and its subscriptions."""

    def __init__(
        self,
        *,
        watching: Watching,
        asker: Asker,
        conversation: Conversation,
        count: Callable[[int], None],  # documents that are sent
    ) -> None:
        self._watching, self._asker, self._conversation = watching, asker, conversation
        self._count = count
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve until the client goes."""
        async with asyncio.TaskGroup() as group:
            try:
                while (text := await self._conversation.receive()) is not None:
                    await self._hear(text, group)
            finally:
                for task in self._running.values():
                    task.cancel()

    async def _hear(self, text: str, group: asyncio.TaskGroup) -> None:
        name = ""
        try:
            said = _read(text)
            name = said.id
            match said.type:
                case "subscribe":
                    self._begin(said, group)
                case "unsubscribe":
                    self._end(name)
                case _:
                    raise Invalid("type is subscribe or unsubscribe")
        except TapwaterError as error:
            await self._refuse(name, error)

    def _begin(self, said: Said, group: asyncio.TaskGroup) -> None:
        if said.id in self._running:
            raise Invalid(f"{said.id!r} is subscribed already; choose another id")
        if len(self._running) >= SUBSCRIPTIONS_MAX:
            raise Invalid(f"at most {SUBSCRIPTIONS_MAX} subscriptions on one socket")
        watched = _watched(said)
        task = group.create_task(self._tell(said, watched))
        self._running[said.id] = task

    def _end(self, name: str) -> None:
        task = self._running.pop(name, None)
        if task is None:
            raise Invalid(f"{name!r} is not subscribed")
        task.cancel()

    async def _tell(self, said: Said, watched: Watched) -> None:
        name = said.id
        prefix = b'{"id":' + msgspec.json.encode(name) + b","
        mine = asyncio.current_task()
        try:
            frames = await self._watching.open(self._asker, watched, said.token, top=said.top)
            async with aclosing(frames):
                await self._pass_on(frames, prefix)
        except TapwaterError as error:
            await self._refuse(name, error)
        except ConnectionResetError:
            return  # The client has gone; the one who hears finds out too.
        finally:
            if self._running.get(name) is mine:
                del self._running[name]

    async def _pass_on(self, frames: AsyncGenerator[Frame, None], prefix: bytes) -> None:
        async for frame in frames:
            if frame.documents:
                self._count(frame.documents)
            async with self._sending:
                await self._conversation.send((prefix + frame.body[1:]).decode())

    async def _refuse(self, name: str, error: TapwaterError) -> None:
        said: dict[str, Any] = {
            "id": name,
            "type": "error",
            "code": error.code,
            "detail": error.message,
        }
        problems = getattr(error, "problems", ())
        if problems:
            said["problems"] = list(problems)
        with suppress(ConnectionResetError):  # Then there is nobody to tell.
            async with self._sending:
                await self._conversation.send(msgspec.json.encode(said).decode())


def _read(text: str) -> Said:
    if len(text) > MESSAGE_CHARS_MAX:
        raise Invalid(f"a message has at most {MESSAGE_CHARS_MAX} characters")
    try:
        said = msgspec.json.decode(text, type=Said)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise Invalid(f"the message cannot be understood: {error}") from None
    if len(said.id) > NAME_CHARS_MAX:
        raise Invalid(f"an id has at most {NAME_CHARS_MAX} characters")
    return said


def _watched(said: Said) -> Watched:
    if bool(said.document) == (said.query is not None):
        raise Invalid("give either a document or a query")
    if said.query is None:
        return parse_doc_path(said.document)
    return read_query(said.query)
