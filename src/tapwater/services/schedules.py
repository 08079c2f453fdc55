"""Schedules made while an app runs: ``schedules.set("nightly", "0 3 * * *", target=…)``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule. ``next`` and ``last`` are ISO 8601 in its zone; None stands for never."""

    name: str
    target: str  # "function:group/name", "queue:emails", "topic:news", "event:shop.closed"
    times: str = ""  # "*/5 * * * *", "every 5m"; "" for what is due once
    at: str | None = None
    zone: str = "UTC"
    payload: Any = None
    missed: str = "once"
    overlap: str = "skip"
    paused: bool = False
    next: str | None = None
    last: str | None = None


class Schedules:
    """The schedules of an app. Those in functions' files (``@on.schedule``) are not among them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def set(
        self,
        name: str,
        times: str,
        *,
        target: str,
        payload: Any = None,
        tz: str = "UTC",
        missed: str = "once",
        overlap: str = "skip",
        paused: bool = False,
    ) -> Schedule:
        """Make a schedule, or change one: ``times`` as in ``*/5 * * * *`` or ``every 5m``.

        ``missed``: skip, once or all of the times at which the platform did not run.
        ``overlap``: skip, wait or allow a time at which the last run is not over.
        """
        return self._put(
            name,
            times=times,
            target=target,
            payload=payload,
            zone=tz,
            missed=missed,
            overlap=overlap,
            paused=paused,
        )

    def once(
        self,
        name: str,
        at: datetime | str | float,
        *,
        target: str,
        payload: Any = None,
        tz: str = "UTC",
        missed: str = "once",
    ) -> Schedule:
        """Let something happen once; then the schedule is gone.

        ``at``: a datetime, ISO 8601 (in ``tz`` unless it says its own), or seconds since the epoch.
        """
        moment = at.isoformat() if isinstance(at, datetime) else at
        return self._put(name, at=moment, target=target, payload=payload, zone=tz, missed=missed)

    def get(self, name: str) -> Schedule:
        return _read(ask_json(self._transport, "GET", path_to("schedules", name)))

    def all(self, *, after: str = "", limit: int = 100) -> Sequence[Schedule]:
        """List them by name; the next page comes after the last name of this one."""
        query = {"after": after or None, "limit": limit}
        said = ask_json(self._transport, "GET", "/schedules", query=query)
        return [_read(one) for one in said["schedules"]]

    def remove(self, name: str) -> None:
        ask_json(self._transport, "DELETE", path_to("schedules", name))

    def pause(self, name: str) -> Schedule:
        """Let no time count until it is resumed."""
        return _read(ask_json(self._transport, "POST", path_to("schedules", name, "pause")))

    def resume(self, name: str) -> Schedule:
        """Let it go on from now."""
        return _read(ask_json(self._transport, "POST", path_to("schedules", name, "resume")))

    def run(self, name: str) -> str:
        """Run it once, now, besides its times; give the id of what was told."""
        said = ask_json(self._transport, "POST", path_to("schedules", name, "run"))
        return str(said["id"])

    def run_function(self, function: str) -> str:
        """Run ``group/name``, which says its times in its file, once, now, besides them."""
        asked = {"function": function}
        return str(ask_json(self._transport, "POST", "/schedules/-/run", asked)["id"])

    def preview(self, times: str, *, tz: str = "UTC", count: int = 5) -> Sequence[str]:
        """Say when times would be due from now on."""
        query = {"times": times, "zone": tz, "count": count}
        said = ask_json(self._transport, "GET", "/schedules/-/next", query=query)
        found: Sequence[str] = said["next"]
        return found

    def _put(self, name: str, **asked: Any) -> Schedule:
        return _read(ask_json(self._transport, "PUT", path_to("schedules", name), asked))


def _read(said: Mapping[str, Any]) -> Schedule:
    return Schedule(**{name: said[name] for name in Schedule.__slots__ if name in said})
