"""Events of EventBridge. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.shapes.times import in_seconds


def bridged_event(
    account: Account,
    *,
    id: str,
    source: str,
    kind: str,
    at: float,
    resources: Sequence[str] = (),
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """Write an event as a target gets it; ``kind`` is its detail-type."""
    return {
        "version": "0",
        "id": id,
        "detail-type": kind,
        "source": source,
        "account": account.id,
        "time": in_seconds(at),
        "region": account.region,
        "resources": list(resources),
        "detail": dict(detail),
    }


def scheduled_event(account: Account, *, id: str, rule: str, at: float) -> dict[str, Any]:
    """Write what the targets of a rule with a schedule get. ``rule`` is its ARN."""
    return bridged_event(
        account,
        id=id,
        source="aws.events",
        kind="Scheduled Event",
        at=at,
        resources=[rule],
        detail={},
    )
