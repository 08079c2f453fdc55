"""Calls with boto3: how they end, what they say, how many run at a time."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.lambda_.conftest import Functions
from tests.functional.aws.lambda_.test_functions import refusal
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

MANY = """
import os, time
def handler(event, context):
    print("told", event.get("do"))
    match event.get("do"):
        case "raise": raise ValueError("bad")
        case "exit": os._exit(3)
        case "sleep": time.sleep(30)
        case "nap": time.sleep(event["s"])
        case "big": return "x" * event["size"]
        case "eat": return len(bytearray(os.urandom(1) * 400_000_000))
    return event
"""


@pytest.fixture(scope="module")
def many(functions: Functions) -> Functions:
    functions.create("many", MANY, Timeout=1)
    return functions


def test_an_error_of_the_handler_is_an_answer(many: Functions) -> None:
    answer = many.call("many", {"do": "raise"})
    assert answer.error == "Unhandled"
    assert (answer.value["errorType"], answer.value["errorMessage"]) == ("ValueError", "bad")
    assert "line 6, in handler" in answer.value["stackTrace"][0]


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ({"do": "exit"}, "Runtime.ExitError", "exited with error: exit status 3"),
        ({"do": "sleep"}, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ({"do": "big", "size": 7_000_000}, "Function.ResponseSizeTooLarge", "6291556 bytes"),
        ({"do": "eat"}, "Runtime.ExitError", "signal: killed"),
    ],
)
def test_bad_ends_are_told_as_on_aws(many: Functions, event: Any, kind: str, message: str) -> None:
    answer = many.call("many", event)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == kind
    assert message in answer.value["errorMessage"]
    assert many.call("many", {"still": "there"}).value == {"still": "there"}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import nowhere", "Runtime.ImportModuleError"),
        ("def x(:", "Runtime.UserCodeSyntaxError"),
        ("x = 1", "Runtime.HandlerNotFound"),
    ],
)
def test_a_broken_module_is_made_and_fails_when_called(
    functions: Functions, source: str, kind: str
) -> None:
    name = kind.rpartition(".")[2]
    assert functions.create(name, source)["State"] == "Active"
    answer = functions.call(name)
    assert (answer.error, answer.value["errorType"]) == ("Unhandled", kind)


def test_payloads_up_to_six_megabytes(many: Functions) -> None:
    event = {"data": "x" * 6_000_000}
    assert many.call("many", event).value == event
    large = {"FunctionName": "many", "Payload": b'"' + b"x" * 6_500_000 + b'"'}
    assert refusal(many.client.invoke, **large) == ("RequestTooLargeException", 413)
    wrong = {"FunctionName": "many", "Payload": b"{not json"}
    assert refusal(many.client.invoke, **wrong) == ("InvalidRequestContentException", 400)


def test_the_tail_of_the_log(many: Functions) -> None:
    said = many.client.invoke(FunctionName="many", Payload=b'{"do": "x"}', LogType="Tail")
    tail = base64.b64decode(said["LogResult"]).decode()
    assert "told x\n" in tail
    request = said["ResponseMetadata"]["RequestId"]
    assert tail.startswith(f"START RequestId: {request} Version: $LATEST\n")
    assert f"REPORT RequestId: {request}\t" in tail
    other = many.client.invoke(FunctionName="many", Payload=b"{}")
    assert "LogResult" not in other


def test_a_silent_death_has_its_beginning_in_the_log(functions: Functions) -> None:
    functions.create("silent", "import os\ndef handler(event, context):\n    os._exit(3)\n")
    said = functions.client.invoke(FunctionName="silent", LogType="Tail")
    tail = base64.b64decode(said["LogResult"]).decode()
    request = said["ResponseMetadata"]["RequestId"]
    assert tail.startswith(f"START RequestId: {request} Version: $LATEST\n")
    assert tail.count("START") == 1


def test_the_second_call_of_a_client_is_as_the_first(many: Functions, aws: Platform) -> None:
    """Its head is known by then, and it is let in by other code: errors and all."""
    for number in range(4):
        answer = many.call("many", {"n": number})
        assert (answer.value, answer.error) == ({"n": number}, None)
        assert many.call("many", {"do": "raise"}).error == "Unhandled"
        assert refusal(many.client.invoke, FunctionName="none") == (
            "ResourceNotFoundException",
            404,
        )
    said = many.client.invoke(FunctionName="many", Payload=b"{}", InvocationType="RequestResponse")
    assert said["ExecutedVersion"] == "$LATEST"
    [newest] = aws.records(app="many", limit="1")
    assert newest["parent"]


def test_a_dry_run_runs_nothing(many: Functions, aws: Platform) -> None:
    before = len(aws.records(app="many"))
    assert many.call("many", {"do": "exit"}, InvocationType="DryRun").value is None
    assert len(aws.records(app="many")) == before


def test_an_event_is_taken_and_runs_later(many: Functions, aws: Platform) -> None:
    said = many.client.invoke(
        FunctionName="many", InvocationType="Event", Payload=b'{"do": "event"}'
    )
    assert said["StatusCode"] == 202
    until(
        lambda: any(line["text"] == "told event" for line in aws.logs(app="many")),
        "the event runs",
    )
    old = many.client.invoke_async(FunctionName="many", InvokeArgs=b'{"do": "old"}')
    assert old["Status"] == 202
    until(
        lambda: any(line["text"] == "told old" for line in aws.logs(app="many")),
        "the old event runs",
    )


def test_a_stream_of_one_piece_and_its_end(many: Functions) -> None:
    def events(payload: dict[str, Any]) -> list[dict[str, Any]]:
        said = many.client.invoke_with_response_stream(
            FunctionName="many", Payload=json.dumps(payload), LogType="Tail"
        )
        assert said["ExecutedVersion"] == "$LATEST"
        return list(said["EventStream"])

    *chunks, end = events({"do": "x"})
    payload = b"".join(one["PayloadChunk"]["Payload"] for one in chunks)
    assert json.loads(payload) == {"do": "x"}
    assert b"told x" in base64.b64decode(end["InvokeComplete"]["LogResult"])
    (end,) = events({"do": "raise"})
    assert end["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorType"] == "ValueError"
    (end,) = events({"do": "sleep"})
    assert "timed out" in end["InvokeComplete"]["ErrorDetails"]


def test_as_many_calls_as_are_reserved(functions: Functions, aws: Platform) -> None:
    client = functions.client
    functions.create("reserved", MANY, Timeout=10)
    client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(functions.call, "reserved", {"do": "nap", "s": 2})
        until(lambda: aws.running("handler") == 1, "the first one runs")
        with pytest.raises(ClientError) as caught:
            functions.call("reserved", {})
        assert first.result().error is None
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
    reason = caught.value.response["Reason"]
    assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert functions.call("reserved", {}).error is None
    client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=0)
    refused = refusal(client.invoke, FunctionName="reserved", InvocationType="Event")
    assert refused == ("TooManyRequestsException", 429)
    client.delete_function_concurrency(FunctionName="reserved")
    assert functions.call("reserved", {}).error is None


def test_provisioned_instances_stand_ready(functions: Functions) -> None:
    client = functions.client
    functions.create("ready", Publish=True)
    asked = {"FunctionName": "ready", "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**asked, ProvisionedConcurrentExecutions=2)
    until(
        lambda: client.get_provisioned_concurrency_config(**asked)["Status"] == "READY",
        "two instances stand",
    )
    client.delete_provisioned_concurrency_config(**asked)
    gone = refusal(client.get_provisioned_concurrency_config, **asked)
    assert gone == ("ProvisionedConcurrencyConfigNotFoundException", 404)
    latest = {"FunctionName": "ready", "Qualifier": "$LATEST"}
    refused = refusal(
        client.put_provisioned_concurrency_config, **latest, ProvisionedConcurrentExecutions=1
    )
    assert refused == ("InvalidParameterValueException", 400)


def test_nobody_without_a_key_calls(many: Functions, aws: Platform) -> None:
    path = "/2015-03-31/functions/many/invocations"
    answer = aws.http.post(aws.url + path, content=b"{}", headers={"x-amz-date": "x"})
    assert answer.status_code in (401, 403, 404)


@pytest.mark.parametrize("name", ["nope", "many:nope", "many:9", "123456789012:function:many"])
def test_what_is_not_there_is_not_found(many: Functions, name: str) -> None:
    found = refusal(many.client.invoke, FunctionName=name)
    assert found == ("ResourceNotFoundException", 404)
