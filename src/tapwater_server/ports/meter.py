"""Write down every invocation, log line, span and use of a service; never block on it.

MTR-1  note(), log(), span() and use() return at once and never raise; what they are given is in
       the store within FLUSH_S (0.5 s), or at close().
MTR-2  Records come back newest first, and by id exactly once.
MTR-3  When the disk is full or slow, log lines and spans are dropped oldest first above a ceiling,
       and stats() counts them: memory stays bounded.
MTR-4  What note() and use() were given survives a kill -9 of the process, and is in the ledger
       (``ports/ledger.py``) exactly once, whatever was killed when.
MTR-5  Everything of one trace, and of one invocation, is found by its id, without reading all.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from tapwater_server.model.ids import AppId
from tapwater_server.model.usage import is_error

Heard = TypeVar("Heard")
FAILED = "failed"  # As an ending that is asked for: any that is an error.
ERROR_ANSWER = "error_answer"  # An ending of records only: ok for us, but 500 or more was said.

_log = logging.getLogger(__name__)


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One invocation, as written down. Times in milliseconds, sizes in bytes.

    It is a span too: ``trace`` (32 hex digits) and ``span`` (16) are its own, ``parent`` is the
    span that caused it ("": nothing we know of), of the W3C trace context.

    A Struct and no dataclass, for it is built and encoded once per call, where a microsecond
    counts: ``msgspec.structs.replace`` copies one, ``msgspec.structs.asdict`` takes it apart.
    """

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
    queue_ms: float  # from arrival until the instance had it, with ``start_ms``
    wall_ms: float
    cpu_ms: float
    memory_peak_bytes: int
    bytes_in: int
    bytes_out: int
    instance: str
    user: str = ""  # id of the signed-in user
    trace: str = ""
    message: str = ""
    span: str = ""
    parent: str = ""
    verb: str = "http"  # http, websocket, event
    route: str = ""  # the path as deployed: "/users-api/profile/{id}"; "": not by HTTP
    root: str = ""  # the invocation at the start of the chain
    depth: int = 0
    event: str = ""  # what kind of event it was told of: "tapwater.document.created"
    delivery: str = ""  # id of the errand that told it
    attempt: int = 0
    memory_bytes: int = 0  # what the function's memory limit is
    start_ms: float = 0.0  # what of ``queue_ms`` was starting an instance
    error: str = ""  # the type of what the function raised: "ValueError"
    fault: str = ""  # fingerprint of the group of errors it belongs to
    where: str = ""  # the place in its own code that raised: "users/restful/hi.py:get"
    egress_bytes: int = 0  # 0 here: what leaves through egress is a Use of the function's
    used: dict[str, float] = msgspec.field(
        default_factory=dict
    )  # quantities of services, see usage.py
    replay_of: str = ""  # the invocation that this one repeats
    by_function: bool = False  # no instance could start, and its own code is to blame

    @property
    def took_ms(self) -> float:
        """How long it took for whom it was called by."""
        return self.queue_ms + self.wall_ms

    @property
    def ended_at(self) -> float:
        """When it was over: the time under which it is added up."""
        return self.at + (self.queue_ms + self.wall_ms) / 1e3


class LogLine(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One line a function (or the platform about it) said."""

    at: float
    app: str
    function: str
    invocation: str
    instance: str
    level: str  # debug, info, warning, error, platform
    text: str
    seq: int = 0  # given by the store; grows
    trace: str = ""
    fields: dict[str, object] = msgspec.field(default_factory=dict)  # of structured logging
    stream: str = "log"  # print, stderr, log, output (of a subprocess), import, platform


class Span(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A step on the way that is no invocation: a question to a service, an event's wait."""

    trace: str
    id: str
    parent: str
    name: str  # "docs.put users/42", "event tapwater.document.created", "mail"
    kind: str  # ask, call, event, delivery, mail, user
    at: float
    took_ms: float
    app: str
    function: str = ""
    invocation: str = ""
    ok: bool = True
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class Use(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What a service was used for outside a call, or by one: a quantity of ``model/usage.py``."""

    at: float
    app: str
    quantity: str  # "doc_reads"
    amount: float
    function: str = ""  # "": nobody's, a browser or the platform itself
    user: str = ""
    within: str = ""  # the invocation whose Record carries it already: then it is not added again


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which records or lines somebody wants to see."""

    app: AppId | None = None
    function: str | None = None
    invocation: str | None = None
    level: str | None = None
    text: str | None = None
    trace: str | None = None
    ending: str | None = None  # FAILED: every ending but ok and cancelled
    fault: str | None = None
    user: str | None = None
    route: str | None = None
    revision: str | None = None
    took_ms_min: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)  # of a line: name -> text
    before: str | None = None  # records: only those older than this invocation id (to page on)
    since: float | None = None
    until: float | None = None
    after_seq: int | None = None
    before_seq: int | None = None  # lines: only those before this one (to page back)
    count_max: int = 100

    def wants_record(self, record: Record) -> bool:
        """Say whether a record is one that was asked for."""
        return (
            (self.app is None or record.app == self.app)
            and (self.function is None or record.function == self.function)
            and (self.invocation is None or record.id == self.invocation)
            and self._wants_time(record.at)
            and self._wants_call(record)
            and self._wants_more(record)
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
            and (self.before_seq is None or line.seq < self.before_seq)
            and (self.trace is None or line.trace == self.trace)
            and self._wants_time(line.at)
            and (not self.fields or self._wants_fields(line.fields))
        )

    def _wants_call(self, record: Record) -> bool:
        return (
            (self.route is None or record.route == self.route)
            and (self.revision is None or record.revision == self.revision)
            and (self.user is None or record.user == self.user)
            and (self.trace is None or record.trace == self.trace)
        )

    def _wants_more(self, record: Record) -> bool:
        return (
            (self.ending is None or self._wants_ending(record.ending))
            and (self.fault is None or record.fault == self.fault)
            and (self.took_ms_min is None or record.took_ms >= self.took_ms_min)
            and (self.before is None or record.id < self.before)
        )

    def _wants_ending(self, ending: str) -> bool:
        return is_error(ending) if self.ending == FAILED else ending == self.ending

    def _wants_fields(self, fields: Mapping[str, object]) -> bool:
        return all(
            name in fields and _as_text(fields[name]) == text for name, text in self.fields.items()
        )

    def _wants_time(self, at: float) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)


def _as_text(value: object) -> str:
    """Write a field's value as a person asks for it: ``true``, ``3``, ``paid``."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStats:
    """What the meter has done so far."""

    records: int
    lines: int
    dropped: int
    waiting: int
    spans: int = 0
    uses: int = 0
    recovered: int = 0  # records and uses that the last life of the process left behind
    unsafe: int = 0  # records and uses that a kill -9 would have taken before they were stored
    lost: int = 0  # places in what the last life left behind that could not be read


def tell(told: Callable[[Heard], None], what: Heard) -> None:
    """Tell whoever listens."""
    try:
        told(what)
    except Exception:  # A border: one who listens must end neither a call nor the next listener.
        _log.exception("a listener of the meter failed")


class Meter(Protocol):
    """Where invocations, logs, spans and uses are written down."""

    def note(self, record: Record) -> None: ...

    def log(self, line: LogLine) -> None: ...

    def span(self, span: Span) -> None: ...

    def use(self, use: Use) -> None: ...

    def when_noted(self, told: Callable[[Record], None]) -> None:
        """Whom to call with each record, at once and on the loop (budgets, live numbers)."""
        ...

    def when_used(self, told: Callable[[Use], None]) -> None:
        """The same for uses."""
        ...

    async def records(self, asked: Asked) -> Sequence[Record]: ...

    async def lines(self, asked: Asked) -> Sequence[LogLine]: ...

    async def spans(self, trace: str) -> Sequence[Span]: ...

    async def flush(self) -> None: ...

    def stats(self) -> MeterStats: ...

    async def close(self) -> None: ...


class _Who(msgspec.Struct):
    id: str = ""


_who = msgspec.json.Decoder(_Who).decode


def user_id(said: bytes) -> str:
    """Find the id of the user in what a function is told of who asks; "" for another sort.

    >>> user_id(b'{"id": "7", "name": "Ada"}'), user_id(b'{"name": "admin"}'), user_id(b"")
    ('7', '', '')
    """
    return _who(said).id if said else ""
