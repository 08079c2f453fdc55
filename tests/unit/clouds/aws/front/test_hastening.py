"""The short way in: whoever it lets in the usual way lets in too, and both write down the same."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError, Known, Told
from tapwater_server.model.invocation import Headers, Outcome
from tapwater_server.ports.meter import Use
from tapwater_server.web.cloud import Whole
from tests.unit.clouds.aws.front.kit import (
    ACCOUNT,
    World,
    request_of,
    scope_of,
    signed,
)

PATH = "/2015-03-31/functions/thumbs/invocations"
ADDRESS = f"http://127.0.0.1:8080{PATH}"
ANSWER = b'"thumbs"'


class Prompt:
    """Keeps ``Hasty``: answers at once, or raises what it is given."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, bytes]] = []  # the way it came, and its body
        self.raised: AwsError | None = None

    def wants(self, method: bytes, url: bytes) -> bool:
        return method == b"POST" and url.startswith(b"/2015-03-31/functions/")

    def hasten(self, asked: AwsAsked, told: Told) -> bool:
        self.begun.append(("looked at", asked.whole or b""))
        told(self._answer)
        return True

    def known(self, asked: AwsAsked) -> Known | None:
        return self._begin

    def _begin(
        self, account: Account, body: bytes, told: Told, *, id: str, trace: bytes, client: str
    ) -> None:
        assert len(id) == 36 and len(trace) == 55 and client == "127.0.0.1"  # noqa: PT018
        self.begun.append(("known", body))
        told(self._answer)

    def _answer(self) -> AwsAnswer:
        if self.raised is not None:
            raise self.raised
        return AwsAnswer(headers=[("Content-Type", "application/json")], body=ANSWER)


class Taken:
    """An exchange of the gateway's that keeps what it is given."""

    def __init__(self) -> None:
        self.status, self.headers, self.whole = 0, dict[bytes, bytes](), b""
        self.over = 0

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self.status, self.headers, self.whole = status, dict(headers), whole or b""

    def body(self, data: bytes) -> bool:
        return True

    def message(self, data: str | bytes) -> None: ...

    def ended(self, outcome: Outcome) -> None:
        self.over += 1


class Door:
    """The front with one service that can be hastened."""

    def __init__(self, *, any_key: bool = False) -> None:
        self.world, self.prompt = World(any_key=any_key), Prompt()
        service = self.world.services["lambda"]
        service.answered = AwsAnswer(headers=[("Content-Type", "application/json")], body=ANSWER)
        self.world.hastening.add("lambda", self.prompt, service)

    def hasten(self, scope: dict[str, Any], body: bytes) -> Taken | None:
        taken = Taken()
        query = scope["query_string"]
        whole = Whole(
            method=scope["method"].encode(),
            url=scope["raw_path"] + (b"?" + query if query else b""),
            headers=scope["headers"],
            body=body,
            scheme="http",
            client="127.0.0.1",
            exchange=taken,
        )
        return taken if self.world.front.hasten(whole) is not None else None

    async def usual(self, scope: dict[str, Any], body: bytes) -> int:
        """Give the status that the usual way has for it."""
        said: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                said.append(message["status"])

        await self.world.front({**scope, "tapwater": {"whole": body}}, receive, send)
        return said[0]

    async def warm(self) -> None:
        """Make the account's home, and the head known."""
        scope = good()
        assert await self.usual(scope, b"{}") == 200
        assert self.hasten(scope, b"{}") is not None


def good(body: bytes = b"{}", **how: str) -> dict[str, Any]:
    request = request_of(how.pop("url", ADDRESS), method="POST", body=body)
    return scope_of(signed(request, how.pop("service", "lambda"), **how))


async def test_the_second_time_the_head_is_known() -> None:
    door = Door()
    assert door.hasten(good(), b"{}") is None  # There is no home yet.
    await door.warm()
    for body in (b"{}", b"", b'{"n": 1}', bytes(range(256)) * 100):
        taken = door.hasten(good(body), body)
        assert taken is not None
        assert (taken.status, taken.whole, taken.over) == (200, ANSWER, 1)
        assert len(taken.headers[b"x-amzn-requestid"]) == 36
        assert door.prompt.begun[-1] == ("known", body)
    assert door.hasten(good(b"{}"), b"[]") is None  # Another body than was signed.
    assert door.hasten(good(region="eu-west-1"), b"{}") is not None
    assert door.prompt.begun[-1][0] == "looked at"


Change = Callable[[dict[str, Any]], None]


def _headers(change: Callable[[Headers], None]) -> Change:
    return lambda scope: change(scope["headers"])


def _set(name: bytes, value: bytes) -> Change:
    def change(headers: Headers) -> None:
        headers[:] = [(known, value if known == name else text) for known, text in headers]

    return _headers(change)


def _path(path: bytes) -> Change:
    return lambda scope: scope.update(raw_path=path)


CHANGES: dict[str, Change] = {
    "nothing": lambda scope: None,
    "twice": _headers(lambda headers: headers.append(headers[0])),
    "host": _set(b"host", b"example.com"),
    "host of a function": _set(b"host", b"abc.lambda-url.us-east-1.localhost"),
    "stamp": _set(b"x-amz-date", b"20150830T123600Z"),
    "no stamp": _set(b"x-amz-date", b"yesterday"),
    "unsigned header": _headers(lambda headers: headers.append((b"x-amz-log-type", b"Tail"))),
    "token": _headers(lambda headers: headers.append((b"x-amz-security-token", b"x"))),
    "content hash": _headers(
        lambda headers: headers.append((b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"))
    ),
    "free header": _headers(lambda headers: headers.append((b"user-agent", b"Boto3"))),
    "spaces": _headers(lambda headers: headers.append((b"accept", b"a  b"))),
    "origin": _headers(lambda headers: headers.append((b"origin", b"https://evil.example"))),
    "no signature": _headers(lambda headers: headers.clear()),
    "function": _path(PATH.replace("thumbs", "others").encode()),
    "path": _path(PATH.replace("thumbs", "thumbs/../thumbs").encode()),
    "query": lambda scope: scope.update(query_string=b"Qualifier=1"),
    "query that signs": lambda scope: scope.update(query_string=b"X-Amz-Signature=0"),
    "method": lambda scope: scope.update(method="PUT"),
}


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(CHANGES)), max_size=3),
    at=st.integers(0, 400),
    letter=st.sampled_from([b"", b"0", b"f", b"A", b" ", b",", b"/"]),
    known=st.booleans(),
    any_key=st.booleans(),
)
def test_who_is_let_in_is_let_in_the_usual_way(
    names: list[str], at: int, letter: bytes, *, known: bool, any_key: bool
) -> None:
    async def both() -> None:
        door = Door(any_key=any_key)
        if known:
            await door.warm()
        scope = good()
        for name in names:
            CHANGES[name](scope)
        if letter:
            said = dict(scope["headers"]).get(b"authorization", b"")
            _set(b"authorization", said[:at] + letter + said[at + 1 :])(scope)
        taken = door.hasten(scope, b"{}")
        status = await door.usual(scope, b"{}")
        if taken is not None:
            assert status == 200, (names, letter)
        if known and not names and not letter:
            assert taken is not None

    asyncio.run(both())


async def test_what_has_changed_since_is_seen() -> None:
    door = Door()
    await door.warm()
    keys = door.world.keys
    pair = await keys.issue(ACCOUNT.home, at=0.0)
    scope = good(key=pair.access_key, secret=pair.secret)
    assert door.hasten(scope, b"{}") is not None
    assert door.hasten(scope, b"{}") is not None
    assert door.prompt.begun[-1][0] == "known"
    await keys.activate(ACCOUNT.home, pair.access_key, active=False)
    assert door.hasten(scope, b"{}") is None
    assert await door.usual(scope, b"{}") == 403
    await keys.activate(ACCOUNT.home, pair.access_key, active=True)
    assert door.hasten(scope, b"{}") is not None
    await keys.revoke(ACCOUNT.home, pair.access_key)
    assert door.hasten(scope, b"{}") is None
    own = good()
    await door.world.clock.advance(901)
    assert door.hasten(own, b"{}") is None
    assert await door.usual(own, b"{}") == 403


async def test_who_is_held_to_policies_goes_the_usual_way() -> None:
    door = Door()
    await door.warm()
    pair = door.world.keys.lend_role(
        ACCOUNT,
        role="arn:aws:iam::000000000000:role/r",
        role_id="AROA",
        name="me",
        expires_at=door.world.clock.now() + 60,
    )
    scope = good(key=pair.access_key, secret=pair.secret, token=pair.token)
    for _ in range(2):
        assert door.hasten(scope, b"{}") is not None
    door.world.permits.by(lambda caller: ([], []))
    assert door.hasten(scope, b"{}") is None
    door.world.permits.by(lambda caller: None)
    assert door.hasten(scope, b"{}") is not None
    await door.world.clock.advance(61)
    assert door.hasten(scope, b"{}") is None


@pytest.mark.parametrize("fails", [False, True])
async def test_both_ways_write_down_the_same(*, fails: bool) -> None:
    written = []
    for way in ("usual", "looked at", "known"):
        door, used = Door(), list[Use]()
        await door.usual(good(), b"{}")  # Makes the home.
        if way == "known":
            await door.warm()
        refusal = AwsError("TooManyRequestsException", "no", 429)
        door.prompt.raised = door.world.services["lambda"].raised = refusal if fails else None
        door.world.meter.when_used(used.append)
        door.world.steps.clear()
        if way == "usual":
            assert await door.usual(good(), b"{}") == (429 if fails else 200)
        else:
            taken = door.hasten(good(), b"{}")
            assert taken is not None
            assert taken.status == (429 if fails else 200)
            assert door.prompt.begun[-1][0] == way
        [step] = door.world.steps
        uses = [(one.quantity, one.amount, one.app) for one in used]
        written.append((uses, step.name, step.kind, step.app, step.ok, step.facts))
    assert written[0] == written[1] == written[2]
    assert written[0][0]
