"""How much is recorded, and for how long it is kept."""

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What an operator can choose, and the ceilings beside it."""

    share: float = 0.01  # of calls that end well; those that fail are always recorded
    keep_s: float = 7 * DAY_S
    bytes_max: int = 512 << 20  # of all recordings, compressed
    each_max: int = 2_000  # recordings of one function: a loud one must not push out the others
    held_bytes_max: int = 64 << 20  # of what running calls were told, until they have ended
    waiting_max: int = 1_000  # recordings not yet written
    waiting_bytes_max: int = 64 << 20
    # A function that fails at each call is not worth a disk full of the same: beyond these, per
    # function, its failures are counted and not recorded.
    failures_burst: float = 200
    failures_per_s: float = 20
    # Nor is a hundredth of ten thousand calls a second worth what writing it down takes: where
    # the share is the node's and not the function's own, no more than these, per function.
    samples_burst: float = 50
    samples_per_s: float = 5
