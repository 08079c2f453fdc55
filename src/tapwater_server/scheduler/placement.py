"""Who gets room when there is not enough for all: between functions, and between nodes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One function that wants one more instance."""

    key: int
    held_bytes: int  # by its instances, starting ones included
    wanted_bytes: int  # for one more
    waiting_since: float


def next_claim(claims: Iterable[Claim]) -> Claim | None:
    """Give the claim to serve first: who holds least; then who has waited longest."""
    return min(claims, key=lambda claim: (claim.held_bytes, claim.waiting_since), default=None)


def fair_bytes(*, budget_bytes: int, claimants: int) -> int:
    """Give the share of the budget that each has a right to when ``claimants`` want some."""
    return budget_bytes // max(1, claimants)


def yields(*, held_bytes: int, size_bytes: int, fair: int) -> bool:
    """Say whether a function must give up an instance that has just become free: without it, it
    still has its fair share.
    """
    return held_bytes - size_bytes >= fair


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a node has: memory free, and whether the function is warm there."""

    node: int
    free_bytes: int
    idle_instances: int  # of the function in question
    waiting: int
    zygote: bool = False


def place(rooms: Sequence[Room], *, wanted_bytes: int) -> int | None:
    """Choose a node for one call: a free instance, else where there is room: where fewest wait,
    then where there is a zygote, then the most room; None: nowhere.
    """
    idle = [room for room in rooms if room.idle_instances]
    if idle:
        return max(idle, key=lambda room: (room.idle_instances, -room.node)).node
    fits = [room for room in rooms if room.free_bytes >= wanted_bytes]
    if not fits:
        return None
    return max(fits, key=lambda room: (-room.waiting, room.zygote, room.free_bytes)).node
