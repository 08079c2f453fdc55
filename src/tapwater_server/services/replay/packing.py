"""From a call that has ended to its recording: cut to size, its secrets masked. Off the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Headers, Invocation, Outcome
from tapwater_server.model.masking import (
    Forms,
    mask_headers,
    mask_json,
    mask_query,
    mask_text,
)
from tapwater_server.model.playback import masked_question
from tapwater_server.model.recording import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Recording, Why
from tapwater_server.model.tape import Question

_HEAD_BYTES = 4_096  # What a recording weighs besides its bodies, about.
FormsOf = Callable[[AppId], Forms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A call that is to be written down; everything by reference, nothing copied."""

    invocation: Invocation
    outcome: Outcome
    why: Why
    at: float
    status: int
    headers: Headers
    answer: bytes | list[bytes]
    answer_bytes: int  # of the whole answer; ``answer`` may have less
    rest: Sequence[bytes]  # of the request's body, after what the invocation has
    body_bytes: int  # of the request's body, as far as it came
    body_whole: bool  # it came to its end

    @property
    def size_bytes(self) -> int:
        """What holding it costs, about."""
        tape = self.invocation.tape
        told = tape.size_bytes if tape is not None else 0
        # What came in pieces is held up to its ceiling, and perhaps a piece more.
        asked = min(self.body_bytes, 2 * REQUEST_BYTES_MAX)
        whole = isinstance(self.answer, bytes)
        said = self.answer_bytes if whole else min(self.answer_bytes, 2 * ANSWER_BYTES_MAX)
        return _HEAD_BYTES + told + asked + said


def pack(taken: Taken, forms: Forms) -> Recording:
    """Write a call down. ``forms`` are the secrets of its app."""
    asked, outcome = taken.invocation, taken.outcome
    answer = taken.answer if isinstance(taken.answer, bytes) else b"".join(taken.answer)
    body = b"".join((asked.body, *taken.rest))
    tape = asked.tape
    return Recording(
        id=asked.id,
        at=taken.at,
        why=taken.why,
        app=asked.function.id.app,
        function=asked.function.id.name,
        revision=asked.revision,
        verb=asked.verb.value,
        method=asked.method,
        path=mask_text(asked.path, forms),
        root_path=asked.root_path,
        query=mask_query(asked.query, forms),
        scheme=asked.scheme,
        host=asked.host,
        client=asked.client,
        params={name: mask_text(text, forms) for name, text in (asked.params or {}).items()},
        headers=mask_headers(asked.headers, forms),
        body=masked_body(body[:REQUEST_BYTES_MAX], asked.headers, forms),
        body_cut=taken.body_bytes > REQUEST_BYTES_MAX or not taken.body_whole,
        user=mask_json(asked.user, forms) if asked.user else b"",
        event=asked.event,
        delivery=asked.delivery,
        attempt=asked.attempt,
        trace=asked.traceparent.decode("ascii", "replace"),
        replay_of=asked.replay_of,
        ending=outcome.ending.value,
        status=taken.status,
        answer_headers=mask_headers(taken.headers, forms),
        answer=masked_body(answer[:ANSWER_BYTES_MAX], taken.headers, forms),
        answer_cut=taken.answer_bytes > min(len(answer), ANSWER_BYTES_MAX),
        message=mask_text(outcome.message, forms),
        took_ms=(outcome.usage.queue_s + outcome.usage.wall_s) * 1e3,
        questions=masked_questions(tape.questions, forms) if tape is not None else (),
        questions_cut=tape.cut if tape is not None else False,
    )


def masked_questions(questions: Sequence[Question], forms: Forms) -> tuple[Question, ...]:
    """Hide secrets in questions and in what was told."""
    return tuple(
        replace(
            one,
            body=masked_question(one.name, one.body, forms),
            answer=masked_question(one.name, one.answer, forms) if one.fine else one.answer,
        )
        for one in questions
    )


def masked_body(body: bytes, headers: Headers, forms: Forms) -> bytes:
    """Hide secrets in a body, as its media type says where they are."""
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    if kind.startswith(b"application/x-www-form-urlencoded"):
        return mask_query(body, forms)
    return mask_json(body, forms) if body else b""
