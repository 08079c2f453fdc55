"""The loop that empties the outbox: a full disk, a silent server, what is never sent twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.secrets import MemorySecrets
from tapwater_server.model.errors import StorageFull
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter, Stage
from tapwater_server.ports.mail import Refused, Server, Settled
from tapwater_server.ports.meter import Span
from tapwater_server.ports.tracing import Tracer
from tapwater_server.services.mail.post import AppPost, MailSettings, Ways
from tapwater_server.services.mail.sending import AGAIN_S, SILENT_S, Sender
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP, OTHER = AppId("shop"), AppId("other")
HELLO = Draft(to=("ada@example.com",), subject="Hello", text="hi")


class Disk(MemoryOutbox):
    """An outbox on a disk that can be full."""

    full = False

    async def lease(self, *, now: float, lease_s: float, count_max: int) -> Sequence[Letter]:
        self._check()
        return await super().lease(now=now, lease_s=lease_s, count_max=count_max)

    async def settle(self, letter: Letter, settled: Settled, *, now: float) -> bool:
        self._check()
        return await super().settle(letter, settled, now=now)

    def _check(self) -> None:
        if self.full:
            raise StorageFull("the disk is full")


class Carrier:
    """Takes all letters, except for servers that do not answer."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.asked: Counter[str] = Counter()
        self.silent = {"hole.example.com"}
        self.fills_disk = False

    async def carry(self, letter: Letter, server: Server) -> None:
        self.asked[server.host] += 1
        self.disk.full = self.disk.full or self.fills_disk
        if server.host in self.silent:
            raise Refused("no answer", final=False, silent=True)


class Opened:
    def __init__(self) -> None:
        self.clock, ids = ManualClock(), CountingIds()
        self.spans: list[Span] = []
        self.outbox, secrets = Disk(), MemorySecrets()
        self.carrier = Carrier(self.outbox)
        self.secrets = secrets
        node = Server(host="fine.example.com", port=25)
        ways = Ways(secrets=secrets, settings=MailSettings(server=node, sender="a@example.com"))
        self.post = AppPost(outbox=self.outbox, ways=ways, clock=self.clock, ids=ids)
        self.sender = Sender(
            outbox=self.outbox,
            ways=ways,
            carrier=self.carrier,
            clock=self.clock,
            ids=ids,
            tracer=Tracer(spans=self.spans.append, clock=self.clock, ids=ids),
        )

    async def stage(self, id: str, app: AppId = SHOP) -> Stage:
        letter = await self.outbox.find(app, id)
        assert letter is not None
        return letter.stage


@pytest.fixture
def mail() -> Opened:
    return Opened()


async def test_a_full_disk_does_not_end_the_loop(mail: Opened) -> None:
    id = await mail.post.send(SHOP, HELLO)
    mail.outbox.full = True
    running = asyncio.create_task(mail.sender.run())
    await mail.clock.advance(10.0)
    assert not running.done()
    mail.outbox.full = False
    await mail.clock.advance(AGAIN_S)
    assert await mail.stage(id) is Stage.SENT
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_was_sent_while_the_disk_filled_is_not_sent_again(mail: Opened) -> None:
    id = await mail.post.send(SHOP, HELLO)
    mail.carrier.fills_disk = True
    running = asyncio.create_task(mail.sender.run())
    await mail.clock.advance(60.0)
    assert (await mail.stage(id), mail.carrier.asked["fine.example.com"]) == (Stage.WAITING, 1)
    mail.carrier.fills_disk = mail.outbox.full = False
    await mail.clock.advance(3600.0)
    assert (await mail.stage(id), mail.carrier.asked["fine.example.com"]) == (Stage.SENT, 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_silent_server_is_left_alone_for_a_while(mail: Opened) -> None:
    await mail.secrets.put(SHOP, "SMTP_URL", "smtp://hole.example.com")
    for _ in range(20):
        await mail.post.send(SHOP, HELLO)
    id = await mail.post.send(OTHER, HELLO)
    while await mail.sender.step():
        pass
    assert await mail.stage(id, OTHER) is Stage.SENT
    assert mail.carrier.asked["hole.example.com"] == 1
    mail.carrier.silent.clear()
    for _ in range(10):
        await mail.clock.advance(SILENT_S)
        while await mail.sender.step():
            pass
    letters = await mail.outbox.list(SHOP)
    assert {one.stage for one in letters} == {Stage.SENT}
