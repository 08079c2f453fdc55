"""Groups of schedules, and tags."""

from collections.abc import Mapping
from dataclasses import replace

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.clouds.aws.scheduler.checks import NAME, invalid
from tapwater_server.clouds.aws.scheduler.records import (
    DEFAULT,
    Group,
    group_arn,
    show_group,
)
from tapwater_server.clouds.aws.scheduler.store import Store, missing
from tapwater_server.clouds.aws.shapes.paging import page_of
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.ports.clock import Clock

PAGE_MAX = 100
GROUPS_MAX = 500
TAGS_MAX = 200


class Groups:
    """Answers what is asked of groups."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "CreateScheduleGroup": self._create,
            "GetScheduleGroup": self._get,
            "DeleteScheduleGroup": self._delete,
            "ListScheduleGroups": self._list,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._tags,
        }

    async def _create(self, asked: AwsAsked, params: Params) -> Given:
        account, name = asked.account, params["Name"]
        held = self._store.groups(account)
        if not NAME.fullmatch(name):
            raise invalid("Name may have letters, digits, dots, dashes and underscores.")
        if any(one.name == name for one in held):
            raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
        if len(held) >= GROUPS_MAX:
            raise AwsError(
                "ServiceQuotaExceededException", f"There are at most {GROUPS_MAX} groups.", 402
            )
        now, tags = self._clock.now(), tags_in(params.get("Tags"))
        group = Group(name=name, made_at=now, changed_at=now, tags=tags)
        await self._store.put_group(account, group)
        return {"ScheduleGroupArn": group_arn(account, name)}

    async def _get(self, asked: AwsAsked, params: Params) -> Given:
        return show_group(asked.account, self._store.group(asked.account, params["Name"]))

    async def _delete(self, asked: AwsAsked, params: Params) -> Given:
        if params["Name"] == DEFAULT:
            raise invalid("The default schedule group cannot be deleted.")
        self._store.group(asked.account, params["Name"])
        await self._store.drop_group(asked.account, params["Name"])
        return None

    async def _list(self, asked: AwsAsked, params: Params) -> Given:
        prefix = params.get("NamePrefix") or ""
        found = [one for one in self._store.groups(asked.account) if one.name.startswith(prefix)]
        page, token = page_of(
            found,
            lambda one: one.name,
            token=params.get("NextToken"),
            count_max=params.get("MaxResults") or PAGE_MAX,
        )
        shown = [show_group(asked.account, one) for one in page]
        return {"ScheduleGroups": shown, "NextToken": token}

    async def _tags(self, asked: AwsAsked, params: Params) -> Given:
        return {"Tags": tags_out(self._named(asked.account, params["ResourceArn"]).tags)}

    async def _tag(self, asked: AwsAsked, params: Params) -> Given:
        group = self._named(asked.account, params["ResourceArn"])
        tags = {**group.tags, **tags_in(params["Tags"])}
        if len(tags) > TAGS_MAX:
            raise invalid(f"There are at most {TAGS_MAX} tags.")
        await self._put(asked.account, group, tags)
        return None

    async def _untag(self, asked: AwsAsked, params: Params) -> Given:
        group = self._named(asked.account, params["ResourceArn"])
        await self._put(asked.account, group, untagged(group.tags, params["TagKeys"]))
        return None

    def _named(self, account: Account, arn: str) -> Group:
        parsed = parse_arn(arn)
        kind, _, name = ("", "", "") if parsed is None else parsed.resource.partition("/")
        if kind != "schedule-group":
            raise missing(f"{arn[:300]} does not exist: groups have tags.")
        return self._store.group(account, name)

    async def _put(self, account: Account, group: Group, tags: Mapping[str, str]) -> None:
        changed = replace(group, tags=tags, changed_at=self._clock.now())
        await self._store.put_group(account, changed)
