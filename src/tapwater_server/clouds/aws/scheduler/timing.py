"""The times of schedules, for the loop that watches over all times."""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.post.parcels import AGE_S_MAX, RETRIES_MAX, Chain, Parcel, errand_of
from tapwater_server.clouds.aws.rules.expressions import (
    Expression,
    Once,
    follower,
    moment_of,
    read_expression,
)
from tapwater_server.clouds.aws.scheduler.checks import UNIVERSAL
from tapwater_server.clouds.aws.scheduler.records import ENABLED, Planned, schedule_arn
from tapwater_server.clouds.aws.scheduler.store import Store
from tapwater_server.clouds.aws.shapes.bridged import bridged_event
from tapwater_server.clouds.aws.shapes.times import in_seconds
from tapwater_server.model.cron import zone_named
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.timetables import Timed

_PREFIX = "aws-schedule:"
_SPACE = "aws/"


class PlannedTimes:
    """Keeps ``ports.timetables.Timetable``."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def timed(self, app: AppId, key: str) -> Timed | None:
        if not key.startswith(_PREFIX):
            return None
        planned = self._store.planned(f"{_SPACE}{app}", key.removeprefix(_PREFIX))
        return None if planned is None or planned.state != ENABLED else _timed(planned, app)

    def all(self) -> Iterable[Timed]:
        for space in self._store.spaces():
            if space.startswith(_SPACE):
                app = AppId(space.removeprefix(_SPACE))
                enabled = (one for one in self._store.all(space) if one.state == ENABLED)
                yield from (_timed(one, app) for one in enabled)

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._store.watch(
            lambda space, place: told(AppId(space.removeprefix(_SPACE)), f"{_PREFIX}{place}")
        )

    async def over(self, timed: Timed) -> None:
        """Remove a schedule that is to go when it is over, if it is still the same."""
        space = f"{_SPACE}{timed.app}"
        planned = self._store.planned(space, timed.key.removeprefix(_PREFIX))
        if planned is not None and planned.after == "DELETE" and _said(planned) == timed.said:
            await self._store.drop(space, planned)


def _timed(planned: Planned, app: AppId) -> Timed:
    expression = read_expression(planned.expression, once=True)
    since = max(planned.since, planned.starts_at or 0.0)
    if isinstance(expression, Once):
        # One whose time was over when it was made runs at once: better late than never.
        since = min(since, moment_of(expression, zone_named(planned.zone)) - 1)
    return Timed(
        app=app,
        key=f"{_PREFIX}{planned.place}",
        said=_said(planned),
        next_after=follower(
            expression,
            zone_named(planned.zone),
            since=since,
            first_at_once=True,
            until=_until(planned, expression),
        ),
        errand=lambda due: errand_at(planned, app, due),
        since=since - 1 if not isinstance(expression, Once) else since,
    )


def _said(planned: Planned) -> str:
    return f"{planned.id} {planned.expression}"


def _until(planned: Planned, expression: Expression) -> float | None:
    return None if isinstance(expression, Once) else planned.ends_at


def errand_at(planned: Planned, app: AppId, due: float) -> Errand:
    """Make the errand of one time. Made again, it is the same."""
    account = Account(id=planned.account, home=app, region=planned.region)
    digits = blake2b(f"{app} {planned.id} {due}".encode(), digest_size=16).hexdigest()
    id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    chance = int(digits[:12], 16) / (1 << 48)
    return errand_of(
        parcel_of(planned, account, id=id, due=due),
        app,
        Chain(),
        not_before=due + chance * planned.window_minutes * 60 if planned.window_minutes else 0.0,
    )


def parcel_of(planned: Planned, account: Account, *, id: str, due: float) -> Parcel:
    """Write what the target is sent."""
    target, arn = planned.target, schedule_arn(account, planned.group, planned.name)
    retries = target.get("RetryPolicy") or {}
    said, age_s = retries.get("MaximumRetryAttempts"), retries.get("MaximumEventAgeInSeconds")
    to, body = _sent(target, account, _input(target, arn, id=id, due=due), id=id, due=due)
    group = (target.get("SqsParameters") or {}).get("MessageGroupId", "")
    return Parcel(
        id=id,
        account=account.id,
        region=account.region,
        to=to,
        body=body,
        source=arn,
        group=group,
        dedupe=id if group else "",
        retries_max=RETRIES_MAX if said is None else said,
        age_s_max=AGE_S_MAX if age_s is None else float(age_s),
        dead_letters=(target.get("DeadLetterConfig") or {}).get("Arn", ""),
        facts={"SCHEDULE_ARN": arn, "TARGET_ARN": target["Arn"]},
    )


def _input(target: Mapping[str, Any], arn: str, *, id: str, due: float) -> str:
    """Give the input, with what is known only now."""
    text = str(target.get("Input") or "{}")
    known = {
        "<aws.scheduler.schedule-arn>": arn,
        "<aws.scheduler.scheduled-time>": in_seconds(due),
        "<aws.scheduler.execution-id>": id,
        "<aws.scheduler.attempt-number>": "1",
    }
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _sent(
    target: Mapping[str, Any], account: Account, text: str, *, id: str, due: float
) -> tuple[str, str]:
    """Say whom it goes to, and what is sent."""
    if target["Arn"] in UNIVERSAL:
        return _universal(target["Arn"], account, text)
    said = target.get("EventBridgeParameters")
    if said is None:
        return target["Arn"], text
    event = bridged_event(
        account,
        id=id,
        source=said["Source"],
        kind=said["DetailType"],
        at=due,
        detail=_detail(text),
    )
    return target["Arn"], json.dumps(event)


def _universal(arn: str, account: Account, text: str) -> tuple[str, str]:
    service, where, what = UNIVERSAL[arn]
    said = json.loads(text)
    place, body = said[where], said.get(what, "{}" if service == "lambda" else "")
    if service == "sqs":
        place = account.arn("sqs", place.rpartition("/")[2])
    elif service == "lambda" and not place.startswith("arn:"):
        place = account.arn("lambda", f"function:{place}")
    return place, body if isinstance(body, str) else json.dumps(body)


def _detail(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {"input": text}
    return said if isinstance(said, dict) else {"input": said}
