"""What comes again with its key: against a scripted door, with every way it can go."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tapwater_server.backends.memory.once import MemoryOnce
from tapwater_server.model.function import Function, FunctionLimits, Kind, Style
from tapwater_server.model.ids import AppId, FunctionId, InvocationId, RevisionId
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.services.idempotency.answers import KEEP_S, KEPT_BYTES_MAX
from tapwater_server.services.idempotency.budget import Budget
from tapwater_server.services.idempotency.repeats import Repeats
from tapwater_server.testing.clock import CountingIds, ManualClock
from tapwater_server.testing.invoker import ScriptedCall, ScriptedInvoker

FUNCTION = Function(
    id=FunctionId(AppId("shop"), "pay"),
    kind=Kind.RESTFUL,
    style=Style.VERBS,
    file="pay.py",
    group="",
    limits=FunctionLimits(timeout_s=30.0),
    idempotent=True,
)


class Seen:
    """A caller: what it was told, and the request it makes."""

    def __init__(self) -> None:
        self.status, self.body_said, self.ends = 0, b"", 0
        self.headers: Headers = []
        self.outcome: Outcome | None = None
        self.over = asyncio.Event()

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        assert not self.status
        assert not self.ends
        self.status, self.headers, self.body_said = status, headers, whole or b""

    def body(self, data: bytes) -> bool:
        assert not self.ends
        self.body_said += data
        return True

    def message(self, data: str | bytes) -> None:
        raise AssertionError("no WebSocket here")

    def ended(self, outcome: Outcome) -> None:
        self.ends += 1
        assert self.ends == 1
        self.outcome = outcome
        self.over.set()

    @property
    def repeated(self) -> bool:
        return (b"idempotent-replayed", b"true") in self.headers

    @property
    def not_kept(self) -> bool:
        return (b"idempotent-kept", b"false") in self.headers


class Rig:
    """Repeats before a door where each call waits until the test lets it answer."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.once = MemoryOnce(clock=self.clock, ids=CountingIds())
        self.door = ScriptedInvoker(lambda call: None)
        self.repeats = Repeats(self.door, once=self.once, budget=Budget(clock=self.clock))

    def ask(
        self,
        *,
        keys: Sequence[bytes] = (b"k",),
        body: bytes = b"{}",
        follows: bool = False,
        method: str = "POST",
        user: bytes = b"",
        function: Function = FUNCTION,
        path: str = "/pay",
    ) -> tuple[Seen, object]:
        seen = Seen()
        invocation = Invocation(
            id=InvocationId("i"),
            revision=RevisionId("r"),
            function=function,
            verb=Verb.HTTP,
            method=method,
            path=path,
            headers=[(b"idempotency-key", key) for key in keys],
            body=body,
            body_follows=follows,
            user=user,
        )
        return seen, self.repeats.start(invocation, seen)

    async def call(self, number: int) -> ScriptedCall:
        """Wait for the function's call of that number."""
        await self.door.wait(lambda: len(self.door.calls) > number)
        return self.door.calls[number]

    async def paid(self, **said: object) -> Seen:
        """Ask, let the function answer, wait for the end."""
        seen, _ = self.ask(**said)  # type: ignore[arg-type]
        (await self.call(len(self.door.calls))).answer(201, [(b"x", b"1")], b"paid")
        await over(seen)
        return seen


async def over(seen: Seen) -> Seen:
    async with asyncio.timeout(5):
        await seen.over.wait()
    return seen


async def test_a_repeat_is_answered_as_the_first_was_and_not_run() -> None:
    rig = Rig()
    first = await rig.paid()
    assert (first.status, first.body_said, first.repeated) == (201, b"paid", False)
    again, _ = rig.ask()
    await over(again)
    assert (again.status, again.body_said) == (201, b"paid")
    assert again.headers == [(b"x", b"1"), (b"idempotent-replayed", b"true")]
    assert len(rig.door.calls) == 1


async def test_after_a_day_it_is_run_again() -> None:
    rig = Rig()
    await rig.paid()
    await rig.clock.advance(KEEP_S + 1)
    assert not (await rig.paid()).repeated
    assert len(rig.door.calls) == 2


@pytest.mark.parametrize("other", [{"body": b"[]"}, {"path": "/else"}, {"method": "PUT"}])
async def test_the_key_with_another_request_is_refused(other: dict[str, object]) -> None:
    rig = Rig()
    await rig.paid()
    seen, _ = rig.ask(**other)  # type: ignore[arg-type]
    await over(seen)
    assert seen.status == 422
    assert json.loads(seen.body_said)["code"] == "key_reused"
    assert len(rig.door.calls) == 1


async def test_while_the_first_runs_others_are_told_to_come_back() -> None:
    rig = Rig()
    first, _ = rig.ask()
    call = await rig.call(0)
    second, _ = rig.ask()
    await over(second)
    assert second.status == 409
    assert (b"retry-after", b"1") in second.headers
    call.answer(200, [], b"late")
    await over(first)
    third, _ = rig.ask()
    assert (await over(third)).body_said == b"late"


async def test_of_many_at_the_same_moment_one_runs() -> None:
    rig = Rig()
    asked = [rig.ask()[0] for _ in range(20)]
    (await rig.call(0)).answer(200, [], b"one")
    for seen in asked:
        await over(seen)
    assert sorted(seen.status for seen in asked) == [200] + [409] * 19
    assert len(rig.door.calls) == 1


async def test_keys_of_others_and_of_other_functions_are_other_keys() -> None:
    rig = Rig()
    await rig.paid()
    await rig.paid(user=b'{"id":"ada","roles":["a"]}')
    await rig.paid(user=b'{"id":"bob"}')
    await rig.paid(function=replace(FUNCTION, id=FunctionId(AppId("shop"), "other")))
    await rig.paid(function=replace(FUNCTION, id=FunctionId(AppId("else"), "pay")))
    assert len(rig.door.calls) == 5
    again, _ = rig.ask(user=b'{"id":"ada","roles":[]}')  # The same user, whatever their roles.
    assert (await over(again)).repeated


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_what_failed_may_be_tried_again(status: int) -> None:
    rig = Rig()
    seen, _ = rig.ask()
    (await rig.call(0)).answer(status, [], b"no")
    await over(seen)
    assert (seen.status, seen.body_said, seen.not_kept) == (status, b"no", True)
    assert not (await rig.paid()).repeated


async def test_a_function_that_raised_may_be_tried_again() -> None:
    rig = Rig()
    seen, _ = rig.ask()
    (await rig.call(0)).end(Ending.USER_ERROR, message="ouch")
    await over(seen)
    assert seen.status == 0
    assert seen.outcome is not None
    assert seen.outcome.ending is Ending.USER_ERROR
    assert not (await rig.paid()).repeated


async def test_a_stream_passes_and_says_that_it_is_not_kept() -> None:
    rig = Rig()
    seen, _ = rig.ask()
    call = await rig.call(0)
    call.begin(200)
    call.piece(b"one")
    assert (seen.status, seen.body_said, seen.not_kept) == (200, b"one", True)
    call.end(Ending.OK)
    await over(seen)
    await rig.repeats.close()
    await rig.paid()
    assert len(rig.door.calls) == 2


async def test_an_answer_that_is_too_large_is_not_kept() -> None:
    rig = Rig()
    seen, _ = rig.ask()
    (await rig.call(0)).answer(200, [], b"x" * (KEPT_BYTES_MAX + 1))
    await over(seen)
    assert len(seen.body_said) == KEPT_BYTES_MAX + 1
    assert seen.not_kept


async def test_pieces_of_a_known_small_length_are_kept() -> None:
    rig = Rig()
    seen, _ = rig.ask()
    call = await rig.call(0)
    call.begin(200, [(b"content-length", b"6")])
    for piece in (b"one", b"two", b"three"):  # More than was announced.
        call.piece(piece)
    call.end(Ending.OK)
    await over(seen)
    again, _ = rig.ask()
    assert (await over(again)).body_said == seen.body_said == b"onetwo"


async def test_a_body_that_follows_is_part_of_the_request() -> None:
    rig = Rig()
    first, handle = rig.ask(body=b"ab", follows=True)
    resumed = asyncio.Event()
    assert not handle.feed(b"cd", last=False)  # type: ignore[attr-defined]
    handle.when_writable(resumed.set)  # type: ignore[attr-defined]
    call = await rig.call(0)
    async with asyncio.timeout(5):
        await resumed.wait()
    handle.feed(b"ef", last=True)  # type: ignore[attr-defined]
    assert bytes(call.received) == b"abcdef"
    call.answer(200, [], b"got")
    await over(first)
    for parts, status in (((b"abc", b"def"), 200), ((b"abc", b"xyz"), 422)):
        seen, handle = rig.ask(body=parts[0], follows=True)
        handle.feed(parts[1], last=False)  # type: ignore[attr-defined]
        handle.feed(b"", last=True)  # type: ignore[attr-defined]
        assert (await over(seen)).status == status
    assert len(rig.door.calls) == 1


async def test_an_answer_to_half_a_request_is_not_kept() -> None:
    rig = Rig()
    seen, _ = rig.ask(follows=True)
    (await rig.call(0)).answer(200, [], b"enough")
    assert (await over(seen)).not_kept
    await rig.paid()
    assert len(rig.door.calls) == 2


async def test_a_caller_that_goes_away_finds_the_answer_when_it_asks_again() -> None:
    rig = Rig()
    seen, handle = rig.ask()
    call = await rig.call(0)
    handle.cancel("gone")  # type: ignore[attr-defined]
    assert seen.outcome is not None
    assert seen.outcome.ending is Ending.CANCELLED
    assert call.cancelled is None
    call.answer(200, [], b"done")
    await rig.repeats.close()
    again, _ = rig.ask()
    await over(again)
    assert (again.body_said, again.repeated, seen.status) == (b"done", True, 0)


async def test_a_caller_that_goes_before_it_began_has_asked_for_nothing() -> None:
    rig = Rig()
    seen, handle = rig.ask()
    handle.cancel("gone")  # type: ignore[attr-defined]
    await rig.repeats.close()
    assert seen.ends == 1
    assert not rig.door.calls
    assert (await rig.paid()).status == 201


async def test_a_caller_that_goes_amid_its_body_ends_the_call() -> None:
    rig = Rig()
    seen, handle = rig.ask(follows=True)
    call = await rig.call(0)
    handle.cancel("gone")  # type: ignore[attr-defined]
    await over(seen)
    assert call.cancelled == "gone"
    assert (await rig.paid()).status == 201


@pytest.mark.parametrize("keys", [(b"",), (b"a", b"b"), (b"\xff",)])
async def test_a_key_that_is_none_is_refused(keys: Sequence[bytes]) -> None:
    rig = Rig()
    seen, _ = rig.ask(keys=keys)
    assert seen.status == 400
    assert not rig.door.calls


@pytest.mark.parametrize(
    "said",
    [{"keys": ()}, {"method": "GET"}, {"function": replace(FUNCTION, idempotent=False)}],
)
async def test_all_others_pass_as_they_are(said: dict[str, object]) -> None:
    rig = Rig()
    for count in (1, 2):
        seen, _ = rig.ask(**said)  # type: ignore[arg-type]
        assert len(rig.door.calls) == count  # At once: no look at the disk before.
        rig.door.calls[-1].answer(200, [], b"each time")
        assert seen.headers == []


class FullDisk(MemoryOnce):
    """Says who is first, and then has no room for the answer."""

    async def commit(self, *_: object, **__: object) -> bool:
        raise OSError("no space left on device")


async def test_an_answer_that_cannot_be_written_is_given_all_the_same() -> None:
    rig = Rig()
    rig.repeats = Repeats(
        rig.door,
        once=FullDisk(clock=rig.clock, ids=CountingIds()),
        budget=Budget(clock=rig.clock),
    )
    seen = await rig.paid()
    assert (seen.status, seen.body_said, seen.not_kept) == (201, b"paid", True)


async def test_an_app_that_has_used_its_room_is_answered_and_not_kept() -> None:
    rig = Rig()
    none = Budget(clock=rig.clock, app_bytes_max=0)
    rig.repeats = Repeats(rig.door, once=rig.once, budget=none)
    assert (await rig.paid()).not_kept
    assert not (await rig.paid()).repeated
    assert len(rig.door.calls) == 2
