"""Documents on a memory store under scripted rules, for their tests."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from tapwater_server.backends.memory.documents import MemoryDocuments
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.query import Every, Is, Query
from tapwater_server.model.document.write import Condition, Kind, Write
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.rules import Action
from tapwater_server.services.docs.hub import Frame, Hub
from tapwater_server.services.docs.service import Asker, DocsService
from tapwater_server.services.docs.watching import Watching
from tapwater_server.testing.clock import CountingIds, ManualClock, settle

SHOP = AppId("shop")
APP = Asker(app=SHOP, who=Principal(name="fn", apps=frozenset({SHOP})))
ANN = Asker(app=SHOP, who=Principal(name="ann", user="ann", user_app=SHOP))
OWN = Query(collection="notes", where=Every((Is(("n",), ">", 0),)))


class ScriptedRules:
    """A user may do everything with notes that name her as their owner."""

    def __init__(self) -> None:
        self.asked: list[tuple[Action, str]] = []

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,
        action: Action,
        path: str,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        self.asked.append((action, path))
        return all(each is None or each.get("owner") == who.user for each in (old, new))


class House:
    """The service on a memory store."""

    def __init__(self) -> None:
        self.clock, self.rules = ManualClock(), ScriptedRules()
        self.log = MemoryEventLog(clock=self.clock)
        self.documents = MemoryDocuments(log=self.log, clock=self.clock, ids=CountingIds())
        self.service = DocsService(documents=self.documents, rules=self.rules, clock=self.clock)
        self.hub = Hub(log=self.log, documents=self.documents, clock=self.clock)
        self.watching = Watching(
            service=self.service,
            documents=self.documents,
            log=self.log,
            hub=self.hub,
            clock=self.clock,
        )

    async def put(self, path: str, asker: Asker = APP, **data: Any) -> None:
        await self.service.commit(asker, [write(path, **data)])

    async def told(self) -> None:
        while await self.hub.step():
            pass
        await settle()


def write(
    path: str, kind: Kind = Kind.SET, condition: Condition | None = None, **data: Any
) -> Write:
    return Write(
        kind=kind, path=parse_doc_path(path), data=data, condition=condition or Condition()
    )


def said(frame: Frame) -> Any:
    return msgspec.json.decode(frame.body)


async def next_of(frames: AsyncIterator[Frame]) -> Frame:
    return await anext(frames)


async def filled() -> House:
    """Three notes, the middle one of which is not Ann's."""
    house = House()
    for n, owner in enumerate(("ann", "bob", "ann")):
        await house.put(f"notes/{n}", owner=owner, n=n)
    return house
