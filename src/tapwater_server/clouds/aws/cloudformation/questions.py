"""What custom resources are asked, and their answers, which come by HTTP: kept until the stack's
operation is over, so that a node that dies neither forgets an answer nor waits for it again.
"""

import asyncio
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.facts import Fact, Facts, Put
from tapwater_server.ports.ids import IdSource

QUESTION = "cloudformation/question"
PLACE = "/_/aws/cloudformation-response"  # Where answers are sent to.
ANSWER_BYTES_MAX = 4_096
_TOO_LONG = {"Status": "FAILED", "Reason": "Response object is too long."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question that has been written down. ``id`` is the request's, the same if it is sent
    again; ``path``: where its answer is to be put.
    """

    key: str
    id: str
    path: str
    asked_at: float
    sent: bool = False  # it has been delivered, and must not be again


class Questions:
    """Keeps questions of all stacks."""

    def __init__(self, *, facts: Facts, clock: Clock, ids: IdSource) -> None:
        self._facts, self._clock, self._ids = facts, clock, ids
        self._waiting: dict[str, asyncio.Event] = {}

    async def open(self, space: str, stack: str, deed: str) -> Question:
        """Write a question down; one that is known by its deed is given again."""
        for fact in self._facts.list(space, QUESTION, prefix=f"{stack}/"):
            if fact.value["deed"] == deed:
                return _question(fact)
        key = f"{stack}/{as_uuid(self._ids.fresh())}"
        value = {
            "deed": deed,
            "secret": self._ids.secret(),
            "asked_at": self._clock.now(),
            "sent": False,
            "answer": None,
        }
        await self._facts.change(space, [Put(kind=QUESTION, key=key, value=value)])
        return _question(Fact(key=key, value=value, version=1))

    async def sent(self, space: str, question: Question) -> None:
        """Note that it has been delivered."""
        await self._set(space, question.key, {"sent": True})

    def answer(self, space: str, question: Question) -> Mapping[str, Any] | None:
        """Give the answer, if it has come."""
        fact = self._facts.get(space, QUESTION, question.key)
        return fact.value["answer"] if fact is not None else None

    async def wait(self, space: str, question: Question, *, seconds: float) -> Any:
        """Wait for the answer; None: it has not come within so many seconds of the question."""
        until = question.asked_at + seconds
        while True:
            come = self._waiting.setdefault(question.key, asyncio.Event())
            answer, left = self.answer(space, question), until - self._clock.now()
            if answer is not None or left <= 0:
                self._waiting.pop(question.key, None)
                return answer
            await wait_either(come, clock=self._clock, seconds=left)

    async def take(self, stack: str, path: str, answer: Mapping[str, Any]) -> bool:
        """Take an answer that has been put at a path; whether anybody waits for it. The first one
        counts.
        """
        id, _, secret = path.strip("/").partition("/")
        key = f"{stack}/{id}"
        for space in self._facts.spaces():
            fact = self._facts.get(space, QUESTION, key)
            if fact is None or not hmac.compare_digest(str(fact.value["secret"]), secret):
                continue
            if fact.value["answer"] is None:
                await self._set(space, key, {"answer": dict(answer)})
                come = self._waiting.pop(key, None)
                if come is not None:
                    come.set()
            return True
        return False

    async def give_up(self, space: str, stack: str) -> None:
        """Wait no longer for the answers that a stack's custom resources owe."""
        for fact in self._facts.list(space, QUESTION, prefix=f"{stack}/"):
            if fact.value["answer"] is None:
                said = {"Status": "FAILED", "Reason": "Cancelled while nobody had answered."}
                await self.take(stack, _question(fact).path.partition(f"{stack}/")[2], said)

    async def _set(self, space: str, key: str, changes: Mapping[str, Any]) -> None:
        fact = self._facts.get(space, QUESTION, key)
        if fact is not None:
            put = Put(kind=QUESTION, key=key, value={**fact.value, **changes})
            await self._facts.change(space, [put])


def _question(fact: Fact) -> Question:
    stack, _, id = fact.key.partition("/")
    return Question(
        key=fact.key,
        id=id,
        path=f"{PLACE}/{stack}/{id}/{fact.value['secret']}",
        asked_at=fact.value["asked_at"],
        sent=fact.value["sent"],
    )


class AnswerDoor:
    """Keeps ``asked.Service``: takes what is PUT at the address that a question names."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        if asked.method not in ("PUT", "POST"):
            raise AwsError("MethodNotAllowed", "An answer is PUT here.", 405)
        try:
            said = read_answer(await asked.raw(bytes_max=ANSWER_BYTES_MAX))
        except AwsError:
            await self._questions.take(asked.named, asked.path, _TOO_LONG)
            raise
        if not await self._questions.take(asked.named, asked.path, said):
            raise AwsError("AccessDenied", "Nobody waits for this answer.", 403)
        return AwsAnswer()

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        return AwsAnswer(
            status=error.status,
            headers=[("content-type", "text/plain; charset=utf-8")],
            body=f"{error.code}: {error.message}\n".encode(),
        )


def read_answer(body: bytes) -> Mapping[str, Any]:
    """Read what a custom resource answers; what is no answer is one that says so.

    >>> read_answer(b'{"Status": "SUCCESS"}')
    {'Status': 'SUCCESS'}
    >>> read_answer(b"[]")["Reason"]
    'Invalid response: it is no JSON object.'
    """
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if isinstance(said, dict):
        return said
    return {"Status": "FAILED", "Reason": "Invalid response: it is no JSON object."}
