"""An event line without a platform: log and bus in memory, scripted guests on a wound clock."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.assembly.eventline import EventLine, event_line
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.events.destinations import Places
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.event import Event
from tapwater_server.model.function import (
    Alias,
    Function,
    FunctionLimits,
    Revision,
    Style,
    Trigger,
)
from tapwater_server.model.function import Kind as FunctionKind
from tapwater_server.model.ids import AppId, FunctionId, RevisionId
from tapwater_server.ports.bus import Errand, ErrandState, Filter, queue_line
from tapwater_server.ports.listening import Listening
from tapwater_server.ports.meter import LogLine
from tapwater_server.testing.clock import CountingIds, settle
from tapwater_server.testing.guests import ScriptedGuest
from tapwater_server.testing.world import World

SHOP = AppId("shop")
Told = list[Any]


def reactive(name: str, *triggers: Trigger, **limits: Any) -> Function:
    return Function(
        id=FunctionId(SHOP, name),
        kind=FunctionKind.REACTIVE,
        style=Style.EVENT,
        file=f"{name}.py",
        group="",
        triggers=triggers,
        limits=FunctionLimits(**limits),
    )


def on_event(type: str = "sold", **options: Any) -> Trigger:
    delivery = DeliveryOptions(**{"attempts_max": 3, **options})
    return Trigger(source="event", arguments={"type": type}, delivery=delivery)


class Line:
    """An event line on top of a scripted world. ``told`` has the bodies of all calls."""

    def __init__(
        self,
        script: Callable[[ScriptedGuest, Frame, Any], None] | None = None,
        *,
        places: Places | None = None,
    ) -> None:
        self._places = places
        self.told: Told = []
        self.said: list[LogLine] = []  # in the log of the app
        self._script = script or fine
        self.world = World(script=self._play)
        self.clock = self.world.clock
        self.bus, self.log = MemoryBus(clock=self.clock), MemoryEventLog(clock=self.clock)
        self.registry = MemoryRegistry()
        self.listening: Listening | None = None
        self.line = self.make()

    def make(self) -> EventLine:
        return event_line(
            bus=self.bus,
            log=self.log,
            registry=self.registry,
            invoker=self.world.scheduler,
            clock=self.clock,
            ids=CountingIds(),
            logs=self.said.append,
            places=self._places,
            listening=self.listening,
        )

    def _play(self, guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            body = json.loads(bytes(wire.read_invoke(frame.payload).body) or b"null")
            self.told.append(body)
            self._script(guest, frame, body)

    async def deploy(self, *functions: Function, weight: int = 100) -> None:
        number = await self.registry.next_number(SHOP)
        revision = Revision(
            id=RevisionId(f"r{number}"),
            app=SHOP,
            number=number,
            created_at=0.0,
            bundle="",
            layer="",
            python="",
            functions=functions,
        )
        alias = Alias(app=SHOP, name="live", weights={revision.id: weight})
        await self.registry.add_revision(revision, aliases=[alias])

    async def happen(self, id: str = "e1", type: str = "sold", **more: Any) -> None:
        event = Event(id=id, app=SHOP, type=type, source="/s", at=self.clock.now(), **more)
        await self.log.append([event])

    async def send(self, id: str, body: bytes = b"{}", queue: str = "q") -> None:
        line = queue_line(SHOP, queue)
        await self.bus.publish([Errand(id=id, app=SHOP, line=line, body=body)])

    async def served(self, seconds: float) -> None:
        """Let both loops run for some wound time."""
        running = [asyncio.ensure_future(loop) for loop in self.line.loops()]
        await settle()
        await self.world.run(seconds, step_s=0.25)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def dead(self) -> list[ErrandState]:
        return list(await self.bus.list(Filter(app=SHOP, state="dead")))

    async def states(self, line: str = "") -> list[str]:
        found = await self.bus.list(Filter(app=SHOP, line=line))
        return sorted(one.state for one in found)


def fine(guest: ScriptedGuest, frame: Frame, body: Any) -> None:
    guest.answer(frame.call, b'"fine"')


def fails(guest: ScriptedGuest, frame: Frame, body: Any) -> None:
    guest.answer(frame.call, b"no", status=500)


def hangs(guest: ScriptedGuest, frame: Frame, body: Any) -> None:
    """Never answers."""
