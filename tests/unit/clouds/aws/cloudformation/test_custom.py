"""Custom resources: what they are told, what their answers mean, when the waiting ends."""

import asyncio
import json
from typing import Any

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.cloudformation.kinds.custom import made_of, seconds_of
from tapwater_server.clouds.aws.cloudformation.kinds.secretsmanager import composed
from tapwater_server.clouds.aws.cloudformation.questions import AnswerDoor, Questions
from tapwater_server.clouds.aws.cloudformation.troubles import Failed
from tapwater_server.model.ids import AppId
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.web.asked import in_one

REQUEST = {
    "StackId": "s",
    "RequestId": "r",
    "LogicalResourceId": "l",
    "PhysicalResourceId": "old",
}
GOOD = {"Status": "SUCCESS", **REQUEST, "PhysicalResourceId": "p"}


def test_answers() -> None:
    made = made_of({**GOOD, "Data": {"x": 1}}, verb="Create", request=REQUEST)
    assert (made.id, made.attributes) == ("p", {"x": 1})
    silent = {name: value for name, value in GOOD.items() if name != "PhysicalResourceId"}
    assert made_of(silent, verb="Update", request=REQUEST).id == "old"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Status": "FAILED", "Reason": "no"}, r"Message returned: no \(RequestId: r\)"),
        ({"Status": "success"}, "neither SUCCESS nor FAILED"),
        ({"RequestId": "x"}, "its RequestId"),
        ({"StackId": None}, "its StackId"),
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": "x" * 1_025}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": 7}, "Invalid PhysicalResourceId"),
        ({"Data": [1]}, "its Data"),
    ],
)
def test_answers_that_are_none(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Failed, match=why):
        made_of({**GOOD, **changes}, verb="Create", request=REQUEST)


@pytest.mark.parametrize("said", ["0", "3601", "x", "nan", None])
def test_times_that_cannot_be(said: Any) -> None:
    with pytest.raises(Failed):
        seconds_of({"ServiceTimeout": said})


def test_secrets_out_of_templates() -> None:
    assert composed({}, "x") == "x"
    for said in ({"GenerateStringKey": "a"}, {"SecretStringTemplate": "[", "GenerateStringKey": 1}):
        with pytest.raises(Failed):
            composed(said, "x")


class _Place:
    def __init__(self) -> None:
        self.facts, self.clock, self.ids = MemoryFacts(), ManualClock(), CountingIds()

    def questions(self) -> Questions:
        """Give what a node that begins has."""
        return Questions(facts=self.facts, clock=self.clock, ids=self.ids)


def _asked(path: str, body: bytes, method: str = "PUT") -> AwsAsked:
    stack, _, rest = path.removeprefix("/_/aws/cloudformation-response/").partition("/")
    return AwsAsked(
        caller=Caller(account=Account(id="000000000000", home=AppId("aws"))),
        service="cloudformation-response",
        id="1",
        method=method,
        path=f"/{rest}",
        named=stack,
        body=lambda: in_one(body),
        whole=body,
    )


async def test_an_answer_outlives_its_node() -> None:
    place = _Place()
    question = await place.questions().open("aws/shop", "uid", "deed")
    answer = json.dumps({"Status": "SUCCESS"}).encode()
    assert (await AnswerDoor(place.questions()).answer(_asked(question.path, answer))).status == 200
    later = place.questions()
    again = await later.open("aws/shop", "uid", "deed")
    assert (again.id, again.path) == (question.id, question.path)
    assert await later.wait("aws/shop", again, seconds=1) == {"Status": "SUCCESS"}
    # The first answer counts.
    await AnswerDoor(later).answer(_asked(question.path, b'{"Status": "FAILED"}'))
    assert later.answer("aws/shop", again) == {"Status": "SUCCESS"}


async def test_whoever_waits_is_woken() -> None:
    place = _Place()
    questions = place.questions()
    question = await questions.open("aws/shop", "uid", "deed")
    waiting = asyncio.create_task(questions.wait("aws/shop", question, seconds=60))
    await settle()
    await AnswerDoor(questions).answer(_asked(question.path, b'{"Status": "SUCCESS"}'))
    assert await waiting == {"Status": "SUCCESS"}
    other = await questions.open("aws/shop", "uid", "other")
    waiting = asyncio.create_task(questions.wait("aws/shop", other, seconds=60))
    await place.clock.advance(61)
    assert await waiting is None


async def test_answers_that_nobody_asked_for() -> None:
    questions = _Place().questions()
    question = await questions.open("aws/shop", "uid", "deed")
    door = AnswerDoor(questions)
    for path in (question.path[:-1], f"{question.path}x", question.path.replace("uid", "other")):
        with pytest.raises(AwsError, match="Nobody waits"):
            await door.answer(_asked(path, b'{"Status": "SUCCESS"}'))
    with pytest.raises(AwsError, match="PUT"):
        await door.answer(_asked(question.path, b"", "GET"))
    assert questions.answer("aws/shop", question) is None
    with pytest.raises(AwsError):
        await door.answer(_asked(question.path, b"x" * 5_000))
    said = questions.answer("aws/shop", question)
    assert said is not None
    assert said["Reason"] == "Response object is too long."
