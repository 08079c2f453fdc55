"""In what two outcomes of the same call differ. Pure."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tapwater_server.model.invocation import Headers
from tapwater_server.model.playback import split_frame, topic_of
from tapwater_server.model.tape import Question

DIFFERENCES_MAX = 200
_VALUE_CHARS_MAX = 2_000
_TEXT_LINES_MAX = 2_000  # of a body; longer ones are compared as a whole
_DEPTH_MAX = 64
_GLANCE_BYTES = 16
# What differs from answer to answer, and says nothing.
_IDLE_HEADERS = frozenset(
    {"date", "server", "content-length", "x-request-id", "traceparent", "tracestate", "age"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended, as far as it is compared."""

    ending: str
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    message: str = ""
    questions: Sequence[Question] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was so, and is so now; None: it was not there. Of JSON bodies: the text."""

    what: str  # ending, status, message, header, body, question
    at: str  # the header's name, the place in the JSON ("$.items[2].price"), the line, the question
    before: Any
    after: Any


def differences(before: Ended, after: Ended) -> Sequence[Difference]:
    """List all of them, up to a ceiling.

    >>> one, two = Ended(ending="ok", status=200), Ended(ending="ok", status=404)
    >>> [(each.what, each.before, each.after) for each in differences(one, two)]
    [('status', 200, 404)]
    """
    return [one for one, _ in zip(_all(before, after), range(DIFFERENCES_MAX), strict=False)]


def _all(before: Ended, after: Ended) -> Iterator[Difference]:
    for what in ("ending", "status", "message"):
        was, now = getattr(before, what), getattr(after, what)
        if was != now:
            # No status, no message: there is none to show.
            yield Difference(what=what, at="", before=was or None, after=now or None)
    yield from _headers(_plain(before.headers), _plain(after.headers))
    if before.body != after.body:
        yield from _bodies(before.body, after.body)
    yield from _questions(before.questions, after.questions)


def _plain(headers: Headers) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        if name not in _IDLE_HEADERS and not name.startswith("tapwater-"):
            said = value.decode("utf-8", "replace")
            found[name] = f"{found[name]}, {said}" if name in found else said
    return found


def _headers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Difference(what="header", at=name, before=before.get(name), after=after.get(name))


def _bodies(before: bytes, after: bytes) -> Iterator[Difference]:
    was, now = _json(before), _json(after)
    if (was is not _NONE or not before) and (now is not _NONE or not after):
        yield from _values(was, now, "$", 0)
        return
    lines_before, lines_after = _lines(before), _lines(after)
    if lines_before is None or lines_after is None:
        yield from _bytes(before, after)
    else:
        yield from _texts(lines_before, lines_after)


def _bytes(before: bytes, after: bytes) -> Iterator[Difference]:
    """How many there are, and a glance at the first that differ."""
    pairs = enumerate(zip(before, after, strict=False))
    place = next((n for n, (was, now) in pairs if was != now), min(len(before), len(after)))
    yield Difference(
        what="body",
        at=f"byte {place}",
        before=_glance(before, place),
        after=_glance(after, place),
    )


def _values(before: Any, after: Any, at: str, depth: int) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict) and depth < _DEPTH_MAX:
        for name in dict.fromkeys((*before, *after)):
            yield from _values(
                before.get(name, _NONE), after.get(name, _NONE), f"{at}.{name}", depth + 1
            )
    elif isinstance(before, list) and isinstance(after, list) and depth < _DEPTH_MAX:
        for place in range(max(len(before), len(after))):
            was = before[place] if place < len(before) else _NONE
            now = after[place] if place < len(after) else _NONE
            yield from _values(was, now, f"{at}[{place}]", depth + 1)
    elif type(before) is not type(after) or before != after:
        yield Difference(what="body", at=at, before=_as_text(before), after=_as_text(after))


def _texts(before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for what, low, high, low_after, high_after in matcher.get_opcodes():
        if what != "equal":
            yield Difference(
                what="body",
                at=f"line {low + 1}",
                before=_short("\n".join(before[low:high])) if high > low else None,
                after=_short("\n".join(after[low_after:high_after]))
                if high_after > low_after
                else None,
            )


def _questions(before: Sequence[Question], after: Sequence[Question]) -> Iterator[Difference]:
    was = [topic_of(one.name, one.body) for one in before]
    now = [topic_of(one.name, one.body) for one in after]
    matcher = difflib.SequenceMatcher(a=was, b=now, autojunk=False)
    for what, low, high, low_after, high_after in matcher.get_opcodes():
        if what == "equal":
            pairs = zip(before[low:high], after[low_after:high_after], strict=True)
            for pair in pairs:
                if _differ(*pair):
                    yield from _asked_else(*pair)
            continue
        for topic in was[low:high]:
            yield Difference(what="question", at=topic, before="asked", after=None)
        for topic in now[low_after:high_after]:
            yield Difference(what="question", at=topic, before=None, after="asked")


def _differ(before: Question, after: Question) -> bool:
    return before.kept and after.kept and before.body != after.body


def _asked_else(before: Question, after: Question) -> Iterator[Difference]:
    """Where both sent JSON to the same place: the members that differ. Else all of it."""
    topic = topic_of(before.name, before.body)
    (head, sent), (head_now, sent_now) = split_frame(before.body), split_frame(after.body)
    was, now = _json(sent), _json(sent_now)
    if head == head_now and was is not _NONE and now is not _NONE:
        for one in _values(was, now, "$", 0):
            yield replace(one, what="question", at=f"{topic} {one.at}")
        return
    yield Difference(what="question", at=topic, before=_said(before.body), after=_said(after.body))


def _said(frame: bytes) -> str:
    start = frame.find(b"{")
    return _short(frame[max(0, start) :].decode("utf-8", "replace"))


class _Nothing:
    """Stands where a member is not there."""


_NONE = _Nothing()


def _json(body: bytes) -> Any:
    if not body:
        return _NONE
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return _NONE
    return value


def _lines(body: bytes) -> list[str] | None:
    try:
        lines = body.decode().splitlines()
    except UnicodeDecodeError:
        return None
    return lines if len(lines) <= _TEXT_LINES_MAX else None


def _glance(body: bytes, place: int) -> str:
    seen = body[place : place + _GLANCE_BYTES]
    more = "…" if len(body) > place + _GLANCE_BYTES else ""
    return f"{len(body)} bytes: {seen.hex(' ')}{more}" if seen else f"{len(body)} bytes"


def _as_text(value: Any) -> str | None:
    """A JSON value as its text: null is something, too."""
    return None if value is _NONE else _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _VALUE_CHARS_MAX else text[:_VALUE_CHARS_MAX] + "…"
