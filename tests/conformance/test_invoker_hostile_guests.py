"""INV-1 against guests that break the protocol, each in its own way."""

from collections.abc import AsyncIterator

import pytest

from tapwater.runtime import wire
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.testing.clock import settle
from tapwater_server.testing.guests import Script, ScriptedGuest
from tapwater_server.testing.world import World, a_function


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def on_invoke(*frames: bytes) -> Script:
    """A script that answers each call with these frames; 0 in place of the call's number."""

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            number = frame.call.to_bytes(4, "little")
            guest.say(b"".join(one[:5] + number + one[9:] for one in frames))

    return play


def result(headers: wire.Headers, *, status: int = 200, more: bool = False) -> bytes:
    return wire.pack_result(0, status, headers, b"x", more=more)


HOSTILE = {
    "unknown kind": wire.pack(99, 0, b""),
    "frame from the host": wire.pack(Kind.INVOKE, 0, bytes(60)),
    "two answers": result([], more=True) + result([]),
    "cut short": wire.pack(Kind.RESULT, 0, b"\0"),
    "header name with a space": result([(b"a b", b"c")]),
    "header name in upper case": result([(b"Server", b"c")]),
    "empty header name": result([(b"", b"c")]),
    "header value with a line break": result([(b"a", b"c\r\nset-cookie: x")]),
    "header value with NUL": result([(b"a", b"c\0")]),
    "status too small": result([], status=99),
    "status too large": result([], status=600),
    "interim status": result([], status=100),
    "body before head": wire.pack_body(0, b"x", last=True),
    "body after its end": result([], more=True)
    + wire.pack_body(0, b"", last=True)
    + wire.pack_body(0, b"x", last=True),
    "more body than credit": result([], more=True)
    + wire.pack_body(0, b"x" * wire.WINDOW_BYTES, last=False)
    + wire.pack_body(0, b"x", last=False),
    "empty body frame": result([], more=True) + wire.pack(Kind.BODY, 0),
    "end before the last piece": result([], more=True) + wire.pack_done(0),
    "end without beginning": wire.pack_done(0),
    "message in HTTP": result([], more=True) + wire.pack_message(0, "hi"),
    "failure that is no JSON": wire.pack(Kind.FAIL, 0, b"oh"),
    "failure of a wrong kind": wire.pack(Kind.FAIL, 0, b'{"ending":"overloaded"}'),
    "failure that is a list": wire.pack(Kind.FAIL, 0, b"[]"),
    "failure with numbers": wire.pack(Kind.FAIL, 0, b'{"ending":"user_error","message":7}'),
    "failure at no place": wire.pack(Kind.FAIL, 0, b'{"ending":"user_error","frames":["a"]}'),
    "deep failure": wire.pack(Kind.FAIL, 0, b"[" * 100_000),
    "log without level": wire.pack(Kind.LOG, 0, b""),
    "log of no level": wire.pack(Kind.LOG, 0, b"\x09hi"),
    "log of no stream": wire.pack(Kind.LOG, 0, b"\x31hi"),
    "log with fields that is cut short": wire.pack(Kind.SAID, 0, b"\x02\xff\0\0\0hi"),
    "log with fields that are none": wire.pack(Kind.SAID, 0, b"\x02\2\0\0\0hi[]"),
    "log with deep fields": wire.pack(Kind.SAID, 0, b"\x02\0\0\0\0" + b'{"a":' * 1_000),
    "step that is no JSON": wire.pack(Kind.SPAN, 0, b"step"),
    "step of no id": wire.pack(Kind.SPAN, 0, b'{"name": "x"}'),
    "step in another trace": wire.pack(Kind.SPAN, 0, b'{"id": "00f067aa0ba902b7", "trace": "x"}'),
    "question cut short": wire.pack(Kind.ASK, 0, b"?"),
    "question not in UTF-8": wire.pack(Kind.ASK, 0, b"\0\0\0\0\1\0\xff{}"),
    "window cut short": wire.pack(Kind.WINDOW, 0, b"\0"),
    "coming up, as functions of ours never do": wire.pack_coming(0, 5),
    "coming up, cut short": wire.pack(Kind.COMING, 0, b"\0"),
    "window of text": wire.pack(Kind.DONE, 0, b"long"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_inv_1_nothing_a_guest_sends_raises(world: World, what: str) -> None:
    world.sandbox.script = on_invoke(HOSTILE[what])
    watched = world.start(a_function(), body_follows=what.startswith("window"))
    await settle()
    assert watched.ending == "broken"
    assert world.sandbox.guests[0].died is not None
    assert any("protocol" in line.text for line in world.lines)


@pytest.mark.parametrize("what", ["a size beyond the ceiling", "a size below the head"])
async def test_inv_1_nor_what_is_no_frame(world: World, what: str) -> None:
    size = 1 << 31 if "beyond" in what else 1

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        guest.say(size.to_bytes(4, "little") + b"\x11" * 9)

    world.sandbox.script = play
    watched = world.start(a_function())
    await settle()
    assert watched.ending == "broken"


async def test_inv_1_an_answer_to_another_call(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        guest.answer(frame.call + 1)

    world.sandbox.script = play
    watched = world.start(a_function())
    await settle()
    assert watched.ending == "broken"


async def test_what_was_raised_and_where_is_told_within_bounds(world: World) -> None:
    places = [f"a.py:f{n}" for n in range(50)] + ["x" * 5_000]
    said = pack_fail(0, "user_error", "no", error="E" * 200, frames=places)
    world.sandbox.script = on_invoke(said)
    watched = world.start(a_function())
    await settle()
    assert watched.outcome is not None
    assert watched.outcome.error == "E" * 200
    assert watched.outcome.frames == (*(f"a.py:f{n}" for n in range(43, 50)), "x" * 401)
