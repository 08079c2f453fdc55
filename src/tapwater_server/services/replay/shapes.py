"""Recordings and replays as the API tells them."""

import base64
import json
from typing import Any, Literal

import msgspec

from tapwater_server.model.differences import Ended
from tapwater_server.model.invocation import Headers
from tapwater_server.model.playback import SERVICE, split_frame, topic_of
from tapwater_server.model.recording import Recording
from tapwater_server.model.tape import Question
from tapwater_server.services.replay.service import Replayed, With


class ReplayAsked(msgspec.Struct, forbid_unknown_fields=True):
    """How to run a call again."""

    bindings: With = With.RECORDED
    revision: str | int | None = None  # number, id or alias; None: the one that ran then
    unknown: Literal["fail", "live"] = "fail"  # what was not asked then


def recording_shown(recording: Recording, *, number: int | None, file: str) -> dict[str, Any]:
    """All of a recording; bytes that must come back as they were are in base64."""
    return {
        "id": recording.id,
        "at": recording.at,
        "why": recording.why.value,
        "app": recording.app,
        "function": recording.function,
        "revision": recording.revision,
        "number": number,
        "file": file,  # in the app's folder
        "replay_of": recording.replay_of,
        "took_ms": recording.took_ms,
        "trace": recording.trace,
        "request": {
            "verb": recording.verb,
            "method": recording.method,
            "path": recording.path,
            "root_path": recording.root_path,
            "query": recording.query.decode("utf-8", "replace"),
            "scheme": recording.scheme,
            "host": recording.host.decode("latin-1"),
            "client": recording.client,
            "params": recording.params,
            "headers": headers_shown(recording.headers),
            "user": _json_or_none(recording.user),
            "event": recording.event,
            "delivery": recording.delivery,
            "attempt": recording.attempt,
            **body_shown(recording.body),
            "body_cut": recording.body_cut,
        },
        "outcome": {
            "ending": recording.ending,
            "status": recording.status,
            "message": recording.message,
            "headers": headers_shown(recording.answer_headers),
            **body_shown(recording.answer),
            "body_cut": recording.answer_cut,
        },
        "questions": [question_shown(one) for one in recording.questions],
        "questions_cut": recording.questions_cut,
    }


def replayed_shown(recording: Recording, replayed: Replayed) -> dict[str, Any]:
    """Both outcomes, and in what they differ."""
    return {
        "invocation": replayed.invocation,
        "replay_of": recording.id,
        "app": recording.app,
        "function": recording.function,
        "revision": replayed.revision.id,
        "number": replayed.revision.number,
        "before": ended_shown(replayed.before),
        "after": ended_shown(replayed.after),
        "differences": [msgspec.to_builtins(one) for one in replayed.differences],
        "unknown": list(replayed.unknown),
        "unasked": replayed.unasked,
    }


def ended_shown(ended: Ended) -> dict[str, Any]:
    return {
        "ending": ended.ending,
        "status": ended.status,
        "message": ended.message,
        "headers": headers_shown(ended.headers),
        **body_shown(ended.body),
        "questions": [topic_of(one.name, one.body) for one in ended.questions],
    }


def question_shown(one: Question) -> dict[str, Any]:
    """A question, told for people, and as it went over the wire."""
    return {
        "name": one.name,
        "topic": topic_of(one.name, one.body),
        "told": _told(one),
        "fine": one.fine,
        "answered": one.answered,
        "kept": one.kept,
        "at_ms": one.at_ms,
        "took_ms": one.took_ms,
        "body_base64": base64.b64encode(one.body).decode(),
        "answer_base64": base64.b64encode(one.answer).decode(),
    }


def headers_shown(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in headers]


def body_shown(body: bytes) -> dict[str, str]:
    """A body as text where it is text."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _told(one: Question) -> str:
    if not one.answered:
        return "no answer"
    if not one.kept:
        return "not recorded"
    if one.name == SERVICE and one.fine:
        return f"status {split_frame(one.answer)[0].get('status', '?')}"
    said = _json_or_none(one.answer)
    if isinstance(said, dict):
        return str(said.get("ending" if one.fine else "message", ""))
    return ""


def _json_or_none(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None
