"""What running functions ask, held beside their call; or answered from a recording.

Keeps ``Bindings`` (``instances/bindings.py``): it stands in front of the real ones.
"""

import json
from collections.abc import Callable
from typing import Protocol

from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.masking import Forms
from tapwater_server.model.playback import Match, Playback, topic_of
from tapwater_server.model.recording import (
    QUESTION_BYTES_MAX,
    QUESTIONS_MAX,
    REPLY_BYTES_MAX,
    TAPE_BYTES_MAX,
)
from tapwater_server.model.tape import SECRET, Question, Tape
from tapwater_server.ports.clock import Clock

_ENTRY_BYTES = 256  # What a question weighs besides what was said.


class Bindings(Protocol):
    """What is asked in the end."""

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes: ...


class Holding(Protocol):
    """Who counts what is held for running calls."""

    def room_for(self, size: int) -> bool: ...

    def hold(self, tape: Tape, size: int) -> None: ...


class NotRecorded(TapwaterError):
    """A repeated call asks something that its recording has no answer to."""

    code = "not_recorded"


class PlaybackError(TapwaterError):
    """The error that a question was answered with when the call was recorded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]


class Script:
    """How the questions of one repeated call are answered."""

    def __init__(self, playback: Playback, *, forms: Forms, unknown_live: bool) -> None:
        self.playback, self.forms, self.unknown_live = playback, forms, unknown_live
        self.unknown: list[str] = []  # what was asked and not recorded
        self.other_data: list[str] = []

    def answer(self, name: str, body: bytes) -> bytes | None:
        """Give the recorded answer; None: ask the real thing.

        Raises:
            NotRecorded: there is none, and nothing real may be asked.
            PlaybackError: the answer was an error.
        """
        if name == SECRET:
            return None  # Never recorded, and harmless to ask.
        found = self.playback.find(name, body, self.forms)
        if found.match is Match.UNKNOWN:
            self.unknown.append(topic_of(name, body))
            if self.unknown_live:
                return None
            raise NotRecorded(
                f"the recording has no answer to {topic_of(name, body)[:200]}: replay it with "
                "live bindings, or let what is unknown be asked live"
            )
        if found.match is Match.OTHER_DATA:
            self.other_data.append(topic_of(name, body))
        assert found.question is not None
        if found.question.fine:
            return found.question.answer
        told = json.loads(found.question.answer)
        raise PlaybackError(str(told.get("code", "internal")), str(told.get("message", "")))


class TapedBindings:
    """Asks, and holds what was said with the call."""

    def __init__(self, inner: Bindings, *, holding: Callable[[], Holding], clock: Clock) -> None:
        self._inner, self._holding, self._monotonic = inner, holding, clock.monotonic
        self.scripts: dict[str, Script] = {}  # of calls that are being repeated, by id

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        if not caller.function.record and not caller.replay_of:
            return await self._inner.ask(caller, name, body)
        question = self._begin(caller, name, body)
        began = self._monotonic()
        try:
            answer = await self._answer(caller, name, body)
        except TapwaterError as error:
            told = json.dumps({"code": error.code, "message": error.message}).encode()
            self._end(caller, question, told, took_s=self._monotonic() - began, fine=False)
            raise
        self._end(caller, question, answer, took_s=self._monotonic() - began, fine=True)
        return answer

    async def _answer(self, caller: Invocation, name: str, body: bytes) -> bytes:
        script = self.scripts.get(caller.id) if caller.replay_of else None
        answer = script.answer(name, body) if script is not None else None
        return await self._inner.ask(caller, name, body) if answer is None else answer

    def _begin(self, caller: Invocation, name: str, body: bytes) -> Question | None:
        tape = caller.tape
        if tape is None:
            tape = caller.tape = Tape()
        if len(tape.questions) >= QUESTIONS_MAX:
            tape.cut = True
            return None
        kept = len(body) <= QUESTION_BYTES_MAX and self._fits(tape, len(body))
        at_ms = (self._monotonic() - caller.arrived_at) * 1e3
        question = Question(name=name, body=body if kept else b"", kept=kept, at_ms=at_ms)
        tape.questions.append(question)
        self._holding().hold(tape, _ENTRY_BYTES + len(question.body))
        return question

    def _end(
        self,
        caller: Invocation,
        question: Question | None,
        told: bytes,
        *,
        took_s: float,
        fine: bool,
    ) -> None:
        if question is None or caller.tape is None or caller.tape.over:
            return
        question.took_ms, question.fine, question.answered = took_s * 1e3, fine, True
        if question.name == SECRET and fine:
            question.kept = False
        elif len(told) <= REPLY_BYTES_MAX and self._fits(caller.tape, len(told)):
            question.answer = told
            self._holding().hold(caller.tape, len(told))
        else:
            question.kept = False

    def _fits(self, tape: Tape, size: int) -> bool:
        return tape.size_bytes + size <= TAPE_BYTES_MAX and self._holding().room_for(size)
