"""What becomes of a batch, given what the collector answered. Pure; the exporter obeys."""

from dataclasses import dataclass

from tapwater_server.ports.shipping import Receipt

RETRYABLE = frozenset({429, 502, 503, 504})  # As the specification of OTLP has it; none else.
DELAY_FIRST_S = 1.0
DELAY_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """It is theirs now."""


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again, but not before."""

    delay_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """They will never take it."""

    why: str


def decide(receipt: Receipt, *, failures: int, chance: float) -> Taken | Again | Lost:
    """Say what becomes of it; ``failures`` is how often in a row it has gone wrong before.

    >>> decide(Receipt(status=503, retry_after_s=7.0), failures=0, chance=0.5)
    Again(delay_s=7.0, why='status 503')
    >>> decide(Receipt(status=400), failures=0, chance=0.5)
    Lost(why='status 400')
    """
    if 200 <= receipt.status < 300:
        return Taken()
    why = receipt.why or f"status {receipt.status}"
    if receipt.status and receipt.status not in RETRYABLE:
        return Lost(why)
    if receipt.retry_after_s is not None:
        return Again(receipt.retry_after_s, why)
    delay_s = min(DELAY_S_MAX, DELAY_FIRST_S * 2 ** min(failures, 10))
    return Again(delay_s * (0.75 + chance / 2), why)
