"""An invocation written down whole: what was asked, what it asked in turn, and how it ended."""

from dataclasses import dataclass, field
from enum import StrEnum

from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Headers
from tapwater_server.model.tape import Question

REQUEST_BYTES_MAX = 256 << 10  # Of a request's body; the rest is cut off, and said to be.
ANSWER_BYTES_MAX = 128 << 10  # The same of an answer's.
QUESTION_BYTES_MAX = 64 << 10  # Of one question to a service, and
REPLY_BYTES_MAX = 256 << 10  # of what it was told.
TAPE_BYTES_MAX = 1 << 20  # All questions and answers of one call.
QUESTIONS_MAX = 500


class Why(StrEnum):
    """Why a call was recorded."""

    ERROR = "error"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One call. Secrets are masked before it is made; see ``services/replay/packing.py``."""

    id: str  # of the invocation
    at: float  # seconds since the epoch, when it arrived
    why: Why
    app: AppId
    function: str
    revision: str
    # What was asked.
    verb: str
    method: str
    path: str
    root_path: str = ""
    query: bytes = b""
    scheme: str = "http"
    host: bytes = b""
    client: str = ""
    params: dict[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    body_cut: bool = False
    user: bytes = b""
    event: str = ""
    delivery: str = ""
    attempt: int = 0
    trace: str = ""
    replay_of: str = ""
    # How it ended.
    ending: str
    status: int = 0
    answer_headers: Headers = field(default_factory=list)
    answer: bytes = b""
    answer_cut: bool = False
    message: str = ""
    took_ms: float = 0.0
    # What it asked on its way.
    questions: tuple[Question, ...] = ()
    questions_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A recording in a list."""

    id: str
    at: float
    why: Why
    app: AppId
    function: str
    revision: str
    method: str
    path: str
    ending: str
    status: int
    replay_of: str
    size_bytes: int
