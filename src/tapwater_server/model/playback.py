"""A recording's answers, given again to a call that is repeated: in order, and by question. Pure.

The question of a service is framed: four bytes (the size of its head, big endian), the head in
JSON (``method``, ``path``, ``query``), the body. See ``assembly/service_asks.py``.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tapwater_server.model.masking import Forms, mask_headers, mask_json, mask_value
from tapwater_server.model.tape import SECRET, Question

_SIZE = struct.Struct(">I")
SERVICE, CALL = "service", "call"
_WRITES_MAX = 5  # that a topic names


class Match(StrEnum):
    """How well a recorded question fits the one that is asked now."""

    SAME = "same"
    OTHER_DATA = "other data"  # the same service and path, or function; what is sent differs
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the recording has to a question."""

    match: Match
    question: Question | None = None


class Playback:
    """Each recorded answer is given once."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._left = [one for one in questions if one.answered and one.kept and one.name != SECRET]

    def find(self, name: str, body: bytes, forms: Forms = ()) -> Found:
        """Take the first answer that is left to this very question; else to one about the same."""
        masked = masked_question(name, body, forms)
        for one in self._left:
            if one.name == name and one.body == masked:
                self._left.remove(one)
                return Found(match=Match.SAME, question=one)
        topic = topic_of(name, body)
        for one in self._left:
            if one.name == name and topic_of(name, one.body) == topic:
                self._left.remove(one)
                return Found(match=Match.OTHER_DATA, question=one)
        return Found(match=Match.UNKNOWN)

    @property
    def left(self) -> Sequence[Question]:
        """What was asked then and is not asked now."""
        return tuple(self._left)


def topic_of(name: str, body: bytes) -> str:
    """Say what a question is about, without what is sent: for people, and to match by.

    >>> topic_of("call", b'{"function": "users/find", "data": 1}')
    'call users/find'
    """
    if name == SERVICE:
        head, sent = split_frame(body)
        query = head.get("query")
        asked = "?" + "&".join(f"{key}={query[key]}" for key in query) if query else ""
        place = f"{head.get('method', '')} {head.get('path', '')}{asked}"
        return f"{place} {_written(sent)}".strip() or SERVICE
    said = _json(body)
    what = said.get("function") or said.get("name") if isinstance(said, dict) else ""
    return f"{name} {what}".strip()


def _written(sent: bytes) -> str:
    """Say what a batch of writes changes: all batches go to the same path."""
    said = _json(sent) if sent.startswith(b'{"writes"') else None
    writes = said.get("writes") if isinstance(said, dict) else None
    if not isinstance(writes, list):
        return ""
    firsts = [next(iter(one.items()), ("", "")) for one in writes if isinstance(one, dict)]
    more = " …" if len(firsts) > _WRITES_MAX else ""
    return ", ".join(f"{what} {where}" for what, where in firsts[:_WRITES_MAX]) + more


def split_frame(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """Cut a service's question or answer into head and body; what is none has no head."""
    if len(frame) < _SIZE.size:
        return {}, frame
    end = _SIZE.size + _SIZE.unpack_from(frame)[0]
    head = _json(frame[_SIZE.size : end]) if end <= len(frame) else None
    return (head, frame[end:]) if isinstance(head, dict) else ({}, frame)


def join_frame(head: dict[str, Any], body: bytes) -> bytes:
    """Put head and body together again."""
    packed = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return _SIZE.pack(len(packed)) + packed + body


def masked_question(name: str, frame: bytes, forms: Forms) -> bytes:
    """Hide secrets in a question or its answer, in the frame they travel in."""
    if name != SERVICE:
        return mask_json(_without_step(frame), forms) if frame else frame
    head, body = split_frame(frame)
    if not head:
        return frame
    hidden = mask_value({key: value for key, value in head.items() if key != "headers"}, forms)
    headers = head.get("headers")
    if isinstance(headers, dict):
        hidden["headers"] = _masked_headers(headers, forms)
    return join_frame(hidden, mask_json(body, forms) if body else body)


def _masked_headers(headers: dict[str, Any], forms: Forms) -> dict[str, str]:
    pairs = [(str(name).lower().encode(), str(value).encode()) for name, value in headers.items()]
    shown = {name.decode(): value.decode() for name, value in mask_headers(pairs, forms)}
    shown.pop("traceparent", None)  # The step it was asked in is another each time.
    return shown


def _without_step(frame: bytes) -> bytes:
    """Leave out the step that a call was made in: it is another each time."""
    said = _json(frame) if b'"span"' in frame else None
    if not isinstance(said, dict) or "function" not in said or "span" not in said:
        return frame
    del said["span"]
    return json.dumps(said, separators=(",", ":")).encode()


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
