"""Rules tell of trouble when there is some, once in a while, and else are silent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tapwater_server.backends.memory.alerts import MemoryAlerts
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.model.alert import Alert, AlertKind
from tapwater_server.model.errors import Invalid
from tapwater_server.model.fault import Fault
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import LineStats
from tapwater_server.ports.faults import Stirred
from tapwater_server.ports.notifier import Notice, NotifierStats
from tapwater_server.services.seeing.alarms import Alarms
from tapwater_server.services.seeing.http_alerts import AlertAsked, alert_of
from tapwater_server.services.seeing.pulse import Beat
from tapwater_server.services.seeing.seen import Seen
from tapwater_server.services.seeing.windows import Counted, Window
from tapwater_server.testing.clock import ManualClock
from tests.unit.services.seeing.given import call

SHOP = AppId("shop")
RULE = Alert(app=SHOP, name="failing", kind=AlertKind.ERROR_RATE, above=5.0, calls_min=10)


@dataclass
class Told:
    """A notifier that tells nobody."""

    notices: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> bool:
        self.notices.append(notice)
        return True

    def stats(self) -> NotifierStats:
        return NotifierStats(told=0, failed=0, dropped=0, quiet=0, waiting=0)


class Lines(MemoryBus):
    """A bus with so many dead letters."""

    dead = 0

    async def lines(self, app: AppId, *, line: str = "") -> Sequence[LineStats]:
        stats = {"waiting": 0, "delayed": 0, "leased": 0, "oldest_at": 0.0}
        return [LineStats(line="f:a", app=app, dead=self.dead, **stats)]  # type: ignore[arg-type]


class Rig:
    def __init__(self) -> None:
        self.clock, self.told, self.alerts = ManualClock(), Told(), MemoryAlerts()
        self.bus = Lines(clock=self.clock)
        self.start_anew()

    def start_anew(self) -> None:
        self.alarms = Alarms(
            alerts=self.alerts,
            notifier=self.told,
            bus=self.bus,
            apps=lambda: [SHOP],
            clock=self.clock,
        )

    def second(self, *, function: str = "users/hi", app: str = "shop", **seen: Any) -> None:
        self.alarms.note(Beat(at=self.clock.now(), seen={(app, function): Seen(**seen)}))


def stirred(*, new: bool = True, app: str = "shop", function: str = "users/hi") -> Stirred:
    fault = Fault(
        id="f1",
        app=AppId(app),
        function=function,
        ending="user_error",
        error="ValueError",
        title="ValueError: no",
        where="hi.py:get",
        first_at=1.0,
        last_at=1.0,
        regressed=not new,
        samples=("i1",),
    )
    return Stirred(fault=fault, new=new)


async def test_too_many_errors_are_told() -> None:
    rig = Rig()
    await rig.alerts.put(RULE)
    rig.second(calls=100, errors=5)
    assert await rig.alarms.step() == 0
    rig.second(calls=10, errors=9)
    assert await rig.alarms.step() == 1
    (notice,) = rig.told.notices
    assert notice.type == "tapwater.alert"
    assert notice.title.startswith("[shop] failing: 12.7 % of the calls failed")
    assert notice.quiet_s == 3600.0
    standing = rig.alarms.standing(RULE)
    assert (round(standing.value, 1), standing.firing) == (12.7, True)
    assert standing.told_at == rig.clock.now()


async def test_a_new_start_is_no_reason_to_tell_again() -> None:
    rig = Rig()
    await rig.alerts.put(RULE)
    rig.second(calls=100, errors=100)
    assert await rig.alarms.step() == 1
    await rig.alarms.remember()
    rig.start_anew()
    rig.second(calls=100, errors=100)
    assert await rig.alarms.step() == 0
    assert rig.alarms.standing(RULE).told_at == rig.clock.now()
    await rig.clock.advance(RULE.quiet_minutes * 60.0)
    rig.second(calls=100, errors=100)
    assert await rig.alarms.step() == 1


async def test_what_is_old_does_not_count() -> None:
    rig = Rig()
    await rig.alerts.put(RULE)
    rig.second(calls=100, errors=100)
    await rig.clock.advance(RULE.minutes * 60 + 1)
    assert await rig.alarms.step() == 0


async def test_too_few_calls_say_nothing() -> None:
    rig = Rig()
    await rig.alerts.put(RULE)
    rig.second(calls=9, errors=9)
    assert await rig.alarms.step() == 0


async def test_slow_calls_are_told() -> None:
    rig = Rig()
    await rig.alerts.put(replace(RULE, kind=AlertKind.LATENCY, above=1_000.0))
    slow = Seen()
    for n in range(50):
        slow.note([call(wall_ms=5.0 if n % 2 else 3_000.0)])
    rig.alarms.note(Beat(at=rig.clock.now(), seen={("shop", "users/hi"): slow}))
    assert await rig.alarms.step() == 1
    assert "took longer than" in rig.told.notices[0].text


async def test_dead_letters_that_grow_are_told() -> None:
    rig = Rig()
    await rig.alerts.put(replace(RULE, kind=AlertKind.DEAD_LETTERS, above=2))
    rig.bus.dead = 100  # They were there before.
    assert await rig.alarms.step() == 0
    await rig.clock.advance(60.0)
    rig.bus.dead = 103
    assert await rig.alarms.step() == 1
    await rig.clock.advance(60.0 * (RULE.minutes + 1))
    assert await rig.alarms.step() == 0


async def test_new_errors_and_those_that_are_back() -> None:
    rig = Rig()
    await rig.alerts.put(replace(RULE, name="new", kind=AlertKind.NEW_ERROR))
    await rig.alerts.put(replace(RULE, name="back", kind=AlertKind.REGRESSED))
    rig.alarms.stirred(stirred())
    rig.alarms.stirred(stirred(new=False))
    assert [notice.subject for notice in rig.told.notices] == ["new", "back"]
    assert rig.told.notices[0].facts["fault"] == "f1"
    assert "tapwater errors f1" in rig.told.notices[0].text
    assert "is back" in rig.told.notices[1].text


async def test_a_rule_is_about_its_app_and_function_and_the_nodes_about_all() -> None:
    rig = Rig()
    rule = replace(RULE, kind=AlertKind.NEW_ERROR)
    await rig.alerts.put(replace(rule, name="one", function="users/hi"))
    await rig.alerts.put(replace(rule, name="node", app=AppId("")))
    await rig.alerts.put(replace(rule, name="paused", paused=True))
    rig.alarms.stirred(stirred(function="users/ho"))
    rig.alarms.stirred(stirred(app="other"))
    assert [notice.subject for notice in rig.told.notices] == ["node", "node"]
    assert rig.told.notices[0].app == ""
    rig.alarms.stirred(stirred())
    assert {notice.subject for notice in rig.told.notices} == {"one", "node"}


async def test_a_changed_rule_begins_anew_and_a_removed_one_is_over() -> None:
    rig = Rig()
    await rig.alerts.put(RULE)
    rig.second(calls=100, errors=100)
    await rig.alerts.put(replace(RULE, above=50.0))
    assert await rig.alarms.step() == 0
    rig.second(calls=100, errors=100)
    await rig.alerts.remove(SHOP, "failing")
    assert await rig.alarms.step() == 0
    assert rig.alarms.standing(RULE).firing is False


def test_a_window_forgets_minute_by_minute() -> None:
    window = Window(minutes=2)
    for minute in range(5):
        window.note(minute * 60.0, [Seen(calls=1)])
    assert window.total(4 * 60.0).calls == 2
    assert window.total(5 * 60.0).calls == 1
    assert window.total(9 * 60.0).calls == 0


def test_minutes_of_a_clock_that_was_ahead_do_not_count() -> None:
    window, counted = Window(minutes=5), Counted(minutes=5)
    window.note(1e9, [Seen(calls=1000)])
    counted.note(1e9, 1000)
    for minute in (1, 2, 3):
        window.note(minute * 60.0, [Seen(calls=1)])
        counted.note(minute * 60.0, minute)
    assert window.total(180.0).calls == 3
    assert counted.growth(180.0) == 2


def test_a_count_grows_from_its_lowest() -> None:
    counted = Counted(minutes=5)
    for minute, count in enumerate([10, 3, 4, 9]):
        counted.note(minute * 60.0, count)
    assert counted.growth(180.0) == 6
    assert Counted(minutes=5).growth(0.0) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Has Space", {}),
        ("", {}),
        ("ok", {"above": -1.0}),
        ("ok", {"above": float("nan")}),
        ("ok", {"minutes": 0}),
        ("ok", {"quiet_minutes": 0}),
        ("ok", {"calls_min": -1}),
        ("ok", {"mails": ("nobody",)}),
        ("ok", {"mails": ("a@b",) * 11}),
        ("ok", {"webhooks": ("ftp://x",)}),
        ("ok", {"webhooks": ("https://" + "x" * 500,)}),
        ("ok", {"function": "f" * 501}),
    ],
)
def test_rules_that_cannot_be(name: str, said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        alert_of(SHOP, name, AlertAsked(kind=AlertKind.LATENCY, **said), secret="s")


def test_a_rule_as_it_is_asked_for() -> None:
    asked = AlertAsked(kind=AlertKind.LATENCY, above=250.0, mails=("a@b.c",))
    assert alert_of(SHOP, "slow", asked, secret="s") == Alert(
        app=SHOP, name="slow", kind=AlertKind.LATENCY, above=250.0, mails=("a@b.c",), secret="s"
    )
