"""Log groups as what other services of AWS send to: each thing sent is a line."""

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.logs.groups import (
    FIELD_GROUP,
    FIELD_STREAM,
    STREAM,
    Group,
    Groups,
)
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts, Put
from tapwater_server.ports.meter import LogLine, Meter

SENT = "sent"  # The stream of what was sent.
_GROUP = "log-group:"


class GroupTargets:
    """Keeps ``Targets`` for ARNs of log groups."""

    def __init__(self, *, groups: Groups, facts: Facts, meter: Meter, clock: Clock) -> None:
        self._groups, self._facts = groups, facts
        self._meter, self._clock = meter, clock

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        group = self._find(account, arn)
        if group is None or group.app:
            raise AwsError(
                "ResourceNotFoundException", "The specified log group does not exist.", 400
            )
        key = f"{group.name}:{SENT}"
        if self._facts.get(account.space, STREAM, key) is None:
            value = {"created": self._clock.now()}
            await self._facts.change(account.space, [Put(kind=STREAM, key=key, value=value)])
        line = LogLine(
            at=self._clock.now(),
            app=account.home,
            function="",
            invocation="",
            instance="",
            level="info",
            text=sent.body.decode("utf-8", "replace"),
            fields={FIELD_GROUP: group.name, FIELD_STREAM: SENT},
        )
        self._meter.log(line)

    def exists(self, account: Account, arn: str) -> bool:
        group = self._find(account, arn)
        return group is not None and not group.app

    def _find(self, account: Account, arn: str) -> Group | None:
        parsed = parse_arn(arn)
        if parsed is None or not parsed.resource.startswith(_GROUP):
            return None
        return self._groups.find(account, parsed.resource.removeprefix(_GROUP).partition(":")[0])
