"""What whoever tells people of trouble must do."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter
from tapwater_server.ports.fetching import FetchFailed
from tapwater_server.ports.notifier import ATTEMPTS_MAX, WAITING_MAX, Hook, Notice
from tapwater_server.services.events.signatures import complaint
from tapwater_server.services.notifying.notifier import PlainNotifier
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")
HOOK = Hook(url="https://example.com/hook", secret="s3cret")
NOTICE = Notice(
    type="tapwater.alert",
    app=SHOP,
    subject="failing",
    title="[shop] failing",
    text="5 % failed",
    facts={"value": 5.0},
    key="alert:shop:failing",
    quiet_s=60.0,
    mails=("ada@example.com",),
    hooks=(HOOK,),
)


@dataclass
class Others:
    """A post office and the web; both can be out of order."""

    letters: list[tuple[AppId, Draft]] = field(default_factory=list)
    posted: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    tried: int = 0
    down: bool = False

    async def send(self, app: AppId, draft: Draft) -> str:
        if draft.to == ("nobody",):
            raise Invalid("no such address")
        self.letters.append((app, draft))
        return "letter"

    async def keep(self, letter: Letter) -> None:
        raise NotImplementedError

    def write(self, app: AppId, draft: Draft) -> Letter:
        raise NotImplementedError

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], own_network: bool
    ) -> None:
        self.tried += 1
        if self.down:
            raise FetchFailed("nobody there")
        self.posted.append((url, body, headers))


@dataclass
class Rig:
    others: Others = field(default_factory=Others)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.log = MemoryEventLog(clock=self.clock)
        self.notifier = PlainNotifier(
            log=self.log,
            post=self.others,
            poster=self.others,
            clock=self.clock,
            ids=CountingIds(),
            own_network=False,
        )

    async def all(self) -> None:
        while await self.notifier.step():
            pass


async def test_ntf_1_tell_returns_at_once_whatever_is_out_of_order() -> None:
    rig = Rig(others=Others(down=True))
    assert rig.notifier.tell(replace(NOTICE, mails=("nobody",)))
    assert rig.notifier.stats().waiting == 3
    await rig.all()
    assert rig.notifier.stats().told == 1


async def test_ntf_2_each_place_is_reached() -> None:
    rig = Rig()
    rig.notifier.tell(NOTICE)
    await rig.all()
    assert rig.notifier.stats().told == 3
    ((app, draft),) = rig.others.letters
    assert (app, draft.to, draft.subject) == (SHOP, ("ada@example.com",), "[shop] failing")
    (logged,) = await rig.log.read(after=0, count_max=10)
    assert (logged.event.type, logged.event.subject) == ("tapwater.alert", "failing")
    assert msgspec.json.decode(logged.event.data)["value"] == 5.0
    assert len(rig.others.posted) == 1


async def test_ntf_2_what_does_not_answer_is_tried_again_and_given_up() -> None:
    rig = Rig(others=Others(down=True))
    rig.notifier.tell(NOTICE)
    await rig.all()
    assert len(rig.others.letters) == 1  # It kept nobody waiting.
    for _ in range(ATTEMPTS_MAX + 2):
        await rig.clock.advance(1000.0)
        await rig.all()
    assert rig.others.tried == ATTEMPTS_MAX
    assert (rig.notifier.stats().failed, rig.notifier.stats().waiting) == (1, 0)


async def test_ntf_2_the_node_has_no_events() -> None:
    rig = Rig()
    rig.notifier.tell(replace(NOTICE, app=AppId("")))
    await rig.all()
    assert await rig.log.last() == 0
    assert rig.notifier.stats().told == 2


async def test_ntf_3_one_of_a_key_in_a_while() -> None:
    rig = Rig()
    assert [rig.notifier.tell(NOTICE) for _ in range(3)] == [True, False, False]
    assert rig.notifier.tell(replace(NOTICE, key="another"))
    assert rig.notifier.tell(replace(NOTICE, key=""))
    assert rig.notifier.tell(replace(NOTICE, key=""))
    assert rig.notifier.stats().quiet == 2
    await rig.clock.advance(61.0)
    assert rig.notifier.tell(NOTICE)


async def test_ntf_4_only_so_many_wait() -> None:
    rig = Rig()
    for _ in range(WAITING_MAX):
        rig.notifier.tell(replace(NOTICE, key=""))
    stats = rig.notifier.stats()
    assert (stats.waiting, stats.dropped) == (WAITING_MAX, 2 * WAITING_MAX)


async def test_ntf_5_a_webhook_is_signed() -> None:
    rig = Rig()
    rig.notifier.tell(NOTICE)
    await rig.all()
    ((url, body, headers),) = rig.others.posted
    assert url == HOOK.url
    signed = f"{headers['x-timestamp']}.".encode() + body
    wanted = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["x-signature"] == f"sha256={wanted}"
    # A webhook of another Tapwater can be the other end: it takes this as it is.
    now = rig.clock.now()
    assert complaint("hmac", headers, body, secret="s3cret", now=now) == ""
    assert complaint("hmac", headers, body + b" ", secret="s3cret", now=now) != ""
