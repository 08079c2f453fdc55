"""Write down every invocation and log line, never block on it.

MTR-1  note() and log() return at once and never raise; what they are given is on disk within
       FLUSH_S (0.5 s), or at close().
MTR-2  Records come back newest first, and by id exactly once.
MTR-3  When the disk is full or slow, records are dropped oldest first above a ceiling, and
       stats() counts them: memory stays bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId


@dataclass(slots=True, kw_only=True)
class Record:
    """One invocation, as written down. Times in milliseconds, sizes in bytes."""

    id: str
    at: float  # seconds since the epoch, when it arrived
    app: str
    function: str
    revision: str
    method: str
    path: str
    status: int
    ending: str
    cold: bool
    queue_ms: float
    wall_ms: float
    cpu_ms: float
    memory_peak_bytes: int
    bytes_in: int
    bytes_out: int
    instance: str
    user: str = ""
    trace: str = ""
    message: str = ""


@dataclass(slots=True, kw_only=True)
class LogLine:
    """One line a function (or the platform about it) said."""

    at: float
    app: str
    function: str
    invocation: str
    instance: str
    level: str  # debug, info, warning, error, platform
    text: str
    seq: int = 0  # given by the store; grows


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which records or lines somebody wants to see."""

    app: AppId | None = None
    function: str | None = None
    invocation: str | None = None
    level: str | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None
    after_seq: int | None = None
    count_max: int = 100

    def wants_record(self, record: Record) -> bool:
        """Say whether a record is one that was asked for."""
        return (
            (self.app is None or record.app == self.app)
            and (self.function is None or record.function == self.function)
            and (self.invocation is None or record.id == self.invocation)
            and self._wants_time(record.at)
        )

    def wants_line(self, line: LogLine) -> bool:
        """Say whether a log line is one that was asked for."""
        return (
            (self.app is None or line.app == self.app)
            and (self.function is None or line.function == self.function)
            and (self.invocation is None or line.invocation == self.invocation)
            and (self.level is None or line.level == self.level)
            and (self.text is None or self.text in line.text)
            and (self.after_seq is None or line.seq > self.after_seq)
            and self._wants_time(line.at)
        )

    def _wants_time(self, at: float) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStats:
    """What the meter has done so far."""

    records: int
    lines: int
    dropped: int
    waiting: int


class Meter(Protocol):
    """Where invocations and logs are written down."""

    def note(self, record: Record) -> None: ...

    def log(self, line: LogLine) -> None: ...

    async def records(self, asked: Asked) -> Sequence[Record]: ...

    async def lines(self, asked: Asked) -> Sequence[LogLine]: ...

    async def flush(self) -> None: ...

    def stats(self) -> MeterStats: ...

    async def close(self) -> None: ...
