"""Asks the instances of a function to look at their calls' stacks, and adds up what they tell."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from tapwater.runtime.wire import Kind, WireError, pack
from tapwater_server.instances.lifecycle import State
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import FunctionId
from tapwater_server.model.profile import Profile, ProfileAsked
from tapwater_server.ports.clock import Clock

PROFILES_MAX = 4  # At a time, on a node.
LOOK_S = 0.02  # How often new instances are looked for.
GRACE_S = 2.0  # How long the last reports are waited for.
DEPTH_MAX = 130
NAME_MAX = 200
_WEIGHT_MAX = 1e12
REPORT_BYTES_MAX = 8 << 20  # Of one instance in all: more is an attack.


class Hears(Protocol):
    """Where an instance's words arrive."""

    stacks: Callable[[bytes], None] | None


class Nudged(Protocol):
    """Its process."""

    def nudge(self) -> None: ...


class Looked(Protocol):
    """An instance, as far as it is looked at."""

    @property
    def state(self) -> State: ...

    @property
    def speech(self) -> Hears: ...

    @property
    def guest(self) -> Nudged: ...

    def write(self, frames: bytes) -> None: ...


InstancesOf = Callable[[FunctionId], Iterable[Looked]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What an instance says."""

    number: int
    looks: int
    last: bool
    stacks: list[tuple[str, float]]


def _read(payload: bytes) -> _Report:
    """Read a report, which is from an enemy.

    Raises:
        WireError: it is none.
    """
    try:
        said = json.loads(payload)
        stacks = [(str(text), float(weight)) for text, weight in said["stacks"]]
        number, looks, last = int(said["number"]), int(said["looks"]), said["last"] is True
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WireError("stacks that cannot be read") from error
    if not all(0 <= weight < _WEIGHT_MAX for _, weight in stacks):
        raise WireError("a stack without a weight")
    return _Report(number=number, looks=looks, last=last, stacks=stacks)


class _Ear:
    """What one instance tells about one profile after the other."""

    def __init__(self, session: "_Session") -> None:
        self._session: _Session | None = session
        self._size = 0
        self.over = False

    def hear(self, payload: bytes) -> None:
        """Take a report.

        Raises:
            WireError: it cannot be read, or there is no end of them.
        """
        self._size += len(payload)
        if self._size > REPORT_BYTES_MAX:
            raise WireError(f"more than {REPORT_BYTES_MAX} bytes of stacks")
        report = _read(payload)
        session = self._session
        if session is not None and report.number == session.number and not self.over:
            session.add(report)
            if report.last:
                self.over = True
                session.heard.set()

    def close(self) -> None:
        """What still comes is not for us."""
        self._session = None


class _Session:
    """One profile while it is taken."""

    def __init__(self, asked: ProfileAsked, *, number: int) -> None:
        self.number, self.profile = number, Profile(asked=asked)
        self.ears: dict[Looked, _Ear] = {}
        self.heard = asyncio.Event()

    def add(self, report: _Report) -> None:
        """Add what an instance saw."""
        profile = self.profile
        profile.reports += 1
        profile.looks += max(0, min(report.looks, 1_000_000))
        for text, weight in report.stacks:
            stack = tuple(name[:NAME_MAX] for name in text.split(";", DEPTH_MAX)[:DEPTH_MAX])
            profile.add(stack, weight)

    def begin(self, instance: Looked, *, seconds: float) -> None:
        """Ask one instance to look."""
        ear = self.ears[instance] = _Ear(self)
        instance.speech.stacks = ear.hear
        asked = self.profile.asked
        self.profile.instances += 1
        self._tell(instance, seconds=seconds, rate=asked.rate, mode=asked.mode.value)

    def end(self) -> None:
        """Ask all to stop that have not said that they did."""
        for instance, ear in self.ears.items():
            if not ear.over and instance.state is not State.GONE:
                self._tell(instance, seconds=0.0, rate=1.0, mode="")

    def close(self) -> None:
        for ear in self.ears.values():
            ear.close()

    @property
    def done(self) -> bool:
        """Whether there is nobody to wait for."""
        return all(ear.over or instance.state is State.GONE for instance, ear in self.ears.items())

    def _tell(self, instance: Looked, *, seconds: float, rate: float, mode: str) -> None:
        told = {"number": self.number, "seconds": seconds, "rate": rate, "mode": mode}
        instance.write(pack(Kind.PROFILE, 0, json.dumps(told).encode()))
        instance.guest.nudge()  # In the middle of a long call nobody reads.


class Profiler:
    """Keeps ``Profiling``."""

    def __init__(self, *, instances_of: InstancesOf, clock: Clock) -> None:
        self._instances_of, self._clock = instances_of, clock
        self._numbers = count(1)
        self._active: dict[FunctionId, _Session] = {}

    async def profile(self, asked: ProfileAsked) -> Profile:
        """See ``ports/profiling.py``.

        Raises:
            Conflict: one of this function is being taken, or too many of others.
        """
        if asked.function in self._active or len(self._active) >= PROFILES_MAX:
            raise Conflict("a profile is being taken already: wait until it has ended")
        session = self._active[asked.function] = _Session(asked, number=next(self._numbers))
        try:
            await self._watch(session)
            session.end()
            await self._gather(session)
        except asyncio.CancelledError:
            session.end()
            raise
        finally:
            del self._active[asked.function]
            session.close()
        return session.profile

    async def _watch(self, session: _Session) -> None:
        """Ask the instances there are, and those that come, until the time is over."""
        asked, clock = session.profile.asked, self._clock
        until = clock.monotonic() + asked.seconds
        while (left := until - clock.monotonic()) > 0:
            for instance in self._instances_of(asked.function):
                if instance not in session.ears and instance.state < State.DRAINING:
                    session.begin(instance, seconds=left)
            await clock.sleep(min(LOOK_S, left))

    async def _gather(self, session: _Session) -> None:
        """Wait for the last reports, not for long: a call may be in the middle of something."""
        until = self._clock.monotonic() + GRACE_S
        while not session.done and self._clock.monotonic() < until:
            await self._clock.sleep(LOOK_S)
