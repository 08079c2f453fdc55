"""WebSocket /rooms-api/{room}: who is in a room hears what is said there.

All rooms are in the memory of one instance: ``instances=(0, 1)`` says that there is never a second
one, and ``concurrency`` how many people it can hold. When the last one has gone, it goes too.
"""

import asyncio
from collections import defaultdict, deque
from typing import Any

from tapwater import WebSocket, options

options(memory="128MB", timeout=None, concurrency=100, instances=(0, 1))

LINE_LENGTH_MAX = 500
REMEMBERED_MAX = 20


class Room:
    """The people in one room, and the last things said."""

    def __init__(self) -> None:
        self.people: dict[WebSocket, str] = {}
        self.said: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_MAX)

    async def say(self, line: dict[str, Any]) -> None:
        """Tell everyone. One whose line is broken does not keep the others waiting."""
        self.said.append(line)
        await asyncio.gather(
            *(person.send_json(line) for person in [*self.people]), return_exceptions=True
        )


ROOMS: dict[str, Room] = defaultdict(Room)


async def websocket(ws: WebSocket, room: str, name: str = "somebody") -> None:
    """Take part in a room until one side closes."""
    here = ROOMS[room]
    for line in here.said:
        await ws.send_json(line)
    here.people[ws] = name[:40]
    await here.say({"event": "came", "name": here.people[ws], "people": len(here.people)})
    try:
        async for text in ws:
            line = str(text)[:LINE_LENGTH_MAX]
            await here.say({"event": "said", "name": here.people[ws], "text": line})
    finally:
        left = here.people.pop(ws)
        await here.say({"event": "left", "name": left, "people": len(here.people)})
        if not here.people:
            del ROOMS[room]
