"""A group of errors that are one and the same mistake, and what makes them so."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Ending

TITLE_CHARS_MAX = 300
FRAMES_MAX = 4  # That count: what called them may differ, and it is the same mistake.
SAMPLES_MAX = 5
REVISIONS_MAX = 20
ROLLING_OUT_S = 3600.0  # After it was resolved: what the faulty revision still does is no news.
_LOOKED_AT_CHARS_MAX = 500
_FINGERPRINT_CHARS = 16

# What differs from one time to the next. The longest first: what is left of one must not be
# taken for another.
_VARYING = (
    (re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`"), "'…'"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "…"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "…"),
    (re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++\.[\w.-]++"), "…"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.I), "…"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}\b", re.I), "…"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "…"),
)
# Ends whose sentence says nothing that tells one mistake from another.
_ALIKE = frozenset({Ending.TIMED_OUT, Ending.OUT_OF_MEMORY})
# Nobody's mistake, or no mistake of the function.
NO_FAULTS = frozenset({Ending.OK, Ending.CANCELLED, Ending.OVERLOADED})


class FaultState(StrEnum):
    """What somebody has said of a group."""

    OPEN = "open"
    RESOLVED = "resolved"  # comes back: opens again
    MUTED = "muted"  # counted, and nobody is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A group. ``id`` is its fingerprint; times are seconds since the epoch."""

    id: str
    app: AppId
    function: str
    ending: str
    error: str  # the type of the exception, where there is one
    title: str  # the sentence of the first one
    where: str  # the innermost place in the app's own code: "users/restful/hi.py:get"
    first_at: float
    last_at: float
    count: int = 1
    state: FaultState = FaultState.OPEN
    regressed: bool = False  # it was resolved, and came back in a newer revision
    changed_at: float = 0.0  # when somebody, or its coming back, changed the state
    resolved_in: str = ""  # the newest revision it was seen in when it was resolved
    revisions: Mapping[str, int] = field(default_factory=dict)  # id -> count; the newest ones
    samples: tuple[str, ...] = ()  # invocations, the newest first
    trace: str = ""  # the traceback of the first one since it opened


def blame(
    *,
    app: str,
    function: str,
    ending: str,
    error: str,
    message: str,
    frames: Sequence[str],
) -> str:
    """Give the fingerprint of a call that did not end well; "" if that is nobody's mistake.

    >>> one = dict(app="shop", function="users/hi", ending="user_error", error="KeyError")
    >>> a = blame(**one, message="KeyError: 'ada'", frames=["hi.py:get"])
    >>> a == blame(**one, message="KeyError: 'bob'", frames=["hi.py:get"])
    True
    >>> a == blame(**one, message="KeyError: 'bob'", frames=["hi.py:put"])
    False
    """
    if ending in NO_FAULTS:
        return ""
    said = "" if ending in _ALIKE else normalised(message)
    parts = (app, function, ending, error, said, *frames[-FRAMES_MAX:])
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace"))
    return digest.hexdigest()[:_FINGERPRINT_CHARS]


def normalised(message: str) -> str:
    """Leave out of a sentence what differs from one time to the next.

    >>> normalised("ValueError: no order 17 for 'ada@example.com' (0x7f3a)")
    "ValueError: no order … for '…' (…)"
    """
    message = message[:_LOOKED_AT_CHARS_MAX].partition("\n")[0]
    for pattern, instead in _VARYING:
        message = pattern.sub(instead, message)
    return " ".join(message.split())[:_LOOKED_AT_CHARS_MAX]


def joined(known: Fault, came: Fault) -> Fault:
    """Add what came to a group; open it again if it was resolved and that is news."""
    revisions = dict(known.revisions)
    for revision, count in came.revisions.items():
        revisions[revision] = revisions.get(revision, 0) + count
    newest = dict(sorted(revisions.items(), reverse=True)[:REVISIONS_MAX])
    both = replace(
        known,
        first_at=min(known.first_at, came.first_at),
        last_at=max(known.last_at, came.last_at),
        count=known.count + came.count,
        revisions=newest,
        samples=tuple(dict.fromkeys((*came.samples, *known.samples)))[:SAMPLES_MAX],
    )
    if known.state is not FaultState.RESOLVED:
        return both
    latest = max(came.revisions, default="")
    regressed = latest > known.resolved_in
    late = came.last_at - known.changed_at > ROLLING_OUT_S
    if not regressed and (latest < known.resolved_in or not late):
        return both
    return replace(
        both,
        state=FaultState.OPEN,
        regressed=regressed,
        changed_at=came.last_at,
        title=came.title,
        trace="",
    )


def in_state(fault: Fault, state: FaultState, *, now: float) -> Fault:
    """Let a group be resolved, muted or opened again by somebody."""
    resolved = state is FaultState.RESOLVED
    return replace(
        fault,
        state=state,
        changed_at=now,
        regressed=fault.regressed and not resolved,
        resolved_in=max(fault.revisions, default="") if resolved else "",
    )
