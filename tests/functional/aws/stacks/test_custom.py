"""Custom resources: functions that make resources themselves, in Python and in Node.js."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.aws.stacks.kit import Stacks, outputs
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

PYTHON = """
import json
import os
import boto3
import cfnresponse

def handler(event, context):
    if "Records" in event:
        event = json.loads(event["Records"][0]["Sns"]["Message"])
    wanted = event["ResourceProperties"]
    seen = {name: event.get(name) for name in ("RequestType", "PhysicalResourceId")}
    seen["On"] = wanted.get("On")
    queue = boto3.client("sqs")
    queue.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(seen))
    if wanted.get("Raise") == event["RequestType"]:
        raise ValueError("on purpose")
    if wanted.get("Silent") == event["RequestType"]:
        return
    status = cfnresponse.FAILED if wanted.get("Fail") == event["RequestType"] else "SUCCESS"
    data = {"Answer": 41 + int(wanted.get("Add", "0")), "Deep": {"x": [1, 2]}}
    cfnresponse.send(event, context, status, data, f"made-{wanted['Name']}", reason="as asked")
"""
# As CDK's and the Serverless Framework's handlers do it: by HTTPS, at port 443, no other port said.
NODE = """
const https = require("https");
exports.handler = async (event) => {
  const body = JSON.stringify({
    Status: "SUCCESS", Reason: "", Data: { Said: event.ResourceProperties.Word.toUpperCase() },
    PhysicalResourceId: event.PhysicalResourceId ?? "word", StackId: event.StackId,
    RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId,
  });
  const place = new URL(event.ResponseURL);
  const options = { hostname: place.hostname, path: place.pathname, method: "PUT",
                    headers: { "content-type": "", "content-length": Buffer.byteLength(body) } };
  await new Promise((resolve, reject) => {
    const request = https.request(options, (answer) => { answer.resume(); resolve(); });
    request.on("error", reject);
    request.end(body);
  });
};
"""
ROLE = "arn:aws:iam::000000000000:role/any"


def _function(source: str, runtime: str, **environment: Any) -> dict[str, Any]:
    properties = {
        "Runtime": runtime,
        "Handler": "index.handler",
        "Role": ROLE,
        "Timeout": 20,
        "Code": {"ZipFile": source},
        "Environment": {"Variables": environment},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


@pytest.fixture(scope="module")
def makers(stacks: Stacks) -> Iterator[dict[str, str]]:
    """Functions that custom resources are made by, and a topic that leads to one of them."""
    subscription = {"Protocol": "lambda", "Endpoint": {"Fn::GetAtt": "Maker.Arn"}}
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "custom-seen"}},
        "Maker": _function(PYTHON, "python3.12", QUEUE={"Ref": "Queue"}),
        "Speaker": _function(NODE, "nodejs22.x"),
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [subscription]}},
    }
    given = {
        "Maker": {"Value": {"Fn::GetAtt": "Maker.Arn"}},
        "Speaker": {"Value": {"Fn::GetAtt": "Speaker.Arn"}},
        "Topic": {"Value": {"Ref": "Topic"}},
    }
    template = json.dumps({"Resources": resources, "Outputs": given})
    stacks.formation.create_stack(StackName="makers", TemplateBody=template)
    stack = stacks.settled("makers")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.told("makers")
    yield outputs(stack)
    stacks.delete(stack)


def _template(token: str, **wanted: Any) -> str:
    thing = {"ServiceToken": token, "Name": "one", "On": True, **wanted}
    return json.dumps(
        {
            "Resources": {"Thing": {"Type": "Custom::Thing", "Properties": thing}},
            "Outputs": {
                "Id": {"Value": {"Ref": "Thing"}},
                "Answer": {"Value": {"Fn::GetAtt": "Thing.Answer"}},
            },
        }
    )


def _seen(stacks: Stacks) -> list[tuple[str, str | None, str]]:
    """Give what the function was asked so far, and forget it."""
    queue = stacks.client("sqs")
    url = queue.get_queue_url(QueueName="custom-seen")["QueueUrl"]
    found = []
    while said := queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for one in said:
            body = json.loads(one["Body"])
            found.append((body["RequestType"], body["PhysicalResourceId"], body["On"]))
            queue.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def test_made_changed_replaced_and_taken_back(stacks: Stacks, makers: dict[str, str]) -> None:
    formation, token = stacks.formation, makers["Maker"]
    formation.create_stack(StackName="custom", TemplateBody=_template(token))
    stack = stacks.settled("custom")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.told("custom")
    assert outputs(stack) == {"Id": "made-one", "Answer": "41"}
    assert _seen(stacks) == [("Create", None, "true")]

    def update(**wanted: Any) -> dict[str, str]:
        formation.update_stack(StackName="custom", TemplateBody=_template(token, **wanted))
        found = stacks.settled("custom")
        return {"Status": found["StackStatus"], **outputs(found)}

    assert update(Add=1) == {"Status": "UPDATE_COMPLETE", "Answer": "42", "Id": "made-one"}
    assert _seen(stacks) == [("Update", "made-one", "true")]
    # Another id is another thing: the old one is deleted at last.
    moved = update(Name="two")
    assert (moved["Status"], moved["Id"]) == ("UPDATE_COMPLETE", "made-two")
    assert _seen(stacks) == [("Update", "made-one", "true"), ("Delete", "made-one", "true")]
    failed = update(Name="two", Fail="Update")
    assert (failed["Status"], failed["Id"]) == ("UPDATE_ROLLBACK_COMPLETE", "made-two")
    assert _seen(stacks) == [("Update", "made-two", "true")] * 2
    events = formation.describe_stack_events(StackName="custom")["StackEvents"]
    assert any("as asked" in one.get("ResourceStatusReason", "") for one in events)
    stacks.delete(stack)
    assert _seen(stacks) == [("Delete", "made-two", "true")]


def test_a_creation_that_fails_is_deleted_too(stacks: Stacks, makers: dict[str, str]) -> None:
    for wanted, why in (
        ({"Fail": "Create"}, "as asked"),
        ({"Silent": "Create", "ServiceTimeout": 1}, "did not receive a response"),
    ):
        body = _template(makers["Maker"], **wanted)
        stacks.formation.create_stack(StackName="custom-bad", TemplateBody=body)
        stack = stacks.settled("custom-bad")
        assert stack["StackStatus"] == "ROLLBACK_COMPLETE", stacks.told("custom-bad")
        events = stacks.formation.describe_stack_events(StackName="custom-bad")["StackEvents"]
        assert any(why in one.get("ResourceStatusReason", "") for one in events)
        stacks.delete(stack)
        assert [verb for verb, _, _ in _seen(stacks)] == ["Create", "Delete"]


def test_nobody_waits_for_what_is_not_wanted(stacks: Stacks, makers: dict[str, str]) -> None:
    formation, token = stacks.formation, makers["Maker"]
    wanted = {"Silent": "Create"}  # It would be waited for for an hour.
    body = _template(token, **wanted)

    def begin(operation: Any, body: str) -> threading.Thread:
        asking = threading.Thread(
            target=lambda: operation(StackName="custom-slow", TemplateBody=body)
        )
        asking.start()
        until(lambda: bool(_seen(stacks)), "it is asked")
        return asking

    asking = begin(formation.create_stack, body)
    id = stacks.stack("custom-slow")["StackId"]
    formation.delete_stack(StackName="custom-slow")
    asking.join()
    assert stacks.settled(id)["StackStatus"] == "DELETE_COMPLETE"
    assert [verb for verb, _, _ in _seen(stacks)] == ["Delete"]
    formation.create_stack(StackName="custom-slow", TemplateBody=_template(token))
    stack = stacks.settled("custom-slow")
    assert [verb for verb, _, _ in _seen(stacks)] == ["Create"]
    asking = begin(formation.update_stack, _template(token, Silent="Update"))
    formation.cancel_update_stack(StackName="custom-slow")
    asking.join()
    assert stacks.settled("custom-slow")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    stacks.delete(stack)
    assert [verb for verb, _, _ in _seen(stacks)] == ["Update", "Delete"]


def test_by_a_topic_and_by_https(stacks: Stacks, makers: dict[str, str]) -> None:
    word = {"ServiceToken": makers["Speaker"], "Word": "word"}
    thing = {"ServiceToken": makers["Topic"], "Name": "one"}
    resources = {
        "Thing": {"Type": "Custom::Thing", "Properties": thing},
        "Word": {"Type": "AWS::CloudFormation::CustomResource", "Properties": word},
    }
    said = {"Said": {"Value": {"Fn::GetAtt": "Word.Said"}}, "Id": {"Value": {"Ref": "Thing"}}}
    body = json.dumps({"Resources": resources, "Outputs": said})
    stacks.formation.create_stack(StackName="custom-two", TemplateBody=body)
    stack = stacks.settled("custom-two")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.told("custom-two")
    assert outputs(stack) == {"Said": "WORD", "Id": "made-one"}
    stacks.delete(stack)
    assert [verb for verb, _, _ in _seen(stacks)] == ["Create", "Delete"]
