"""Batches: gathered until they are full or their window is over; judged one by one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tapwater_server.events.audience import Batching
from tapwater_server.model.invocation import Ending, Outcome
from tapwater_server.ports.bus import Delivery

BATCH_BYTES_MAX = 4 << 20  # Of bodies in one batch.
ALONE_AT = 3  # The third time on each goes alone: one poison must not take the rest along.


@dataclass(slots=True, kw_only=True)
class Filling:
    """A batch that is being gathered."""

    batching: Batching
    due: float  # when it goes, full or not
    held: list[Delivery] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def room(self) -> int:
        """How many more it takes."""
        if self.size_bytes >= BATCH_BYTES_MAX and not self.batching.together:
            return 0
        return max(0, self.batching.size - len(self.held))

    def add(self, delivery: Delivery) -> None:
        self.held.append(delivery)
        self.size_bytes += len(delivery.errand.body)

    def ready(self, now: float) -> bool:
        """Say whether it goes now."""
        return bool(self.held) and (not self.room or now >= self.due)


def goes_alone(delivery: Delivery, *, attempts_max: int) -> bool:
    """Say whether a delivery has failed, or was lost, so often that it must not be among others."""
    return delivery.begun > 1 and delivery.begun >= min(ALONE_AT, attempts_max)


def outcomes(outcome: Outcome, deliveries: Sequence[Delivery]) -> Mapping[str, Outcome]:
    """Say how each of a batch ended, by the id of its errand.

    A function names those that failed by ``{"failed": [ids]}``; an id that is none of them means
    that it does not know what it says, and all are taken for failed.
    """
    ids = [one.errand.id for one in deliveries]
    failed = named_failed(outcome)
    if failed is None:
        return dict.fromkeys(ids, outcome)
    if not failed <= set(ids):
        return dict.fromkeys(ids, _failed(outcome, "an id that is not in the batch was named"))
    good = Outcome(ending=Ending.OK, usage=outcome.usage, status=200)
    bad = _failed(outcome, "the function said that it failed")
    return {id: bad if id in failed else good for id in ids}


def named_failed(outcome: Outcome) -> frozenset[str] | None:
    """Read which ones the function named; None: it named none, all ended alike."""
    if outcome.ending is not Ending.OK or b'"failed"' not in outcome.body:
        return None
    try:
        said = msgspec.json.decode(outcome.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    failed = said.get("failed") if isinstance(said, dict) else None
    return frozenset(str(one) for one in failed) if isinstance(failed, list) else None


def _failed(outcome: Outcome, message: str) -> Outcome:
    return Outcome(ending=Ending.USER_ERROR, usage=outcome.usage, message=message)
