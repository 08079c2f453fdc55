"""How long an idle function keeps its instances, and when to warm one before it is called. Pure.

The hybrid histogram policy of Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020): a
histogram of the function's idle times; its head says how long nothing will come, its tail how
long something still may. Until there are enough samples, or when they are too scattered to say
anything, a fixed time. Their bins are a minute wide; ours grow, because an instance from a
zygote is cheap enough to be given up after seconds.
"""

from dataclasses import dataclass

from tapwater_server.scheduler.load import Histogram

SAMPLES_MIN = 10
HEAD, TAIL = 0.05, 0.99
MARGIN = 0.15  # The window is this much earlier and longer than seen.
KEEP_S_MIN = 2.0
PREWARM_S_MIN = 120.0  # A shorter gap is slept through: making and ending costs more than staying.
SPREAD_MAX = 8.0  # A tail so many times the head says little about when the next call comes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """After the last call: idle instances end after ``keep_s``; one is warmed at ``prewarm_s``
    (None: not) and kept for ``warm_s``.
    """

    keep_s: float
    prewarm_s: float | None = None
    warm_s: float = 0.0


def window(idle_times: Histogram, *, fixed_s: float, keep_s_max: float) -> Window:
    """Decide from the idle times seen.

    >>> window(Histogram(), fixed_s=60.0, keep_s_max=3600.0)
    Window(keep_s=60.0, prewarm_s=None, warm_s=0.0)
    """
    if idle_times.total < SAMPLES_MIN:
        return Window(keep_s=fixed_s)
    head = idle_times.quantile(HEAD) * (1 - MARGIN)
    tail = idle_times.quantile(TAIL) * (1 + MARGIN)
    if tail > keep_s_max:
        return Window(keep_s=fixed_s)
    if head >= PREWARM_S_MIN and tail <= head * SPREAD_MAX:
        return Window(keep_s=KEEP_S_MIN, prewarm_s=head, warm_s=tail - head)
    if tail > head * SPREAD_MAX and tail > fixed_s:
        return Window(keep_s=fixed_s)  # Now and then: the tail would hold memory for hours.
    return Window(keep_s=max(tail, KEEP_S_MIN))


def warm_now(window: Window, *, idle_s: float) -> bool:
    """Say whether one instance should stand ready although nobody calls."""
    if window.prewarm_s is None:
        return idle_s < window.keep_s
    return idle_s < window.keep_s or (window.prewarm_s <= idle_s < window.prewarm_s + window.warm_s)
