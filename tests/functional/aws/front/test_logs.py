"""CloudWatch Logs by boto3 and the AWS CLI: groups of one's own, and what can be found in them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tapwater_server.backends.system.clock import SystemClock

Client = Callable[..., Any]


def test_what_is_put_is_found(client: Client, aws_cli: Callable[..., str]) -> None:
    logs = client("logs")
    group = {"logGroupName": "/shop/orders"}
    logs.create_log_group(**group, tags={"team": "shop"})
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(**group)
    logs.put_retention_policy(**group, retentionInDays=7)
    found = logs.describe_log_groups(logGroupNamePrefix="/shop")["logGroups"][0]
    assert found["retentionInDays"] == 7
    arn = found["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "shop"}
    logs.create_log_stream(**group, logStreamName="a")
    logs.create_log_stream(**group, logStreamName="b")
    now = int(SystemClock().now() * 1000)
    texts = {"a": ["order 1 paid", "order 2 failed"], "b": ["order 3 failed: no card"]}
    for stream, lines in texts.items():
        events = [{"timestamp": now + at, "message": text} for at, text in enumerate(lines)]
        logs.put_log_events(**group, logStreamName=stream, logEvents=events)
    got = logs.get_log_events(**group, logStreamName="a", startFromHead=True)
    assert [event["message"] for event in got["events"]] == texts["a"]
    token = got["nextForwardToken"]
    rest = logs.get_log_events(**group, logStreamName="a", nextToken=token, startFromHead=True)
    assert rest["events"] == []
    assert rest["nextForwardToken"] == token  # The end, as the CLI knows it.
    failed = logs.filter_log_events(**group, filterPattern='failed -"no card"')["events"]
    assert [(event["logStreamName"], event["message"]) for event in failed] == [
        ("a", "order 2 failed")
    ]
    said = aws_cli(
        "logs", "filter-log-events", "--log-group-name", "/shop/orders",
        "--query", "events[].message", "--output", "text",
    )  # fmt: skip
    assert said.strip().split("\t") == texts["a"] + texts["b"]
    logs.delete_log_group(**group)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_log_events(**group, logStreamName="a")
    logs.create_log_group(**group)
    assert logs.filter_log_events(**group)["events"] == []  # What was deleted stays away.
    logs.delete_log_group(**group)


def test_what_cannot_be_done_is_said(client: Client) -> None:
    logs = client("logs")
    with pytest.raises(ClientError, match="logs:StartQuery is not available here") as refused:
        logs.start_query(logGroupName="x", startTime=0, endTime=1, queryString="fields @message")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="nowhere")
