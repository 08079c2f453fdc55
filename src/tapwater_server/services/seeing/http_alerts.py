"""Serves the rules of alerts: /alerts of the node's API."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from tapwater_server.model.alert import MINUTES_MAX, NAME, PLACES_MAX, Alert, AlertKind
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.ports.alerts import Alerts
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.seeing.alarms import Alarms
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Handler, Who
from tapwater_server.web.node import app_in_query

_A = "/alerts/{name}"
_APP = {"app": "of which app; none: the node's own, for holders of an admin token"}
_TEXT_CHARS_MAX = 500


class AlertAsked(msgspec.Struct, forbid_unknown_fields=True):
    """A rule, as somebody writes it."""

    kind: AlertKind
    function: str = ""
    above: float = 0.0
    minutes: int = 5
    calls_min: int = 20
    quiet_minutes: int = 60
    event: bool = True
    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    paused: bool = False


class AlertsApi:
    """Translates; the rules are looked at by ``Alarms``."""

    def __init__(self, *, alerts: Alerts, alarms: Alarms, ids: IdSource) -> None:
        self._alerts, self._alarms, self._ids = alerts, alarms, ids

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            _endpoint("GET", "/alerts", "The rules that tell people of trouble.", self._list),
            _endpoint("GET", _A, "One rule, and how it stands.", self._get),
            Endpoint(
                method="PUT",
                path=_A,
                says="Make a rule, or change one. The answer to the first has the secret that "
                "its webhooks are signed with.",
                handler=self._put,
                who=Who.HOLDER,
                query=_APP,
                takes=AlertAsked,
            ),
            _endpoint("DELETE", _A, "Remove a rule.", self._remove),
        )

    async def _list(self, asked: Asked) -> Mapping[str, Any]:
        app = app_in_query(asked)
        alerts = self._alerts.all() if app is None else self._alerts.of_app(app)
        return {"alerts": [self._says(one) for one in alerts]}

    async def _get(self, asked: Asked) -> Mapping[str, Any]:
        return self._says(self._known(asked))

    async def _put(self, asked: Asked) -> Mapping[str, Any]:
        app, name = _place(asked)
        known = self._alerts.get(app, name)
        secret = known.secret if known is not None else self._ids.secret()
        alert = alert_of(app, name, await asked.body(AlertAsked), secret=secret)
        await self._alerts.put(alert)
        return {**self._says(alert), **({"secret": secret} if known is None else {})}

    async def _remove(self, asked: Asked) -> None:
        alert = self._known(asked)
        await self._alerts.remove(alert.app, alert.name)

    def _known(self, asked: Asked) -> Alert:
        app, name = _place(asked)
        alert = self._alerts.get(app, name)
        if alert is None:
            raise NotFound(f"there is no alert {name[:64]!r}")
        return alert

    def _says(self, alert: Alert) -> Mapping[str, Any]:
        said: dict[str, Any] = msgspec.to_builtins(replace(alert, secret=""))
        del said["secret"]
        return {**said, "standing": self._alarms.standing(alert)}


def alert_of(app: AppId, name: str, asked: AlertAsked, *, secret: str) -> Alert:
    """Check a rule.

    Raises:
        Invalid: it cannot be one.
    """
    _check(NAME.fullmatch(name) is not None, "a name is made of a-z, 0-9, - and _")
    _check(0 <= asked.above < 1e12, "above is a number from 0 on")
    _check(1 <= asked.minutes <= MINUTES_MAX, f"minutes is from 1 to {MINUTES_MAX}")
    _check(1 <= asked.quiet_minutes <= 31 * MINUTES_MAX, "quiet_minutes is from 1 to 44640")
    _check(0 <= asked.calls_min <= 1_000_000, "calls_min is from 0 to 1000000")
    _check(len(asked.function) <= _TEXT_CHARS_MAX, "the function's name is too long")
    for places in (asked.mails, asked.webhooks):
        _check(len(places) <= PLACES_MAX, f"at most {PLACES_MAX} mails and webhooks each")
        _check(all(0 < len(one) <= _TEXT_CHARS_MAX for one in places), "an address is too long")
    _check(all("@" in one for one in asked.mails), "a mail has an address with an @")
    _check(
        all(one.startswith(("https://", "http://")) for one in asked.webhooks),
        "a webhook begins with https:// or http://",
    )
    said = {name: getattr(asked, name) for name in asked.__struct_fields__}
    return Alert(app=app, name=name, secret=secret, **said)


def _check(fits: bool, says: str) -> None:
    if not fits:
        raise Invalid(says)


def _place(asked: Asked) -> tuple[AppId, str]:
    return app_in_query(asked) or AppId(""), asked.params["name"]


def _endpoint(method: str, path: str, says: str, handler: Handler) -> Endpoint:
    return Endpoint(
        method=method, path=path, says=says, handler=handler, who=Who.HOLDER, query=_APP
    )
