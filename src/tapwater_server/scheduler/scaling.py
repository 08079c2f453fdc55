"""How many instances a function should have. Pure."""

import math
from dataclasses import dataclass

SHORT_S = 0.02  # Calls shorter than this may queue for a core instead of sharing it.
START_S_GUESS = 0.005  # until one was made: a fork from a warm zygote


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one function has and wants at one moment."""

    waiting: int
    running: int  # calls in seats
    instances: int  # that take calls
    starting: int
    concurrency: int
    instances_max: int
    service_s: float  # 0: not known
    start_s: float  # 0: not known
    ending: int = 0  # instances that take no more calls and are not gone yet
    quiet_s: float = 0.0  # what a call takes undisturbed; 0: not known
    cpu_s: float = 0.0  # what it uses of a core meanwhile
    cores: int = 1
    head_waited_s: float = 0.0  # how long the first in the waiting room has waited


def instances_to_start(demand: Demand) -> int:
    """Say how many to start for those who wait.

    Waiting for a seat that frees soon is better than a new process, as long as the wait is
    shorter than the start; what is not known yet is taken to be long. And who has waited longer
    than a start takes was promised too much: the seats are not freed as fast as they used to.

    >>> crowd = dict(waiting=31, running=1, instances=1, starting=0, concurrency=1)
    >>> instances_to_start(Demand(**crowd, instances_max=20, service_s=0.0001, start_s=0.003))
    1
    >>> instances_to_start(Demand(**crowd, instances_max=20, service_s=0.1, start_s=0.003))
    19
    """
    if not demand.waiting:
        return 0
    start_s = demand.start_s or START_S_GUESS
    share = min(1.0, demand.service_s / start_s) if demand.service_s else 1.0
    seats = max(1, math.ceil((demand.running + demand.waiting) * share))
    if demand.head_waited_s > start_s:
        seats = max(seats, demand.running + 1)
    wanted = math.ceil(min(seats, useful_seats(demand)) / demand.concurrency)
    # No more at once than there are calls to sit in them.
    most = math.ceil(demand.waiting / demand.concurrency) - demand.starting
    there = demand.instances + demand.starting
    return max(0, min(wanted - there, most, demand.instances_max - there - demand.ending))


def useful_seats(demand: Demand) -> int:
    """Say how many calls at a time can make progress, as far as the cores are what they share.

    Short calls that compute keep a core busy by themselves: more seats than cores only make
    them take turns, and each turn costs. Calls that wait for something else have no such bound,
    and nor have long ones: behind one of those, a short one would wait too long.

    >>> quick = dict(waiting=30, running=2, instances=2, starting=0, concurrency=1, cores=2)
    >>> quick |= dict(instances_max=20, service_s=0.001, start_s=0.003)
    >>> useful_seats(Demand(**quick, quiet_s=0.0002, cpu_s=0.0001))
    5
    >>> useful_seats(Demand(**quick, quiet_s=0.1, cpu_s=0.0001)) > 1000
    True
    """
    if not demand.cpu_s or not demand.quiet_s or demand.quiet_s > SHORT_S:
        return 1 << 30
    return math.ceil(demand.cores * max(1.0, demand.quiet_s / demand.cpu_s)) + 1


def expected_bytes(*, limit_bytes: int, peak_bytes: float, overcommit: float) -> int:
    """Say what one more instance is taken to hold: what was seen and a quarter more, at most
    its limit; while nothing was seen, a share of the limit.

    >>> expected_bytes(limit_bytes=256 << 20, peak_bytes=0, overcommit=4.0) >> 20
    64
    """
    floor = min(limit_bytes, 8 << 20)
    guess = peak_bytes * 1.25 if peak_bytes else limit_bytes / overcommit
    return int(min(max(guess, floor), limit_bytes))
