"""When something that was not taken is sent again, and when no more. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tapwater_server.clouds.aws.sns.subscriptions import WEB, Subscription

TRIES_MAX = 100  # of a web address, as in SNS
AGE_S_MAX = 23 * 86_400.0  # of what goes to queues and functions
_NOW, _FEW = 3, 2  # tries at once, then with a second between, then with more and more
_DELAY_S_MAX = 20.0


def delay_s(one: Subscription, *, attempt: int, age_s: float) -> float | None:
    """Say how long to wait after attempt n, from 1; None: it is given up."""
    if one.protocol not in WEB:
        if age_s >= AGE_S_MAX:
            return None
        return _growing_s(attempt)
    policy = _policy(one.attributes.get("DeliveryPolicy", ""))
    retries = min(int(policy.get("numRetries", 3)), TRIES_MAX)
    if attempt > retries:
        return None
    low = float(policy.get("minDelayTarget", 20))
    high = max(low, float(policy.get("maxDelayTarget", 20)))
    if attempt <= int(policy.get("numNoDelayRetries", 0)):
        return 0.0
    share = (attempt - 1) / max(1, retries - 1)
    return low + (high - low) * share


def _growing_s(attempt: int) -> float:
    if attempt <= _NOW:
        return 0.0
    if attempt <= _NOW + _FEW:
        return 1.0
    return min(_DELAY_S_MAX, 2.0 ** min(attempt - _NOW - _FEW, 8))


def _policy(text: str) -> Mapping[str, Any]:
    said = msgspec.json.decode(text) if text else {}
    found = said.get("healthyRetryPolicy", {})
    return found if isinstance(found, dict) else {}
