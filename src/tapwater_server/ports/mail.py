"""E-mail: a durable outbox, who carries letters away, and who takes drafts.

MAI-1  accept() is durable before it returns; an id accepted before changes nothing: False.
MAI-2  A leased letter is hidden until its lease ends, and then comes again, attempt + 1.
MAI-3  settle() with an attempt that is not the current one changes nothing and says False.
MAI-4  What was given up is kept until it is dropped or revived; sweep() takes only what was sent
       or kept and is older than asked.
MAI-5  erase() forgets an app's letters and no other's.
MAI-6  reclaim() ends the leases of who is gone: their letters are due at once. For a platform's
       start, when nobody carries any; what was sent in its last moment may be sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of one attempt."""

    stage: Stage
    reason: str = ""
    due_at: float = 0.0  # when to try again, for WAITING


class Outbox(Protocol):
    """See the promises above."""

    async def accept(self, letter: Letter) -> bool: ...

    async def lease(self, *, now: float, lease_s: float, count_max: int) -> Sequence[Letter]:
        """Take letters that are due, the longest waiting first."""
        ...

    async def settle(self, letter: Letter, settled: Settled, *, now: float) -> bool: ...

    async def reclaim(self, *, now: float) -> int:
        """End every lease; say how many there were."""
        ...

    async def next_due(self) -> float | None:
        """Say when the next letter is due; None: none waits."""
        ...

    async def wait_accepted(self) -> None:
        """Return once something was accepted or revived since the last lease() began."""
        ...

    async def find(self, app: AppId, id: str) -> Letter | None:
        """Look at one, with its text."""
        ...

    async def list(
        self, app: AppId, *, stage: Stage | None = None, after: str = "", count_max: int = 100
    ) -> "Sequence[Letter]":
        """List newest first; ``after`` is the id that the page before ended with."""
        ...

    async def revive(self, app: AppId, id: str, *, now: float) -> bool:
        """Send again what was given up."""
        ...

    async def drop(self, app: AppId, id: str) -> bool: ...

    async def sweep(self, *, before: float) -> int: ...

    async def erase(self, app: AppId) -> None: ...


class Refused(TapwaterError):
    """The server for mail said no. ``final``: it will say so again. ``silent``: it did not say
    anything, and kept us waiting.
    """

    code = "mail_refused"

    def __init__(self, message: str, *, final: bool, silent: bool = False) -> None:
        super().__init__(message)
        self.final, self.silent = final, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server for mail, as its address says: ``smtp://user:password@host:587``."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: str = "starttls"  # "implicit", "starttls" (refused without) or "none"
    own_network: bool = False  # it may be on this machine or in its network


class Carrier(Protocol):
    """Hands one letter to a server."""

    async def carry(self, letter: Letter, server: Server) -> None:
        """Raises Refused when it was not taken."""
        ...


class Post(Protocol):
    """Takes drafts; what other services use."""

    async def send(self, app: AppId, draft: Draft) -> str:
        """Accept a draft, durably; give the letter's id."""
        ...

    def write(self, app: AppId, draft: Draft) -> Letter:
        """Write a letter whole, for whoever puts it into the outbox with a change of their own.

        Raises:
            Invalid, TooLarge: it cannot be sent.
        """
        ...

    async def keep(self, letter: Letter) -> None:
        """Put a letter that was written into the outbox."""
        ...
