"""A SAM template with most kinds of events: deployed, called, changed, rolled back, gone."""

import json

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.functional.aws.stacks.kit import Stacks, outputs
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
BUCKET = "stacks-code"
SOURCE = """
import os

def handler(event, context):
    for record in event.get("Records", []):
        print("seen", record.get("eventSource") or record.get("EventSource"))
    if "httpMethod" in event:
        path = event["requestContext"]["path"]
        return {"statusCode": 201, "body": path, "headers": {"X-Mine": "1"}}
    return {"word": os.environ["WORD"], "parameters": event.get("pathParameters")}
"""
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String, Default: hello}
  Break: {Type: String, Default: "no", AllowedValues: ["yes", "no"]}
Conditions: {Broken: !Equals [!Ref Break, "yes"]}
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: dev, Cors: "'*'"}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {Bucket: stacks-code, Key: app.zip}
      Handler: app.handler
      Runtime: python3.11
      Timeout: 20
      Environment: {Variables: {WORD: !Ref Word}}
      Policies: [{SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}}]
      Events:
        Http: {Type: HttpApi, Properties: {Path: "/hello/{name}", Method: get}}
        Rest: {Type: Api, Properties: {Path: "/rest/{proxy+}", Method: any, RestApiId: !Ref Api}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
        Up: {Type: S3, Properties: {Bucket: !Ref Photos, Events: "s3:ObjectCreated:*"}}
        News: {Type: SNS, Properties: {Topic: !Ref Topic}}
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30}}
  Topic: {Type: AWS::SNS::Topic}
  Photos: {Type: AWS::S3::Bucket}
  Bad:
    Type: AWS::SQS::Queue
    Condition: Broken
    DependsOn: Fn
    Properties: {VisibilityTimeout: 99999999}
Outputs:
  Http: {Value: !Ref ServerlessHttpApi}
  Rest: {Value: !Ref Api}
  Jobs: {Value: !Ref Jobs}
  Topic: {Value: !Ref Topic}
  Photos: {Value: !Ref Photos}
  Fn: {Value: !Ref Fn}
"""


def test_from_the_first_deployment_to_the_last(stacks: Stacks) -> None:
    stacks.upload(BUCKET, SOURCE)
    stack = stacks.deploy("sam", TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    said = outputs(stack)
    _check_apis(stacks, said)
    _check_events(stacks, said)
    _check_changes(stacks, said)
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    _check_nothing_left(stacks, said)
    stacks.drop(BUCKET)


def _check_apis(stacks: Stacks, said: dict[str, str]) -> None:
    answer = stacks.get(said["Http"], "/hello/a%20b")
    assert answer.json() == {"word": "hello", "parameters": {"name": "a b"}}
    assert stacks.get(said["Http"], "/nowhere").json() == {"message": "Not Found"}
    rest = stacks.get(said["Rest"], "/dev/rest/x/y", method="POST", content=b"{}")
    assert (rest.status_code, rest.text) == (201, "/dev/rest/x/y")
    assert rest.headers["x-mine"] == "1"
    missing = stacks.get(said["Rest"], "/dev/nowhere")
    assert (missing.status_code, missing.json()["message"]) == (403, "Missing Authentication Token")
    before = stacks.get(said["Rest"], "/dev/rest/x", method="OPTIONS")
    assert before.headers["access-control-allow-origin"] == "*"
    host = {"host": f"{said['Http']}.execute-api.us-east-1.amazonaws.com"}
    by_host = stacks.platform.http.get(f"{stacks.platform.url}/hello/x", headers=host)
    assert by_host.json()["parameters"] == {"name": "x"}


def _check_events(stacks: Stacks, said: dict[str, str]) -> None:
    stacks.client("sqs").send_message(QueueUrl=said["Jobs"], MessageBody="job")
    stacks.client("sns").publish(TopicArn=said["Topic"], Message="news")
    stacks.client("s3").put_object(Bucket=said["Photos"], Key="a", Body=b"a")
    logs, group = stacks.client("logs"), f"/aws/lambda/{said['Fn']}"

    def told() -> bool:
        found = logs.filter_log_events(logGroupName=group, filterPattern="seen")["events"]
        text = " ".join(event["message"] for event in found)
        return all(kind in text for kind in ("aws:sqs", "aws:sns", "aws:s3"))

    until(told, "queue, topic and bucket reach the function", seconds=30)
    stacks.client("s3").delete_object(Bucket=said["Photos"], Key="a")


def _check_changes(stacks: Stacks, said: dict[str, str]) -> None:
    stack = stacks.deploy("sam", TEMPLATE, update=True, Word="bye")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.get(said["Http"], "/hello/x").json()["word"] == "bye"
    broken = stacks.deploy("sam", TEMPLATE, update=True, Word="third", Break="yes")
    assert broken["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ("Bad", "CREATE_FAILED") in stacks.told("sam")
    assert stacks.get(said["Http"], "/hello/x").json()["word"] == "bye"
    assert outputs(broken) == said
    with pytest.raises(WaiterError) as same:
        stacks.deploy("sam", TEMPLATE, update=True, Word="bye")
    assert "didn't contain changes" in same.value.last_response["StatusReason"]


def _check_nothing_left(stacks: Stacks, said: dict[str, str]) -> None:
    functions = stacks.client("lambda").list_functions()["Functions"]
    assert said["Fn"] not in [one["FunctionName"] for one in functions]
    mappings = stacks.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert not [one for one in mappings if said["Fn"] in one["FunctionArn"]]
    roles = stacks.client("iam").list_roles()["Roles"]
    assert not [one for one in roles if one["RoleName"].startswith("sam-")]
    queues = stacks.client("sqs").list_queues(QueueNamePrefix="sam-")
    assert "QueueUrls" not in queues
    assert stacks.get(said["Rest"], "/dev/rest/x").json() == {"message": "Forbidden"}
    assert stacks.get(said["Http"], "/hello/x").json() == {"message": "Forbidden"}
    rules = stacks.client("events").list_rules(NamePrefix="sam-")["Rules"]
    assert not rules
    with pytest.raises(ClientError, match="404"):
        stacks.client("s3").head_bucket(Bucket=said["Photos"])


def test_a_template_that_sam_refuses(stacks: Stacks) -> None:
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": {"Nope": 1}}},
    }
    with pytest.raises(WaiterError) as refused:
        stacks.deploy("no-sam", json.dumps(template))
    why = refused.value.last_response["StatusReason"]
    assert "Invalid Serverless Application Specification" in why
    stacks.formation.delete_stack(StackName="no-sam")
