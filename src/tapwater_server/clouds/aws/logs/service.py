"""The operations of CloudWatch Logs."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError, Service
from tapwater_server.clouds.aws.logs.events import Events, group_of
from tapwater_server.clouds.aws.logs.groups import Group, Groups, arn_of
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService, Params

PAGE = 50
TAGS_MAX = 50


class Logs:
    """Groups and streams; the lines are ``events.py``'s."""

    def __init__(self, *, groups: Groups, events: Events) -> None:
        self._groups, self._events = groups, events

    def door(self) -> Service:
        handlers: Mapping[str, Handler] = {
            "CreateLogGroup": self.create_group,
            "DeleteLogGroup": self.delete_group,
            "DescribeLogGroups": self.describe_groups,
            "ListLogGroups": self.list_groups,
            "CreateLogStream": self.create_stream,
            "DescribeLogStreams": self.describe_streams,
            "PutRetentionPolicy": self.put_retention,
            "DeleteRetentionPolicy": self.delete_retention,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
            "TagLogGroup": self.tag_group,
            "UntagLogGroup": self.untag_group,
            "ListTagsLogGroup": self.list_group_tags,
            **self._events.handlers(),
        }
        return ModelService("logs", handlers, protocol="json")

    async def create_group(self, asked: AwsAsked, params: Params) -> Given:
        kind = params.get("logGroupClass", "STANDARD")
        await self._groups.create(
            asked.account, params["logGroupName"], params.get("tags", {}), kind
        )
        return None

    async def delete_group(self, asked: AwsAsked, params: Params) -> Given:
        await self._groups.delete(asked.account, params["logGroupName"])
        return None

    async def describe_groups(self, asked: AwsAsked, params: Params) -> Given:
        prefix, part = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
        found = [group for group in self._groups.all(asked.account, prefix) if part in group.name]
        page, token = _page(found, params, lambda group: group.name)
        return {"logGroups": [_shown(asked, group) for group in page], **token}

    async def list_groups(self, asked: AwsAsked, params: Params) -> Given:
        part = params.get("logGroupNamePattern", "")
        found = [group for group in self._groups.all(asked.account) if part in group.name]
        page, token = _page(found, params, lambda group: group.name)
        shown = [
            {
                "logGroupName": group.name,
                "logGroupArn": arn_of(asked.account, group.name),
                "logGroupClass": group.facts.get("class", "STANDARD"),
            }
            for group in page
        ]
        return {"logGroups": shown, **token}

    async def create_stream(self, asked: AwsAsked, params: Params) -> Given:
        await self._groups.create_stream(
            asked.account, params["logGroupName"], params["logStreamName"]
        )
        return None

    async def describe_streams(self, asked: AwsAsked, params: Params) -> Given:
        group = self._groups.need(asked.account, group_of(params))
        streams = self._groups.streams(asked.account, group, params.get("logStreamNamePrefix", ""))
        found = list(streams.items())
        if params.get("descending", False):
            found.reverse()
        page, token = _page(found, params, lambda pair: pair[0])
        last = await self._events.last_at(asked.account, group) if page else None
        arn = arn_of(asked.account, group.name)
        shown = []
        for name, created in page:
            said: dict[str, Any] = {
                "logStreamName": name,
                "creationTime": int(created * 1000),
                "arn": f"{arn}:log-stream:{name}",
                "storedBytes": 0,
            }
            if last is not None:
                said |= {"lastEventTimestamp": last, "lastIngestionTime": last}
            shown.append(said)
        return {"logStreams": shown, **token}

    async def put_retention(self, asked: AwsAsked, params: Params) -> Given:
        days = params["retentionInDays"]
        await self._groups.change(asked.account, params["logGroupName"], retention=days)
        return None

    async def delete_retention(self, asked: AwsAsked, params: Params) -> Given:
        await self._groups.change(asked.account, params["logGroupName"], retention=None)
        return None

    async def tag(self, asked: AwsAsked, params: Params) -> Given:
        return await self._tag(asked, _name_of_arn(params["resourceArn"]), params["tags"])

    async def untag(self, asked: AwsAsked, params: Params) -> Given:
        return await self._untag(asked, _name_of_arn(params["resourceArn"]), params["tagKeys"])

    async def list_tags(self, asked: AwsAsked, params: Params) -> Given:
        group = self._groups.need(asked.account, _name_of_arn(params["resourceArn"]))
        return {"tags": group.facts.get("tags", {})}

    async def tag_group(self, asked: AwsAsked, params: Params) -> Given:
        return await self._tag(asked, params["logGroupName"], params["tags"])

    async def untag_group(self, asked: AwsAsked, params: Params) -> Given:
        return await self._untag(asked, params["logGroupName"], params["tags"])

    async def list_group_tags(self, asked: AwsAsked, params: Params) -> Given:
        group = self._groups.need(asked.account, params["logGroupName"])
        return {"tags": group.facts.get("tags", {})}

    async def _tag(self, asked: AwsAsked, name: str, tags: Mapping[str, str]) -> Given:
        group = self._groups.need(asked.account, name)
        merged = {**group.facts.get("tags", {}), **tags}
        if len(merged) > TAGS_MAX:
            raise AwsError("TooManyTagsException", f"At most {TAGS_MAX} tags")
        await self._groups.change(asked.account, name, tags=merged)
        return None

    async def _untag(self, asked: AwsAsked, name: str, keys: Sequence[str]) -> Given:
        group = self._groups.need(asked.account, name)
        kept = {key: said for key, said in group.facts.get("tags", {}).items() if key not in keys}
        await self._groups.change(asked.account, name, tags=kept)
        return None


def _name_of_arn(arn: str) -> str:
    """Read a group's name from its ARN.

    >>> _name_of_arn("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/thumbs:*")
    '/aws/lambda/thumbs'
    """
    _, mark, name = arn.partition(":log-group:")
    if not mark:
        raise AwsError("InvalidParameterException", f"{arn[:100]} is no log group's ARN")
    return name.removesuffix(":*")


def _shown(asked: AwsAsked, group: Group) -> dict[str, Any]:
    arn = arn_of(asked.account, group.name)
    said: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": int(group.created * 1000),
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": 0,
        "logGroupClass": group.facts.get("class", "STANDARD"),
    }
    if "retention" in group.facts:
        said["retentionInDays"] = group.facts["retention"]
    return said


def _page(found: Sequence[Any], params: Params, name: Any) -> tuple[Sequence[Any], dict[str, str]]:
    """Cut out a page; the token is the name of the last one on it."""
    token, size = params.get("nextToken", ""), params.get("limit", PAGE)
    names = [name(each) for each in found]
    start = names.index(token) + 1 if token in names else 0
    page = found[start : start + size]
    more = start + size < len(found)
    return page, {"nextToken": names[start + size - 1]} if more else {}
