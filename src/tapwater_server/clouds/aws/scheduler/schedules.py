"""Schedules: made, changed, listed, removed."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.scheduler.checks import planned_of
from tapwater_server.clouds.aws.scheduler.records import (
    DEFAULT,
    place_of,
    schedule_arn,
    show_planned,
    show_summary,
)
from tapwater_server.clouds.aws.scheduler.store import Store
from tapwater_server.clouds.aws.shapes.paging import page_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

PAGE_MAX = 100


class Schedules:
    """Answers what is asked of schedules."""

    def __init__(self, *, store: Store, clock: Clock, ids: IdSource) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateSchedule": self._create,
            "GetSchedule": self._get,
            "UpdateSchedule": self._update,
            "DeleteSchedule": self._delete,
            "ListSchedules": self._list,
        }

    async def _create(self, asked: AwsAsked, params: Params) -> Given:
        account, group = asked.account, params.get("GroupName") or DEFAULT
        self._store.group(account, group)
        if self._store.planned(account.space, place_of(group, params["Name"])) is not None:
            raise AwsError("ConflictException", f"Schedule {params['Name']} already exists.", 409)
        planned = planned_of(
            params, account, before=None, id=self._ids.fresh(), now=self._clock.now()
        )
        await self._store.put(account.space, planned)
        return {"ScheduleArn": schedule_arn(account, group, planned.name)}

    async def _get(self, asked: AwsAsked, params: Params) -> Given:
        group = params.get("GroupName") or DEFAULT
        return show_planned(asked.account, self._store.find(asked.account, group, params["Name"]))

    async def _update(self, asked: AwsAsked, params: Params) -> Given:
        account, group = asked.account, params.get("GroupName") or DEFAULT
        before = self._store.find(account, group, params["Name"])
        planned = planned_of(
            params, account, before=before, id=self._ids.fresh(), now=self._clock.now()
        )
        await self._store.put(account.space, planned)
        return {"ScheduleArn": schedule_arn(account, group, planned.name)}

    async def _delete(self, asked: AwsAsked, params: Params) -> Given:
        group = params.get("GroupName") or DEFAULT
        planned = self._store.find(asked.account, group, params["Name"])
        await self._store.drop(asked.account.space, planned)
        return None

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        account, group = asked.account, params.get("GroupName") or ""
        if group:
            self._store.group(account, group)
        prefix, state = params.get("NamePrefix") or "", params.get("State")
        found = [
            one
            for one in self._store.all(account.space, group)
            if one.name.startswith(prefix) and state in (None, one.state)
        ]
        page, token = page_of(
            found,
            lambda one: one.place,
            token=params.get("NextToken"),
            count_max=params.get("MaxResults") or PAGE_MAX,
        )
        return {"Schedules": [show_summary(account, one) for one in page], "NextToken": token}
