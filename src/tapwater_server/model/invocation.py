"""One call: what is asked, how it ended, what it used. Read this file first."""

from dataclasses import dataclass, field
from enum import StrEnum

from tapwater_server.model.function import Function
from tapwater_server.model.ids import InstanceId, InvocationId, RevisionId
from tapwater_server.model.tape import Tape

Headers = list[tuple[bytes, bytes]]  # names in lower case, values without line breaks


class Ending(StrEnum):
    """How a call ended. Endings are values; an exception out of the door is a bug of ours."""

    OK = "ok"
    USER_ERROR = "user_error"  # The function raised.
    TIMED_OUT = "timed_out"  # The deadline passed.
    CRASHED = "crashed"  # The process died under it.
    OUT_OF_MEMORY = "out_of_memory"  # The process was killed at its memory limit.
    OVERLOADED = "overloaded"  # Never started: no room in the waiting room.
    START_FAILED = "start_failed"  # Never started: no instance could be made.
    CANCELLED = "cancelled"  # The client went away.
    BROKEN = "broken"  # The instance broke the protocol.
    BUDGET = "budget_exhausted"  # Never started: a budget is used up.
    SLOWED = "budget_slowed"  # Never started: what is left of a budget is for later.


class Verb(StrEnum):
    """What kind of call this is."""

    HTTP = "http"
    WEBSOCKET = "websocket"
    EVENT = "event"  # a delivery or a function-to-function call: JSON in, JSON out


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One call of one function. Built once per request on the hot path: slotted, not frozen.

    ``path`` is the path below the function's mount point for mounted apps and the whole path
    otherwise. ``body`` is the whole body when ``body_follows`` is false; otherwise it is the first
    part, and the rest comes through the ``Call`` handle.
    """

    id: InvocationId
    revision: RevisionId
    function: Function
    verb: Verb
    method: str = "POST"
    path: str = "/"
    root_path: str = ""
    query: bytes = b""
    scheme: str = "http"
    host: bytes = b""
    client: str = ""
    params: dict[str, str] | None = None
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    body_follows: bool = False
    user: bytes = b""  # JSON of the signed-in principal, or empty
    traceparent: bytes = b""  # W3C trace context: the trace, and this call's own span
    parent: str = ""  # the span that caused this call, 16 hex digits; empty: none we know of
    used: dict[str, float] | None = None  # what it used of services so far, see usage.py
    noted: bool = False  # its record is written: what it uses from now on is not in there
    spans: int = 0  # steps of it so far, see ports/tracing.py
    event: str = ""  # the type of the event it is told of
    delivery: str = ""  # id of the errand that tells it
    attempt: int = 0
    replay_of: str = ""  # the call that this one repeats
    tape: Tape | None = None  # what it asked so far, for its recording; None: nothing
    arrived_at: float = 0.0  # monotonic seconds
    depth: int = 0  # how many functions called each other to get here
    root: str = ""  # id at the start of the chain; empty: this call is the start


@dataclass(slots=True, kw_only=True)
class Usage:
    """What a call used. Times in seconds, sizes in bytes."""

    cold: bool = False
    instance: InstanceId = InstanceId("")
    queue_s: float = 0.0  # from arrival to the frame's leaving for the instance
    wall_s: float = 0.0  # from then to the end of the answer
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    start_s: float = 0.0  # what of ``queue_s`` was starting an instance


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How one invocation ended. ``status``, ``headers`` and ``body`` are set only by ``run()``,
    which gathers a whole answer; streamed answers have passed through the ``Exchange``.
    """

    ending: Ending
    usage: Usage
    message: str = ""  # one sentence for the log and, where safe, the caller
    retry_after_s: float = 0.0
    by_function: bool = False  # START_FAILED: its own module raised; else the fault may be ours
    error: str = ""  # the type of what the function raised: "ValueError"
    frames: tuple[str, ...] = ()  # where in its own code: "users/restful/hi.py:get", innermost last
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
