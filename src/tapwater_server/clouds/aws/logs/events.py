"""Log lines as events of CloudWatch Logs: read by stream or by pattern, and written."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.logs.groups import (
    FIELD_GROUP,
    FIELD_STREAM,
    Group,
    Groups,
)
from tapwater_server.clouds.aws.logs.patterns import read_pattern
from tapwater_server.clouds.aws.protocol.service import Given, Handler, Params
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import LogLine, Meter

EVENTS_MAX = 10_000
EVENT_BYTES_MAX = 256 << 10
OLD_S_MAX, EARLY_S_MAX = 14 * 86_400, 2 * 3_600
SCANNED_MAX = 5_000  # Lines looked at for one page.


class Events:
    """The operations on lines."""

    def __init__(self, *, groups: Groups, meter: Meter, reading: Meter, clock: Clock) -> None:
        self._groups, self._clock = groups, clock
        self._meter, self._reading = meter, reading  # to write, and to read

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "PutLogEvents": self.put,
            "GetLogEvents": self.get,
            "FilterLogEvents": self.filter,
        }

    async def last_at(self, account: Account, group: Group) -> int | None:
        """Say when the last line came, in milliseconds."""
        lines = await self._reading.lines(group.asked(account, count_max=1))
        return int(lines[-1].at * 1000) if lines and lines[-1].at >= group.since else None

    async def put(self, asked: AwsAsked, params: Params) -> Given:
        account = asked.account
        group = self._groups.need(account, params["logGroupName"])
        stream, events = params["logStreamName"], params["logEvents"]
        self._groups.need_stream(account, group, stream)
        if len(events) > EVENTS_MAX:
            raise AwsError("InvalidParameterException", f"At most {EVENTS_MAX} events at a time")
        now, late, early = self._clock.now(), 0, None
        for index, event in enumerate(events):
            at = event["timestamp"] / 1000
            if at < now - OLD_S_MAX:
                late = index + 1
            elif at > now + EARLY_S_MAX:
                early = index if early is None else early
            else:
                self._write(account, group, stream, at, event["message"])
        rejected: dict[str, int] = {}
        if late:
            rejected["tooOldLogEventEndIndex"] = late
        if early is not None:
            rejected["tooNewLogEventStartIndex"] = early
        return {
            "nextSequenceToken": asked.id,
            **({"rejectedLogEventsInfo": rejected} if rejected else {}),
        }

    def _write(self, account: Account, group: Group, stream: str, at: float, text: str) -> None:
        if len(text) > EVENT_BYTES_MAX:
            raise AwsError("InvalidParameterException", "Log event too large")
        self._meter.log(
            LogLine(
                at=at,
                app=group.app or account.home,
                function="handler" if group.app else "",
                invocation="",
                instance="",
                level="info",
                text=text,
                fields={FIELD_GROUP: group.name, FIELD_STREAM: stream},
            )
        )

    async def get(self, asked: AwsAsked, params: Params) -> Given:
        account = asked.account
        group = self._groups.need(account, group_of(params))
        stream = params["logStreamName"]
        self._groups.need_stream(account, group, stream)
        size = params.get("limit", EVENTS_MAX)
        token = params.get("nextToken", "")
        direction, _, number = token.partition("/")
        if token and (direction not in ("f", "b") or not number.isdecimal() or len(number) > 18):
            raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
        forward = direction == "f" or (not token and params.get("startFromHead", False))
        seq = int(number) if number else 0
        bounds = {"after_seq": seq} if forward else {"before_seq": seq} if token else {}
        lines = await self._lines(
            account, group, params, size=min(size, SCANNED_MAX), stream=stream, bounds=bounds
        )
        first = lines[0].seq if lines else seq
        last = lines[-1].seq if lines else seq
        return {
            "events": [_shown(line) for line in lines],
            "nextForwardToken": f"f/{last}",
            "nextBackwardToken": f"b/{first}",
        }

    async def filter(self, asked: AwsAsked, params: Params) -> Given:
        account = asked.account
        group = self._groups.need(account, group_of(params))
        fits = read_pattern(params.get("filterPattern", ""))
        token, size = params.get("nextToken", "0"), params.get("limit", EVENTS_MAX)
        if not token.isdecimal() or len(token) > 18:
            raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
        wanted = set(params.get("logStreamNames", ()))
        prefix = params.get("logStreamNamePrefix", "")
        bounds = {"after_seq": int(token)}
        lines = await self._lines(
            account, group, params, size=SCANNED_MAX, stream="", bounds=bounds
        )
        found: list[dict[str, Any]] = []
        seq = int(token)
        for line in lines:
            if len(found) >= size:
                break
            seq, name = line.seq, _stream(line, group)
            if fits(line.text) and (not wanted or name in wanted) and name.startswith(prefix):
                event = {**_shown(line), "logStreamName": name, "eventId": f"{line.seq:056d}"}
                found.append(event)
        more = bool(lines) and (seq < lines[-1].seq or len(lines) >= SCANNED_MAX)
        searched = [{"logStreamName": name, "searchedCompletely": True} for name in sorted(wanted)]
        return {
            "events": found,
            "searchedLogStreams": searched,
            **({"nextToken": str(seq)} if more else {}),
        }

    async def _lines(
        self,
        account: Account,
        group: Group,
        params: Params,
        *,
        size: int,
        stream: str,
        bounds: Mapping[str, int],
    ) -> Sequence[LogLine]:
        since = max(params.get("startTime", 0) / 1000, group.since)
        until = params.get("endTime")
        fields = {FIELD_STREAM: stream} if stream and stream != group.stream else {}
        wanted = group.asked(
            account,
            since=since or None,
            until=None if until is None else until / 1000,
            count_max=size,
            fields=fields,
            **bounds,
        )
        return await self._reading.lines(wanted)


def group_of(params: Params) -> str:
    """Give the group that is meant, by its name or its ARN."""
    said = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
    if not said:
        raise AwsError("InvalidParameterException", "A log group must be named")
    return said.partition(":log-group:")[2].removesuffix(":*") or said


def _shown(line: LogLine) -> dict[str, Any]:
    at = int(line.at * 1000)
    return {"timestamp": at, "message": line.text, "ingestionTime": at}


def _stream(line: LogLine, group: Group) -> str:
    return str(line.fields.get(FIELD_STREAM) or group.stream)
