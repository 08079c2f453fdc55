"""Questions held beside their call, and answered from a recording."""

import json

import pytest

from tapwater_server.model.errors import NotFound
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.playback import Playback, join_frame
from tapwater_server.model.recording import (
    QUESTION_BYTES_MAX,
    QUESTIONS_MAX,
    REPLY_BYTES_MAX,
    TAPE_BYTES_MAX,
)
from tapwater_server.model.tape import Question, Tape
from tapwater_server.services.replay.asking import (
    NotRecorded,
    PlaybackError,
    Script,
    TapedBindings,
)
from tapwater_server.testing.clock import ManualClock
from tests.unit.services.replay.calls import call, function

GET = join_frame({"method": "GET", "path": "/docs/users/1"}, b"")


class Real:
    """Bindings that answer what they are told to, and count."""

    def __init__(self, answer: bytes = b'{"fine":1}') -> None:
        self.answer, self.asked = answer, list[str]()

    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        self.asked.append(name)
        if name == "missing":
            raise NotFound("there is none")
        return self.answer


class Held:
    """Memory for what is said."""

    def __init__(self, bytes_max: int = 1 << 40) -> None:
        self.size, self.bytes_max = 0, bytes_max

    def room_for(self, size: int) -> bool:
        return self.size + size <= self.bytes_max

    def hold(self, tape: Tape, size: int) -> None:
        tape.size_bytes += size
        self.size += size


def taped(real: Real, held: Held | None = None) -> TapedBindings:
    memory = held or Held()
    return TapedBindings(real, holding=lambda: memory, clock=ManualClock())


def questions(caller: Invocation) -> list[Question]:
    assert caller.tape is not None
    return caller.tape.questions


async def test_what_was_said_is_held_in_order() -> None:
    caller, bindings = call(), taped(Real())
    assert await bindings.ask(caller, "service", GET) == b'{"fine":1}'
    with pytest.raises(NotFound):
        await bindings.ask(caller, "missing", b"{}")
    first, second = questions(caller)
    assert (first.name, first.body, first.answer, first.fine) == (
        "service",
        GET,
        b'{"fine":1}',
        True,
    )
    assert second.answered
    assert not second.fine
    assert json.loads(second.answer) == {"code": "not_found", "message": "there is none"}


async def test_secrets_are_never_held() -> None:
    caller = call()
    await taped(Real(b'{"value":"hunter2"}')).ask(caller, "secret", b'{"name":"key"}')
    (only,) = questions(caller)
    assert (only.answer, only.kept) == (b"", False)


async def test_a_function_that_is_not_recorded_leaves_nothing() -> None:
    caller = call(function(record=False))
    await taped(Real()).ask(caller, "service", GET)
    assert caller.tape is None


async def test_what_is_too_large_is_not_held() -> None:
    caller = call()
    await taped(Real()).ask(caller, "service", b"x" * (QUESTION_BYTES_MAX + 1))
    await taped(Real(b"y" * (REPLY_BYTES_MAX + 1))).ask(caller, "service", GET)
    assert [(one.body, one.answer, one.kept) for one in questions(caller)] == [
        (b"", b'{"fine":1}', False),
        (GET, b"", False),
    ]


async def test_all_of_one_call_have_a_ceiling() -> None:
    caller, held = call(), Held()
    bindings = taped(Real(b"y" * 200_000), held)
    for _ in range(10):
        await bindings.ask(caller, "service", GET)
    assert held.size <= TAPE_BYTES_MAX + 10_000
    assert [one.kept for one in questions(caller)].count(False) == 5


async def test_more_questions_than_a_recording_has_are_cut() -> None:
    caller, bindings = call(), taped(Real())
    for _ in range(QUESTIONS_MAX + 3):
        await bindings.ask(caller, "service", GET)
    assert len(questions(caller)) == QUESTIONS_MAX
    assert caller.tape is not None
    assert caller.tape.cut


async def test_what_is_told_after_the_end_is_not_held() -> None:
    caller, held = call(tape=Tape(over=True)), Held()
    await taped(Real(), held).ask(caller, "service", GET)
    assert questions(caller)[0].answer == b""


def script(*recorded: Question, unknown_live: bool = False) -> Script:
    return Script(Playback(recorded), forms=(), unknown_live=unknown_live)


def told(body: bytes, answer: bytes, *, name: str = "service", fine: bool = True) -> Question:
    return Question(name=name, body=body, answer=answer, fine=fine, answered=True)


async def test_a_repeated_call_is_answered_from_its_recording() -> None:
    real = Real()
    bindings, caller = taped(real), call(replay_of="00")
    bindings.scripts[caller.id] = script(told(GET, b"first"), told(GET, b"second"))
    assert await bindings.ask(caller, "service", GET) == b"first"
    assert await bindings.ask(caller, "service", GET) == b"second"
    assert real.asked == []


async def test_what_is_unknown_fails_or_goes_on_by_choice() -> None:
    real = Real()
    bindings, caller = taped(real), call(replay_of="00")
    bindings.scripts[caller.id] = strict = script()
    with pytest.raises(NotRecorded, match=r"GET /docs/users/1"):
        await bindings.ask(caller, "service", GET)
    assert (real.asked, strict.unknown) == ([], ["GET /docs/users/1"])
    bindings.scripts[caller.id] = script(unknown_live=True)
    assert await bindings.ask(caller, "service", GET) == b'{"fine":1}'


async def test_a_recorded_error_is_raised_again() -> None:
    bindings, caller = taped(Real()), call(replay_of="00")
    error = told(GET, b'{"code":"conflict","message":"too late"}', fine=False)
    bindings.scripts[caller.id] = script(error)
    with pytest.raises(PlaybackError, match="too late") as raised:
        await bindings.ask(caller, "service", GET)
    assert raised.value.code == "conflict"


async def test_secrets_are_asked_for_real() -> None:
    real = Real()
    bindings, caller = taped(real), call(replay_of="00")
    bindings.scripts[caller.id] = script(told(b'{"name":"k"}', b"", name="secret"))
    assert await bindings.ask(caller, "secret", b'{"name":"k"}') == b'{"fine":1}'
    assert real.asked == ["secret"]
