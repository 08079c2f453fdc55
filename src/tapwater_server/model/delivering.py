"""How deliveries to one function are made: order, pace, retries, where their ends are told."""

from dataclasses import dataclass

ATTEMPTS_MAX = 100
AGE_S = 24 * 3600.0  # A failing delivery older than this is given up on, unless the user says else.


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """So many deliveries a second at most: of the whole function, or of each key."""

    per_s: float
    of_key: bool = False

    def __post_init__(self) -> None:
        assert self.per_s > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """What a user said of the deliveries to a function, resolved; the defaults fit most."""

    attempts_max: int = 5
    delays_s: tuple[float, ...] = ()  # before attempts 2, 3, …; the last repeats. Empty: 1, 2, 4 …
    age_s_max: float | None = None  # older ones are not begun any more; None: only failing ones
    key: str = ""  # a template over the event; empty: the event's own key
    at_once: int = 0  # of one key; 0: one of each key, any number of what has none
    pace: Pace | None = None
    debounce_s: float = 0.0
    delay_s: float = 0.0
    priority: int = 0
    on_success: str = ""  # "queue:…", "function:…" or "topic:…"
    on_failure: str = ""


USUAL = DeliveryOptions()
