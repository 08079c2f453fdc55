"""Signatures of webhooks: GitHub's, Stripe's, Slack's, and a plain HMAC. Pure.

All are HMAC-SHA256 over the body as it came. Where the sender signs a time as well, an old request
is refused: somebody may have kept a copy of it.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping

TOLERANCE_S = 300.0
SIGNATURES_MAX = 8  # Stripe sends several while a secret is being changed.

Check = Callable[[Mapping[str, str], bytes, bytes, float], str]


def complaint(
    style: str, headers: Mapping[str, str], body: bytes, *, secret: str, now: float
) -> str:
    """Say why a request is not to be believed; nothing if it is."""
    if not secret:
        return "the secret is empty"
    return CHECKS[style](headers, body, secret.encode(), now)


def sign(secret: bytes, signed: bytes) -> str:
    """Make the signature, in hex."""
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def _github(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> str:
    said = headers.get("x-hub-signature-256", "")
    return _compare(said.removeprefix("sha256="), sign(secret, body))


def _stripe(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> str:
    parts = [part.strip().split("=", 1) for part in headers.get("stripe-signature", "").split(",")]
    said = [(pair[0], pair[1]) for pair in parts if len(pair) == 2]
    time = next((value for name, value in said if name == "t"), "")
    late = _too_old(time, now)
    if late:
        return late
    wanted = sign(secret, time.encode() + b"." + body)
    given = [value for name, value in said if name == "v1"][:SIGNATURES_MAX]
    # All are compared: how long it takes says nothing.
    wrong = [_compare(one, wanted) for one in given or [""]]
    return "" if "" in wrong else wrong[0]


def _slack(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> str:
    time = headers.get("x-slack-request-timestamp", "")
    late = _too_old(time, now)
    if late:
        return late
    wanted = sign(secret, b"v0:" + time.encode() + b":" + body)
    return _compare(headers.get("x-slack-signature", "").removeprefix("v0="), wanted)


def _hmac(headers: Mapping[str, str], body: bytes, secret: bytes, now: float) -> str:
    """``x-signature: <hex>`` over the body, or over ``<x-timestamp>.<body>`` if that is sent."""
    said = headers.get("x-signature", "").removeprefix("sha256=")
    time = headers.get("x-timestamp", "")
    if not time:
        return _compare(said, sign(secret, body))
    late = _too_old(time, now)
    return late or _compare(said, sign(secret, time.encode() + b"." + body))


CHECKS: Mapping[str, Check] = {
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "hmac": _hmac,
}


def _compare(said: str, wanted: str) -> str:
    if not said:
        return "the signature is missing"
    fits = hmac.compare_digest(said.lower().encode("utf-8", "replace"), wanted.encode())
    return "" if fits else "the signature does not fit"


def _too_old(time: str, now: float) -> str:
    if not (time.isascii() and time.isdigit() and len(time) <= 12):
        return "the signature has no time"
    return (
        ""
        if abs(now - int(time)) <= TOLERANCE_S
        else "the signature is too old, or a clock is wrong"
    )
