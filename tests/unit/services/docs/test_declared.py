"""What is declared by a live revision is carried out once, and nothing is taken away."""

from typing import Any

import pytest

from tapwater_server.backends.memory.documents import MemoryDocuments
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.model.document.expiry import Ttl
from tapwater_server.model.document.index import make_index
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.services.docs.declared import Declared
from tapwater_server.services.docs.upkeep import Upkeep
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")


class House:
    """A registry, a store, and who follows the one for the other."""

    def __init__(self) -> None:
        clock = ManualClock()
        log = MemoryEventLog(clock=clock)
        self.documents = MemoryDocuments(log=log, clock=clock, ids=CountingIds())
        self.registry = MemoryRegistry()
        upkeep = Upkeep(documents=self.documents, clock=clock)
        self.declared = Declared(
            registry=self.registry, documents=self.documents, upkeep=upkeep, clock=clock
        )

    async def deploy(self, **settings: Any) -> RevisionId:
        number = await self.registry.next_number(SHOP)
        revision = Revision(
            id=RevisionId(f"r{number}"),
            app=SHOP,
            number=number,
            created_at=0.0,
            bundle="b",
            layer="",
            python="",
            functions=(),
            settings=settings,
        )
        alias = Alias(app=SHOP, name="live", weights={revision.id: 100})
        await self.registry.add_revision(revision, aliases=[alias])
        await self.declared.step()
        return revision.id

    async def indexes(self) -> list[str]:
        return [each.index.id for each in await self.documents.indexes(SHOP)]

    async def ttls(self) -> list[tuple[str, bool]]:
        return [(each.name, each.declared) for each in await self.documents.ttls(SHOP)]


@pytest.fixture
def house() -> House:
    return House()


async def test_indexes_are_made_and_stay(house: House) -> None:
    first = await house.deploy(indexes=[{"collection": "a", "fields": ["n"]}])
    assert await house.indexes() == ["a:n"]
    await house.deploy(indexes=[{"collection": "a", "fields": ["-m"]}])
    assert await house.indexes() == ["a:-m", "a:n"]
    # What somebody drops stays away until something new goes live.
    assert await house.documents.drop_index(SHOP, "a:n")
    await house.declared.step()
    assert await house.indexes() == ["a:-m"]
    await house.registry.set_alias(Alias(app=SHOP, name="live", weights={first: 100}))
    await house.declared.step()
    assert await house.indexes() == ["a:-m", "a:n"]


async def test_ttls_are_those_of_what_is_live_and_those_by_hand(house: House) -> None:
    await house.documents.put_ttl(SHOP, Ttl(name="hand", field=("end",)))
    await house.deploy(ttl=[{"collection": "sessions", "field": "end"}])
    assert await house.ttls() == [("hand", False), ("sessions", True)]
    await house.deploy()
    assert await house.ttls() == [("hand", False)]


async def test_too_many_are_told_and_harm_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(40):
        await house.documents.put_index(SHOP, make_index("a", [f"n{n}"]))
    fields = {"collection": "a", "fields": ["one_more"]}
    await house.deploy(indexes=[fields], ttl=[{"collection": "a", "field": "end"}])
    assert "not all that is declared fits" in caplog.text
    assert await house.ttls() == [("a", True)]
