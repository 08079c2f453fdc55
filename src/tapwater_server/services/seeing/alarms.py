"""Watches what is seen for what somebody wants to be told of."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.model.alert import MEASURED, Alert, AlertKind
from tapwater_server.model.fault import Fault
from tapwater_server.model.ids import AppId
from tapwater_server.ports.alerts import Alerts
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.faults import Stirred
from tapwater_server.ports.notifier import Hook, Notice, Notifier
from tapwater_server.services.seeing.pulse import Beat
from tapwater_server.services.seeing.windows import Counted, Window, measured

EVERY_S = 10.0
APPS_MAX = 500  # Whose dead letters a rule of the node counts.
TYPE = "tapwater.alert"
_SAYS = {
    AlertKind.ERROR_RATE: "{value:.1f} % of the calls failed in the last {minutes} min",
    AlertKind.LATENCY: "1 % of the calls took longer than {value:.0f} ms in the last {minutes} min",
    AlertKind.DEAD_LETTERS: "{value:.0f} more dead letters in the last {minutes} min",
}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """What was seen for one rule. Not frozen: it goes on."""

    alert: Alert
    calls: Window
    dead: Counted
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStanding:
    """How a rule stands now."""

    value: float = 0.0  # what it measures, a moment ago
    firing: bool = False
    told_at: float = 0.0  # 0: never


class Alarms:
    """Hears of seconds (``note``) and of groups of errors (``stirred``); looks around by itself
    (``run()`` must run beside it).
    """

    def __init__(
        self,
        *,
        alerts: Alerts,
        notifier: Notifier,
        bus: Bus,
        apps: Callable[[], Iterable[AppId]],
        clock: Clock,
    ) -> None:
        self._alerts, self._notifier = alerts, notifier
        self._bus, self._apps, self._clock = bus, apps, clock
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._told: dict[tuple[AppId, str], float] = {}  # since the start
        self._unwritten: set[tuple[AppId, str]] = set()
        self._came = asyncio.Event()

    def standing(self, alert: Alert) -> AlertStanding:
        watch, told_at = self._watches.get(alert.place), self._told_at(alert)
        if watch is None or watch.alert != alert:
            return AlertStanding(told_at=told_at)
        firing = alert.kind in MEASURED and watch.value > alert.above
        return AlertStanding(value=watch.value, firing=firing, told_at=told_at)

    def note(self, beat: Beat) -> None:
        """Add a second to what each rule has seen."""
        for watch in self._watching():
            alert = watch.alert
            seen = [one for key, one in beat.seen.items() if alert.is_about(*key)]
            if seen:
                watch.calls.note(beat.at, seen)

    def stirred(self, one: Stirred) -> None:
        """Tell of a group that is new, or back."""
        fault = one.fault
        for watch in self._watching():
            alert = watch.alert
            wants_new = alert.kind is AlertKind.NEW_ERROR and one.new
            wants_back = alert.kind is AlertKind.REGRESSED and fault.regressed
            if (wants_new or wants_back) and alert.is_about(fault.app, fault.function):
                self._tell(watch, *_of_fault(fault, new=one.new))

    async def run(self) -> None:
        """Look around every ten seconds, and when somebody was told, until cancelled."""
        while True:
            await wait_either(self._came, clock=self._clock, seconds=EVERY_S)
            self._came.clear()
            try:
                await self.step()
                await self.remember()
            except Exception:  # The border of a loop's step.
                _log.exception("the alerts could not be looked at")

    async def step(self) -> int:
        """Measure all there is to measure; say how many rules were told of."""
        told = 0
        for watch in list(self._watching()):
            if watch.alert.kind not in MEASURED:
                continue
            watch.value = await self._measure(watch)
            if watch.value > watch.alert.above:
                told += self._tell(watch, *_of_value(watch.alert, watch.value))
        return told

    async def _measure(self, watch: _Watch) -> float:
        now = self._clock.now()
        if watch.alert.kind is AlertKind.DEAD_LETTERS:
            watch.dead.note(now, await self._dead(watch.alert))
            return watch.dead.growth(now)
        return measured(watch.alert, watch.calls.total(now))

    async def _dead(self, alert: Alert) -> int:
        apps = [alert.app] if alert.app else list(self._apps())[:APPS_MAX]
        return sum([line.dead for app in apps for line in await self._bus.lines(app)])

    def _watching(self) -> Iterable[_Watch]:
        """The rules there are now; one that was changed begins anew."""
        alerts = {one.place: one for one in self._alerts.all() if not one.paused}
        for place in self._watches.keys() - alerts.keys():
            del self._watches[place]
        for place, alert in alerts.items():
            watch = self._watches.get(place)
            if watch is None or watch.alert != alert:
                self._watches[place] = _Watch(
                    alert=alert,
                    calls=Window(minutes=alert.minutes),
                    dead=Counted(minutes=alert.minutes),
                )
        return self._watches.values()

    def _tell(self, watch: _Watch, text: str, facts: Mapping[str, Any]) -> bool:
        alert, now = watch.alert, self._clock.now()
        ago_s = now - self._told_at(alert)
        if alert.place not in self._told and 0 <= ago_s < alert.quiet_minutes * 60.0:
            return False  # It was told before the node was started again.
        told = self._notifier.tell(notice_of(alert, text, facts))
        if told:
            self._told[alert.place] = now
            self._unwritten.add(alert.place)
            self._came.set()
        return told

    def _told_at(self, alert: Alert) -> float:
        return self._told.get(alert.place) or self._alerts.told_at(alert.app, alert.name)

    async def remember(self) -> None:
        """Write down who was told, so that a restart does not tell again."""
        while self._unwritten:
            place = self._unwritten.pop()
            await self._alerts.note_told(*place, self._told[place])


def notice_of(alert: Alert, text: str, facts: Mapping[str, Any]) -> Notice:
    """Write the notice of a rule."""
    whose = alert.app or "this node"
    return Notice(
        type=TYPE,
        app=alert.app,
        subject=alert.name,
        title=f"[{whose}] {alert.name}: {text.partition(chr(10))[0][:150]}",
        text=f"{text}\n\nThe alert {alert.name} of {whose} is quiet now for "
        f"{alert.quiet_minutes} min.\n",
        facts={"alert": alert.name, "kind": alert.kind.value, "app": alert.app, **facts},
        key=f"alert:{alert.app}:{alert.name}",
        quiet_s=alert.quiet_minutes * 60.0,
        event=alert.event,
        mails=alert.mails,
        hooks=tuple(Hook(url=url, secret=alert.secret) for url in alert.webhooks),
    )


def _of_fault(fault: Fault, *, new: bool) -> tuple[str, Mapping[str, Any]]:
    state = "a new error" if new else "an error that was resolved is back"
    where = f"\n{fault.where}" if fault.where else ""
    text = (
        f"{state} in {fault.app} {fault.function}: {fault.title}{where}\n\n"
        f"Look at it with: tapwater errors {fault.id}"
    )
    sample = fault.samples[0] if fault.samples else ""
    return text, {
        "fault": fault.id,
        "app": fault.app,
        "function": fault.function,
        "error": fault.error,
        "where": fault.where,
        "invocation": sample,
        "regressed": fault.regressed,
    }


def _of_value(alert: Alert, value: float) -> tuple[str, Mapping[str, Any]]:
    about = f" of {alert.function}" if alert.function else ""
    said = _SAYS[alert.kind].format(value=value, minutes=alert.minutes)
    text = f"{said}{about}; the alert is for more than {alert.above:g}"
    return text, {"value": value, "above": alert.above, "function": alert.function}
