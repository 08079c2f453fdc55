"""Requests to function URLs: allowed, turned into events, answered."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.lambda_ import cors, records
from tapwater_server.clouds.aws.lambda_.endings import ANSWER_BYTES_MAX, header_of
from tapwater_server.clouds.aws.lambda_.names import LATEST, function_arn
from tapwater_server.clouds.aws.lambda_.operations.invoking import request_of
from tapwater_server.clouds.aws.lambda_.policies import URL_ACTION, allows
from tapwater_server.clouds.aws.lambda_.room import Room
from tapwater_server.clouds.aws.lambda_.streaming import STREAM_BYTES_MAX, Streamed
from tapwater_server.clouds.aws.reaching import PAYLOAD_BYTES_MAX
from tapwater_server.clouds.aws.shapes.proxied import (
    PRELUDE_BYTES_MAX,
    PRELUDE_MEDIA,
    HttpAnswer,
    Malformed,
    http_answer,
    split_prelude,
)
from tapwater_server.clouds.aws.shapes.proxying import HttpAsked, Placed, url_event
from tapwater_server.model.invocation import Ending
from tapwater_server.ports.facts import Fact

_SPACE = "aws/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A function's URL that was asked."""

    account: Account
    name: str
    qualifier: str
    fact: Fact

    @property
    def auth(self) -> str:
        return str(self.fact.value["auth"])


class ServingUrls:
    """Answers what comes to ``<id>.lambda-url.…``."""

    def __init__(self, *, room: Room) -> None:
        self._room = room
        self._known: dict[str, tuple[str, Fact]] = {}  # by id: space and fact

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        place = self._place(asked)
        if place is None:
            return _said(404, "Not Found")
        settings, origin = place.fact.value.get("cors"), asked.headers.get("origin", "")
        if settings and asked.method == "OPTIONS" and _asks_before(asked):
            return AwsAnswer(status=200, headers=cors.preflight(settings, origin))
        found = await self._allowed(asked, place)
        if not settings:
            return found
        kept = [pair for pair in found.headers if not pair[0].startswith("access-control-")]
        return AwsAnswer(
            status=found.status,
            headers=[*kept, *cors.answered(settings, origin)],
            body=found.body,
            chunks=found.chunks,
        )

    async def _allowed(self, asked: AwsAsked, place: _Place) -> AwsAnswer:
        if not self._may(asked, place):
            return _said(403, "Forbidden")
        try:
            return await self._called(asked, place)
        except Malformed:
            return _said(502, "Internal Server Error")
        except AwsError as error:
            if error.status == 413:
                return _said(413, "Request Entity Too Large")
            if error.status >= 500:
                return _said(502, "Internal Server Error")
            raise

    async def _called(self, asked: AwsAsked, place: _Place) -> AwsAnswer:
        callee = self._room.resolving.find(
            place.account, place.name, "" if place.qualifier == LATEST else place.qualifier
        )
        request = request_of(self._room, asked)
        event = url_event(await _http(asked), self._placed(asked, place, request.trace.decode()))
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        streams = place.fact.value["mode"] == "RESPONSE_STREAM"
        streamed = self._room.calling.stream(
            callee,
            payload.encode("utf-8", "replace"),
            request,
            bytes_max=STREAM_BYTES_MAX if streams else ANSWER_BYTES_MAX,
        )
        await streamed.wait_head()
        media = header_of(streamed.headers, b"content-type")
        if streamed.status != 200:
            await streamed.whole()
            return _failed(streamed)
        if streams:
            return await _streamed(streamed, media)
        return await _whole(streamed, media)

    def _placed(self, asked: AwsAsked, place: _Place, trace: str) -> Placed:
        caller = asked.caller
        known = place.auth == "AWS_IAM"
        identity: dict[str, Any] = {
            "accessKey": caller.access_key,
            "accountId": caller.account.id,
            "callerId": caller.id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": caller.arn,
            "userId": caller.id,
        }
        host = asked.host.rpartition(":")[0] if ":" in asked.host else asked.host
        return Placed(
            account=caller.account.id if known else "anonymous",
            api=asked.named,
            domain=host,
            route="$default",
            id=asked.id,
            now=self._room.clock.now(),
            authorizer={"iam": identity} if known else None,
            trace=trace,
        )

    def _may(self, asked: AwsAsked, place: _Place) -> bool:
        caller = asked.caller
        if place.auth == "AWS_IAM":
            if not caller.known:
                return False
            if caller.account.home == place.account.home:
                return True
        key = records.key_of(place.name, place.qualifier)
        policy = self._room.store.facts.get(place.account.space, records.POLICY, key)
        if policy is None:
            return False
        context = {"lambda:FunctionUrlAuthType": place.auth, "lambda:InvokedViaFunctionUrl": "true"}
        return allows(policy.value["statements"], caller, URL_ACTION, context)

    def needs(self, asked: AwsAsked) -> Sequence[tuple[str, str]]:
        """Name the action and the function that policies of who asks must allow, where the
        function's own policy is not all that counts.
        """
        place = self._place(asked)
        if place is None or place.auth != "AWS_IAM" or not asked.caller.known:
            return ()
        qualifier = "" if place.qualifier == LATEST else place.qualifier
        return ((URL_ACTION, function_arn(place.account, place.name, qualifier)),)

    def _place(self, asked: AwsAsked) -> _Place | None:
        found = self._find(asked.named)
        if found is None:
            return None
        space, fact = found
        name, _, qualifier = fact.key.partition(":")
        function = self._room.store.facts.get(space, records.FUNCTION, name)
        if function is None:
            return None
        account = records.account_of(space, function.value, region=asked.account.region)
        return _Place(account=account, name=name, qualifier=qualifier, fact=fact)

    def _find(self, id: str) -> tuple[str, Fact] | None:
        """Look an id up; one that is known costs no more than to see that it still holds."""
        facts = self._room.store.facts
        known = self._known.get(id)
        if known is not None and facts.get(known[0], records.URL, known[1].key) is known[1]:
            return known
        self._known.pop(id, None)
        for space in facts.spaces():
            for fact in facts.list(space, records.URL):
                if fact.value["id"] == id:
                    self._known[id] = space, fact
                    return space, fact
        return None


async def _http(asked: AwsAsked) -> HttpAsked:
    return HttpAsked(
        method=asked.method,
        path=asked.path,
        query=asked.raw_query,
        headers=asked.header_pairs(),
        body=await asked.raw(bytes_max=PAYLOAD_BYTES_MAX),
        client=asked.client,
        scheme=asked.scheme,
    )


def _asks_before(asked: AwsAsked) -> bool:
    return "access-control-request-method" in asked.headers and "origin" in asked.headers


async def _whole(streamed: Streamed, media: bytes) -> AwsAnswer:
    payload = await streamed.whole()
    if streamed.overflowed or streamed.outcome is None or streamed.outcome.ending is not Ending.OK:
        return _failed(streamed)
    if media == PRELUDE_MEDIA.encode():
        found = split_prelude(payload)
        if found is None:
            raise Malformed("the head of the answer has no end")
        return _http_answer(found[0], found[1])
    if header_of(streamed.headers, b"lambda-response-mode"):
        return AwsAnswer(headers=[("content-type", media.decode("latin-1"))], body=payload)
    answer = http_answer(payload)
    return _http_answer(answer, answer.body)


async def _streamed(streamed: Streamed, media: bytes) -> AwsAnswer:
    """Pass an answer on as it comes; its head may have to be read off first."""
    if not header_of(streamed.headers, b"lambda-response-mode"):
        return await _whole(streamed, media)
    pieces = streamed.pieces()
    if media != PRELUDE_MEDIA.encode():
        kind = media.decode("latin-1") or "application/octet-stream"
        return AwsAnswer(headers=[("content-type", kind)], chunks=pieces)
    seen = b""
    async for piece in pieces:
        seen += piece
        found = split_prelude(seen)
        if found is not None:
            head, rest = found
            return AwsAnswer(status=head.status, headers=head.headers, chunks=_after(rest, pieces))
        if len(seen) > PRELUDE_BYTES_MAX:
            streamed.close()
            break
    raise Malformed("the head of the answer has no end")


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in pieces:
        yield piece


def _failed(streamed: Streamed) -> AwsAnswer:
    """The function failed: its caller is not told how."""
    outcome = streamed.outcome
    if outcome is not None and outcome.ending in (
        Ending.OVERLOADED,
        Ending.BUDGET,
        Ending.SLOWED,
    ):
        retry = ("retry-after", str(max(1, round(outcome.retry_after_s))))
        return AwsAnswer(status=429, headers=[*_JSON, retry], body=b'{"Message":"Rate Exceeded."}')
    return _said(502, "Internal Server Error")


def _http_answer(answer: HttpAnswer, body: bytes) -> AwsAnswer:
    return AwsAnswer(status=answer.status, headers=answer.headers, body=body)


_JSON: Sequence[tuple[str, str]] = (("content-type", "application/json"),)


def _said(status: int, message: str) -> AwsAnswer:
    return AwsAnswer(status=status, headers=_JSON, body=json.dumps({"Message": message}).encode())
