"""The schedules of rules, for the loop that watches over all times."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC
from hashlib import blake2b

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.events.records import DEFAULT, Rule, rule_arn
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.post.parcels import Chain, Parcel, errand_of
from tapwater_server.clouds.aws.rules.expressions import follower, read_expression
from tapwater_server.clouds.aws.shapes.bridged import scheduled_event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.timetables import Timed

_PREFIX = "aws-rule:"
_SPACE = "aws/"


class RuleTimes:
    """Keeps ``ports.timetables.Timetable``."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def timed(self, app: AppId, key: str) -> Timed | None:
        if not key.startswith(_PREFIX):
            return None
        bus, _, name = key.removeprefix(_PREFIX).rpartition("/")
        rule = self._store.rule(f"{_SPACE}{app}", bus, name)
        return None if rule is None or not _is_timed(rule) else _timed(rule, app)

    def all(self) -> Iterable[Timed]:
        for space in self._store.spaces():
            if space.startswith(_SPACE):
                app = AppId(space.removeprefix(_SPACE))
                yield from (_timed(one, app) for one in self._store.rules(space) if _is_timed(one))

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._store.watch(
            lambda space, key: told(AppId(space.removeprefix(_SPACE)), f"{_PREFIX}{key}")
        )

    async def over(self, timed: Timed) -> None:
        """A rule whose times are over stays."""


def _is_timed(rule: Rule) -> bool:
    return rule.enabled and bool(rule.schedule)


def _timed(rule: Rule, app: AppId) -> Timed:
    return Timed(
        app=app,
        key=f"{_PREFIX}{rule.key}",
        said=f"{rule.schedule} {rule.since}",
        next_after=follower(read_expression(rule.schedule), UTC, since=rule.since),
        errand=lambda due: errand_at(rule, app, due),
        since=rule.since,
    )


def errand_at(rule: Rule, app: AppId, due: float) -> Errand:
    """Make the errand that tells a rule that its time has come. Made again, it is the same."""
    account = Account(id=rule.account, home=app, region=rule.region)
    arn = rule_arn(account, rule.bus, rule.name)
    digits = blake2b(f"{app} {arn} {due}".encode(), digest_size=16).hexdigest()
    id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    place = f"rule/{rule.bus}/{rule.name}" if rule.bus != DEFAULT else f"rule/{rule.name}"
    parcel = Parcel(
        id=id,
        account=rule.account,
        region=rule.region,
        to=account.arn("events", place),
        body=json.dumps(scheduled_event(account, id=id, rule=arn, at=due)),
        source=arn,
    )
    return errand_of(parcel, app, Chain())
