"""EventBridge with boto3: buses, rules, targets, patterns, what arrives."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.events.kit import House, arn
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

ORDER = {"Source": "events.shop", "DetailType": "Order", "Detail": '{"id": 7, "sum": 12.5}'}


def put(house: House, *entries: dict[str, Any]) -> list[dict[str, Any]]:
    said = house.events.put_events(Entries=list(entries))
    found: list[dict[str, Any]] = said["Entries"]
    assert said["FailedEntryCount"] == sum("ErrorCode" in one for one in found)
    return found


def rule(house: House, name: str, pattern: dict[str, Any], *targets: Any, bus: str = "") -> None:
    on = {"EventBusName": bus} if bus else {}
    house.events.put_rule(Name=name, EventPattern=json.dumps(pattern), **on)
    said = house.events.put_targets(Rule=name, Targets=list(targets), **on)
    assert said["FailedEntryCount"] == 0, said


def test_events_reach_the_targets_of_the_rules_they_fit(house: House) -> None:
    url = house.queue("orders")
    transformer = {
        "InputPathsMap": {"id": "$.detail.id"},
        "InputTemplate": '{"order": <id>, "rule": "<aws.events.rule-name>"}',
    }
    rule(
        house,
        "events-orders",
        {"source": ["events.shop"], "detail": {"sum": [{"numeric": [">", 10]}]}},
        {"Id": "whole", "Arn": house.arn(url)},
        {"Id": "short", "Arn": house.arn(url), "InputTransformer": transformer},
        {"Id": "fn", "Arn": arn("lambda", f"function:{house.function}"), "InputPath": "$.detail"},
    )
    small = {**ORDER, "Detail": '{"id": 8, "sum": 1}'}
    good, _, bad = put(house, ORDER, small, {**ORDER, "Detail": "no"})
    assert bad["ErrorCode"] == "MalformedDetail"
    told = house.bodies(url, 2)
    whole = next(one for one in told if "detail" in one)
    assert (whole["id"], whole["detail"]) == (good["EventId"], {"id": 7, "sum": 12.5})
    assert {"order": 7, "rule": "events-orders"} in told
    until(lambda: {"id": 7, "sum": 12.5} in house.told(), "the function is told")


def test_buses_lead_to_buses_and_queues_keep_order(house: House) -> None:
    url = house.queue("inner.fifo", FifoQueue="true")
    inner = house.events.create_event_bus(Name="events-inner")["EventBusArn"]
    rule(house, "out", {"source": ["events.far"]}, {"Id": "1", "Arn": inner})
    target = {
        "Id": "1",
        "Arn": house.arn(url),
        "SqsParameters": {"MessageGroupId": "g"},
    }
    rule(house, "in", {"source": [{"prefix": "events."}]}, target, bus="events-inner")
    put(house, {**ORDER, "Source": "events.far"})
    (message,) = house.received(url)
    assert json.loads(message["Body"])["source"] == "events.far"
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_log_groups_take_events_as_lines(house: House, client: Any) -> None:
    logs, name = client("logs"), "/aws/events/orders"
    logs.create_log_group(logGroupName=name)
    target = {"Id": "1", "Arn": arn("logs", f"log-group:{name}")}
    rule(house, "events-logged", {"source": ["events.logged"]}, target)
    put(house, {**ORDER, "Source": "events.logged"})

    def logged() -> bool:
        found = logs.filter_log_events(logGroupName=name)["events"]
        return any('"events.logged"' in one["message"] for one in found)

    until(logged, "the event is a line of the log")


def test_what_no_target_takes_becomes_a_dead_letter(house: House) -> None:
    url = house.queue("undelivered")
    gone = {
        "Id": "1",
        "Arn": arn("sqs", "events-never-made"),
        "DeadLetterConfig": {"Arn": house.arn(url)},
    }
    rule(house, "events-dying", {"source": ["events.dying"]}, gone)
    put(house, {**ORDER, "Source": "events.dying"})
    (letter,) = house.received(url)
    said = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert said["RULE_ARN"] == arn("events", "rule/events-dying")
    assert said["TARGET_ARN"] == gone["Arn"]
    assert json.loads(letter["Body"])["source"] == "events.dying"


def test_buses_rules_and_targets_are_made_listed_and_removed(house: House) -> None:
    events = house.events
    bus = events.create_event_bus(Name="events-crud", Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(events.exceptions.ResourceAlreadyExistsException):
        events.create_event_bus(Name="events-crud")
    assert events.describe_event_bus(Name="events-crud")["Arn"] == bus["EventBusArn"]
    assert events.describe_event_bus()["Name"] == "default"
    assert {"default", "events-crud"} <= {
        one["Name"] for one in events.list_event_buses()["EventBuses"]
    }
    tags = events.list_tags_for_resource(ResourceARN=bus["EventBusArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    made = events.put_rule(Name="r", EventBusName="events-crud", EventPattern='{"source": ["a"]}')
    events.tag_resource(ResourceARN=made["RuleArn"], Tags=[{"Key": "x", "Value": "y"}])
    events.untag_resource(ResourceARN=made["RuleArn"], TagKeys=["x"])
    queue = arn("sqs", "events-any")
    events.put_targets(Rule="r", EventBusName="events-crud", Targets=[{"Id": "1", "Arn": queue}])
    by_target = events.list_rule_names_by_target(TargetArn=queue, EventBusName="events-crud")
    assert by_target["RuleNames"] == ["r"]
    events.disable_rule(Name="r", EventBusName="events-crud")
    assert events.describe_rule(Name="r", EventBusName="events-crud")["State"] == "DISABLED"
    events.enable_rule(Name="r", EventBusName="events-crud")
    assert events.list_rules(EventBusName="events-crud")["Rules"][0]["State"] == "ENABLED"
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name="r", EventBusName="events-crud")
    with pytest.raises(ClientError, match="since it has rules"):
        events.delete_event_bus(Name="events-crud")
    events.remove_targets(Rule="r", EventBusName="events-crud", Ids=["1"])
    events.delete_rule(Name="r", EventBusName="events-crud")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="r", EventBusName="events-crud")
    events.delete_event_bus(Name="events-crud")


def test_patterns_can_be_tried(house: House) -> None:
    event = {
        "id": "1",
        "account": "0",
        "source": "shop",
        "time": "2027-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "x",
        "detail": {"a": 1},
    }
    tried = house.events.test_event_pattern(
        EventPattern='{"detail": {"a": [1]}}', Event=json.dumps(event)
    )
    assert tried["Result"] is True
    with pytest.raises(house.events.exceptions.InvalidEventPatternException):
        house.events.test_event_pattern(EventPattern='{"a": 1}', Event=json.dumps(event))


def test_what_cannot_be_is_refused(house: House) -> None:
    events = house.events
    with pytest.raises(ClientError, match="ScheduleExpression is not valid"):
        events.put_rule(Name="x", ScheduleExpression="rate(1 minutes)")
    with pytest.raises(ClientError, match="must be specified"):
        events.put_rule(Name="x")
    events.put_rule(Name="events-refusing", ScheduleExpression="cron(0 12 ? * MON-FRI *)")
    said = events.put_targets(
        Rule="events-refusing", Targets=[{"Id": "1", "Arn": arn("kinesis", "stream/x")}]
    )
    assert said["FailedEntries"][0]["ErrorCode"] == "ValidationException"
    with pytest.raises(ClientError, match="not available here"):
        events.create_archive(ArchiveName="a", EventSourceArn=arn("events", "event-bus/default"))
    assert put(house, {**ORDER, "Source": "aws.s3"})[0]["ErrorCode"].startswith("NotAuthorized")
    assert "ErrorCode" in put(house, {**ORDER, "EventBusName": "events-none"})[0]
