"""Custom::… and AWS::CloudFormation::CustomResource: resources that a function of the user's makes,
changes and deletes, told by an event and answering at an address.
"""

import json
from collections.abc import Mapping
from typing import Any

from tapwater_server.clouds.aws.account import parse_arn
from tapwater_server.clouds.aws.cloudformation.kind import Doing, Kind, Made
from tapwater_server.clouds.aws.cloudformation.questions import Question
from tapwater_server.clouds.aws.cloudformation.troubles import Failed

Values = Mapping[str, Any]
TIMEOUT_S_MAX = 3_600.0
ATTEMPTS_MAX = 3  # Of a call; a function that fails is called again, as each that nobody waits for.
AGAIN_AFTER_S = 1.0  # Doubles.
ID_LENGTH_MAX = 1_024
TYPE = "AWS::CloudFormation::CustomResource"


def texts(value: Any) -> Any:
    """Write all that is no text as one: so custom resources are given their properties.

    >>> texts({"On": True, "Many": [1, {"x": 2.5}]})
    {'On': 'true', 'Many': ['1', {'x': '2.5'}]}
    """
    if isinstance(value, dict):
        return {key: texts(part) for key, part in value.items()}
    if isinstance(value, list):
        return [texts(part) for part in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


def request(doing: Doing, verb: str, *, id: str, url: str) -> dict[str, Any]:
    """Write what a custom resource is told."""
    said = {
        "RequestType": verb,
        "ServiceToken": doing.want["ServiceToken"],
        "ResponseURL": url,
        "StackId": doing.stack_id,
        "RequestId": id,
        "LogicalResourceId": doing.logical,
        "ResourceType": doing.type,
        "ResourceProperties": texts(dict(doing.want)),
    }
    if verb != "Create":
        said["PhysicalResourceId"] = doing.id
    if verb == "Update":
        said["OldResourceProperties"] = texts(dict(doing.had))
    return said


def made_of(answer: Values, *, verb: str, request: Values) -> Made:
    """Read an answer.

    Raises:
        Failed: it says that it did not work, or it does not say what it must.
    """
    status = answer.get("Status")
    if status == "FAILED":
        raise Failed(
            "Received response status [FAILED] from custom resource. Message returned:"
            f" {answer.get('Reason', '')} (RequestId: {request['RequestId']})"
        )
    if status != "SUCCESS":
        raise Failed("Invalid response: its Status is neither SUCCESS nor FAILED.")
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != request[name]:
            raise Failed(f"Invalid response: its {name} is not that of the request.")
    id = answer.get("PhysicalResourceId", "" if verb == "Create" else request["PhysicalResourceId"])
    if not isinstance(id, str) or not 0 < len(id) <= ID_LENGTH_MAX:
        raise Failed("Invalid PhysicalResourceId")
    data = answer.get("Data") or {}
    if not isinstance(data, dict):
        raise Failed("Invalid response: its Data is no JSON object.")
    return Made(id=id, attributes=data)


def seconds_of(properties: Values) -> float:
    """Say how long an answer may take.

    >>> seconds_of({"ServiceTimeout": "60"}), seconds_of({})
    (60.0, 3600.0)

    Raises:
        Failed: no such time can be.
    """
    said = properties.get("ServiceTimeout", TIMEOUT_S_MAX)
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 1 <= seconds <= TIMEOUT_S_MAX:
        raise Failed(f"ServiceTimeout must be between 1 and {TIMEOUT_S_MAX:g} seconds")
    return seconds


async def _ask(doing: Doing, verb: str) -> Made:
    """Ask, and wait for the answer."""
    token = parse_arn(str(doing.want.get("ServiceToken", "")))
    if token is None or token.service not in ("lambda", "sns"):
        raise Failed("ServiceToken must be the ARN of a Lambda function or of an SNS topic")
    questions, space = doing.questions, doing.account.space
    seconds = seconds_of(doing.want)
    stack = doing.stack_id.rpartition("/")[2]
    deed = "/".join((doing.deed, doing.logical, verb, doing.id))
    question = await questions.open(space, stack, deed)
    said = request(doing, verb, id=question.id, url="")
    if not question.sent and questions.answer(space, question) is None:
        if token.service == "sns":
            await _publish(doing, said, question)
        else:
            await _call(doing, said, question)
        await questions.sent(space, question)
    answer = await questions.wait(space, question, seconds=seconds)
    if answer is None:
        answer = {"Status": "FAILED", "Reason": _silent(seconds)}
    if verb == "Create" and answer.get("Status") == "FAILED":
        # What it has begun with is to be deleted: it will be asked to.
        await doing.begun(str(answer.get("PhysicalResourceId") or doing.name("")))
    return made_of(answer, verb=verb, request=said)


def _silent(seconds: float) -> str:
    return (
        "CloudFormation did not receive a response from your Custom Resource within"
        f" {seconds:g} seconds"
    )


async def _publish(doing: Doing, said: Values, question: Question) -> None:
    """Tell a topic. Functions among its subscribers reach us at another address than others."""
    topic = str(doing.want["ServiceToken"])
    seen = await doing.call("sns", "ListSubscriptionsByTopic", TopicArn=topic)
    functions = any(one.get("Protocol") == "lambda" for one in seen.get("Subscriptions", []))
    url = (doing.inner if functions else f"http://{doing.host}") + question.path
    message = json.dumps({**said, "ResponseURL": url, "TopicArn": topic})
    await doing.call(
        "sns",
        "Publish",
        TopicArn=topic,
        Subject="AWS CloudFormation custom resource request",
        Message=message,
    )


async def _call(doing: Doing, said: Values, question: Question) -> None:
    """Call the function until it does not fail, or has answered nevertheless.

    Raises:
        Failed: it fails each time, and so will never answer.
    """
    payload = json.dumps({**said, "ResponseURL": doing.inner + question.path}).encode()
    found: Values = {}
    for attempt in range(ATTEMPTS_MAX):
        if attempt:
            await doing.clock.sleep(AGAIN_AFTER_S * 2 ** (attempt - 1))
        found = await doing.call(
            "lambda", "Invoke", FunctionName=doing.want["ServiceToken"], Payload=payload
        )
        answered = doing.questions.answer(doing.account.space, question) is not None
        if not found.get("FunctionError") or answered:
            return
    raise Failed(
        f"The function of the custom resource failed without an answer: {_why(found['Payload'])}"
    )


def _why(payload: bytes) -> str:
    try:
        error = json.loads(payload)
        return f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}"
    except (ValueError, AttributeError):
        return bytes(payload[:200]).decode(errors="replace")


async def _create(doing: Doing) -> Made:
    return await _ask(doing, "Create")


async def _update(doing: Doing) -> Made:
    if doing.changed("ServiceToken"):
        raise Failed("Modifying service token is not allowed.")
    return await _ask(doing, "Update")


async def _delete(doing: Doing) -> None:
    await _ask(doing, "Delete")


KINDS = (Kind(type=TYPE, create=_create, update=_update, delete=_delete, anything=True),)
