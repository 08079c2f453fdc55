"""Serves the schedules of an app: /schedules/… of its API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tapwater_server.model.cron import zone_named
from tapwater_server.model.errors import Invalid
from tapwater_server.model.schedule import Schedule
from tapwater_server.services.schedules.drafting import ScheduleAsked
from tapwater_server.services.schedules.service import (
    PREVIEW_MAX,
    ScheduleService,
    Triggered,
)
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint

PAGE_MAX = 1000
Said = dict[str, Any]
_S = "/schedules/{name}"


class FunctionAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Which function is to run: ``group/name``."""

    function: str


class SchedulesApi:
    """Translates; the service decides."""

    def __init__(self, *, service: ScheduleService) -> None:
        self._service = service

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/schedules",
                says="List schedules by name, and those that functions say in their files.",
                handler=self._list,
                query={
                    "after": "the name the page before ended with",
                    "limit": f"1 to {PAGE_MAX}, usually 100",
                },
            ),
            Endpoint(
                method="GET",
                path="/schedules/-/next",
                says="Say when times would be due.",
                handler=self._preview,
                query={
                    "times": "cron, or every 5m",
                    "zone": "a time zone, usually UTC",
                    "count": f"1 to {PREVIEW_MAX}, usually 5",
                },
            ),
            Endpoint(
                method="POST",
                path="/schedules/-/run",
                says="Run a function that says its times in its file once, now, besides them.",
                handler=self._run_function,
                takes=FunctionAsked,
            ),
            Endpoint(
                method="PUT",
                path=_S,
                says="Make a schedule, or change one.",
                handler=self._put,
                takes=ScheduleAsked,
            ),
            Endpoint(method="GET", path=_S, says="Show a schedule.", handler=self._get),
            Endpoint(method="DELETE", path=_S, says="Remove a schedule.", handler=self._remove),
            Endpoint(
                method="POST",
                path=f"{_S}/pause",
                says="Let no time count until it is resumed.",
                handler=self._pause,
            ),
            Endpoint(
                method="POST",
                path=f"{_S}/resume",
                says="Let it go on from now.",
                handler=self._resume,
            ),
            Endpoint(
                method="POST",
                path=f"{_S}/run",
                says="Run it once, now, besides its times.",
                handler=self._run,
            ),
        )

    async def _list(self, asked: Asked) -> Said:
        after = asked.text("after") or ""
        limit = int(asked.number("limit", low=1, high=PAGE_MAX) or 100)
        found = [one for one in self._service.all(asked.app) if one.name > after][:limit]
        triggered = () if after else self._service.triggered(asked.app)
        return {
            "schedules": [self._says(one) for one in found],
            "triggers": [_trigger_says(one) for one in triggered],
        }

    async def _preview(self, asked: Asked) -> Said:
        times, zone = asked.text("times"), asked.text("zone") or "UTC"
        if times is None:
            raise Invalid("say times=, as in times=*/5 * * * *")
        count = int(asked.number("count", low=1, high=PREVIEW_MAX) or 5)
        return {"next": [_moment(at, zone) for at in self._service.preview(times, zone, count)]}

    async def _put(self, asked: Asked) -> Said:
        said = await asked.body(ScheduleAsked)
        return self._says(await self._service.put(asked.app, asked.params["name"], said))

    async def _get(self, asked: Asked) -> Said:
        return self._says(self._service.get(asked.app, asked.params["name"]))

    async def _remove(self, asked: Asked) -> None:
        await self._service.remove(asked.app, asked.params["name"])

    async def _pause(self, asked: Asked) -> Said:
        return self._says(await self._service.pause(asked.app, asked.params["name"]))

    async def _resume(self, asked: Asked) -> Said:
        return self._says(await self._service.resume(asked.app, asked.params["name"]))

    async def _run(self, asked: Asked) -> Said:
        return {"id": await self._service.run(asked.app, asked.params["name"])}

    async def _run_function(self, asked: Asked) -> Said:
        said = await asked.body(FunctionAsked)
        return {"id": await self._service.run_function(asked.app, said.function)}

    def _says(self, schedule: Schedule) -> Said:
        standing = self._service.standing(schedule)
        return {
            "name": schedule.name,
            "times": schedule.times,
            "at": _moment(schedule.at, schedule.zone),
            "zone": schedule.zone,
            "target": f"{schedule.kind}:{schedule.target}",
            "payload": msgspec.Raw(schedule.payload),
            "missed": schedule.missed,
            "overlap": schedule.overlap,
            "paused": schedule.paused,
            "next": _moment(standing.next_at, schedule.zone),
            "last": _moment(standing.last_due_at, schedule.zone),
        }


def _trigger_says(one: Triggered) -> Said:
    return {
        "function": one.function,
        "times": one.times,
        "zone": one.zone,
        "next": _moment(one.next_at, one.zone),
    }


def _moment(at: float, zone: str) -> str | None:
    """Write a time as the clock in its zone shows it."""
    return datetime.fromtimestamp(at, zone_named(zone)).isoformat() if at else None
