"""EventBridge Scheduler with boto3: what is due arrives; schedules and groups come and go."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.events.kit import ROLE, House, arn
from tests.functional.waiting import until

pytestmark = pytest.mark.slow

OFF = {"Mode": "OFF"}
PAST = "at(2020-01-01T00:00:00)"


def test_what_is_due_is_sent_and_the_schedule_goes(house: House) -> None:
    url = house.queue("due")
    house.scheduler.create_schedule(
        Name="events-once",
        ScheduleExpression=PAST,
        FlexibleTimeWindow=OFF,
        Target={"Arn": house.arn(url), "RoleArn": ROLE, "Input": '{ "as": "it is" }'},
        ActionAfterCompletion="DELETE",
    )
    (message,) = house.received(url)
    assert message["Body"] == '{ "as": "it is" }'
    until(lambda: not _names(house, "events-once"), "the schedule is gone")


def test_functions_are_called_and_failures_go_to_dead_letters(house: House) -> None:
    url = house.queue("missed")
    house.scheduler.create_schedule(
        Name="events-call",
        ScheduleExpression=PAST,
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": arn("lambda", f"function:{house.function}"),
            "RoleArn": ROLE,
            "Input": '{"by": "<aws.scheduler.schedule-arn>"}',
        },
    )
    said = {"by": arn("scheduler", "schedule/default/events-call")}
    until(lambda: said in house.told(), "the function is told")
    assert _names(house, "events-call") == ["events-call"]
    house.scheduler.create_schedule(
        Name="events-lost",
        ScheduleExpression=PAST,
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": arn("lambda", "function:events-no-such"),
            "RoleArn": ROLE,
            "Input": "7",
            "DeadLetterConfig": {"Arn": house.arn(url)},
        },
    )
    (letter,) = house.received(url)
    assert letter["Body"] == "7"
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "ResourceNotFoundException"


def test_schedules_and_groups_are_made_listed_changed_and_removed(house: House) -> None:
    scheduler = house.scheduler
    group = scheduler.create_schedule_group(Name="events-group", Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.create_schedule_group(Name="events-group")
    assert scheduler.get_schedule_group(Name="events-group")["State"] == "ACTIVE"
    tags = scheduler.list_tags_for_resource(ResourceArn=group["ScheduleGroupArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    said = {
        "Name": "nightly",
        "GroupName": "events-group",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "Target": {"Arn": arn("sqs", "any"), "RoleArn": ROLE, "Input": "1"},
        "EndDate": datetime(2099, 1, 1, tzinfo=UTC),
    }
    made = scheduler.create_schedule(**said)["ScheduleArn"]
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.create_schedule(**said)
    shown = scheduler.get_schedule(Name="nightly", GroupName="events-group")
    assert (shown["Arn"], shown["State"]) == (made, "ENABLED")
    assert shown["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert shown["EndDate"] == datetime(2099, 1, 1, tzinfo=UTC)
    assert shown["FlexibleTimeWindow"] == said["FlexibleTimeWindow"]
    scheduler.update_schedule(**{**said, "State": "DISABLED"})
    listed = scheduler.list_schedules(GroupName="events-group", State="DISABLED")["Schedules"]
    assert [one["Name"] for one in listed] == ["nightly"]
    scheduler.delete_schedule_group(Name="events-group")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="nightly", GroupName="events-group")


def test_what_cannot_be_is_refused(house: House) -> None:
    target = {"Arn": arn("sqs", "any"), "RoleArn": ROLE}
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        house.scheduler.create_schedule(
            Name="x", ScheduleExpression="never", FlexibleTimeWindow=OFF, Target=target
        )
    with pytest.raises(ClientError, match="not offered"):
        house.scheduler.create_schedule(
            Name="x",
            ScheduleExpression=PAST,
            FlexibleTimeWindow=OFF,
            Target={**target, "Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"},
        )
    with pytest.raises(house.scheduler.exceptions.ResourceNotFoundException):
        house.scheduler.delete_schedule(Name="events-nothing")


def _names(house: House, prefix: str) -> list[str]:
    found = house.scheduler.list_schedules(NamePrefix=prefix)["Schedules"]
    return [one["Name"] for one in found]
