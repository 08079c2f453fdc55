"""Groups of errors: counted as they come, told apart by their fingerprint, resolved by people.

FLT-1  note() adds up what came since the last time, in one write; a group is made by its first.
FLT-2  A resolved group that comes in a newer revision than those it was resolved in opens again
       and is ``regressed``; in the same revision it opens again if that is ROLLING_OUT_S later;
       in an older one it stays resolved. It counts in any case.
FLT-3  A muted group stays muted, and counts.
FLT-4  Of an app FAULTS_MAX are kept; a new one then takes the place of the one not seen longest.
FLT-5  What a group keeps of its errors is bounded: the newest samples and revisions.
FLT-6  erase() forgets an app's groups and no other's; sweep() those not seen since then.
FLT-7  What was noted is there after a new start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.fault import Fault, FaultState
from tapwater_server.model.ids import AppId

FAULTS_MAX = 1_000
TRACE_CHARS_MAX = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stirred:
    """A group that note() made or opened again."""

    fault: Fault
    new: bool  # else it had been resolved


class Faults(Protocol):
    """See the promises above."""

    async def note(self, came: Sequence[Fault]) -> Sequence[Stirred]:
        """Add groups of what came (each as if these were its first); say which are new."""
        ...

    async def list(
        self,
        *,
        app: AppId | None = None,
        function: str | None = None,
        state: FaultState | None = None,
        count_max: int = 100,
    ) -> Sequence[Fault]:
        """List, those seen last first."""
        ...

    async def find(self, id: str) -> Fault | None: ...

    async def set_state(self, id: str, state: FaultState, *, now: float) -> Fault | None: ...

    async def keep_trace(self, id: str, trace: str) -> None:
        """Keep the traceback of a group; what is longer than TRACE_CHARS_MAX is cut."""
        ...

    async def erase(self, app: AppId) -> None: ...

    async def sweep(self, *, before: float) -> int: ...
