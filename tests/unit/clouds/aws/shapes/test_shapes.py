"""Our events, read by the data classes of Powertools and by the models of its parser."""

import json
from typing import Any

import msgspec
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent, S3Event

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.shapes.bridged import bridged_event, scheduled_event
from tapwater_server.clouds.aws.shapes.ended import (
    EXHAUSTED,
    SUCCESS,
    TOO_OLD,
    Ended,
    dead_attributes,
    ended_kind,
    ended_record,
)
from tapwater_server.clouds.aws.shapes.stored import (
    Happened,
    stored_detail,
    stored_event,
    stored_test,
)
from tapwater_server.model.ids import AppId

ACCOUNT = Account(id="123456789012", home=AppId("aws"))
AT = 1_800_000_000.25


def happened(name: str, **more: str) -> Happened:
    return Happened(
        name=name,
        bucket="photos",
        key="red flower/ä+b.jpg",
        size=7,
        etag="e1",
        at=AT,
        id="01ARZ",
        account=ACCOUNT.id,
        region=ACCOUNT.region,
        **more,
    )


def test_an_object_that_was_stored() -> None:
    event = S3Event(stored_event(happened("ObjectCreated:Put", version="v1"), configuration="c1"))
    record = next(iter(event.records))
    assert (event.bucket_name, event.object_key) == ("photos", "red flower/ä+b.jpg")
    assert record.s3.get_object.key == "red+flower/%C3%A4%2Bb.jpg"
    assert (record.event_name, record.event_version) == ("ObjectCreated:Put", "2.1")
    assert (record.s3.get_object.size, record.s3.get_object.etag) == (7, "e1")
    assert record.s3.get_object.version_id == "v1"
    assert record.s3.configuration_id == "c1"
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::photos"
    assert record.event_time == "2027-01-15T08:00:00.250Z"


def test_an_object_that_went_has_no_size() -> None:
    gone = stored_event(happened("ObjectRemoved:Delete"), configuration="c1")["Records"][0]
    assert set(gone["s3"]["object"]) == {"key", "sequencer"}
    marked = stored_event(
        happened("ObjectRemoved:DeleteMarkerCreated", version="m"), configuration="c"
    )
    assert marked["Records"][0]["s3"]["object"]["versionId"] == "m"


def test_sequencers_rise_with_time() -> None:
    later = Happened(name="x", bucket="b", key="k", at=AT + 1e-5, id="", account="", region="")
    assert happened("x").sequencer < later.sequencer


def test_objects_on_the_bus() -> None:
    assert stored_detail(happened("ObjectCreated:Copy"))[1]["reason"] == "CopyObject"
    kind, detail = stored_detail(happened("ObjectRemoved:DeleteMarkerCreated", version="m"))
    assert (kind, detail["deletion-type"]) == ("Object Deleted", "Delete Marker Created")
    assert detail["object"]["key"] == "red flower/ä+b.jpg"


def test_the_test_event() -> None:
    assert stored_test("photos", at=AT, id="1")["Event"] == "s3:TestEvent"


def test_events_of_buses() -> None:
    made = bridged_event(
        ACCOUNT, id="i", source="shop", kind="Order", at=AT, resources=["r"], detail={"a": 1}
    )
    event = EventBridgeEvent(made)
    assert (event.source, event.detail_type, event.get_id) == ("shop", "Order", "i")
    assert (event.account, event.region, event.resources) == (ACCOUNT.id, "us-east-1", ["r"])
    assert event.time == "2027-01-15T08:00:00Z"
    assert event.detail == {"a": 1}


def test_scheduled_events() -> None:
    event = EventBridgeEvent(scheduled_event(ACCOUNT, id="i", rule="arn:rule", at=AT))
    assert (event.source, event.detail_type) == ("aws.events", "Scheduled Event")
    assert (event.resources, event.detail) == (["arn:rule"], {})


def ended(condition: str, **more: object) -> Ended:
    said = {"version": "3", "error": "Unhandled", "answer": b'{"errorMessage": "no"}', **more}
    return Ended(
        request="r1",
        arn="arn:f:live",
        condition=condition,
        count=3,
        payload=b'{"a": 1}',
        at=AT,
        **said,  # type: ignore[arg-type]
    )


def written(one: Ended) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(msgspec.json.encode(ended_record(one)))
    return said


def test_payloads_of_any_depth_are_passed_on() -> None:
    deep = b"[" * 900 + b"]" * 900
    one = ended(SUCCESS, answer=deep)
    assert deep in msgspec.json.encode(ended_record(one))
    assert written(ended(SUCCESS, answer=b"no json"))["responsePayload"] == "no json"


def test_what_destinations_are_sent() -> None:
    assert written(ended(EXHAUSTED)) == {
        "version": "1.0",
        "timestamp": "2027-01-15T08:00:00.250Z",
        "requestContext": {
            "requestId": "r1",
            "functionArn": "arn:f:live",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"a": 1},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "3",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorMessage": "no"},
    }
    good = written(ended(SUCCESS, error="", answer=b"5"))
    assert "functionError" not in good["responseContext"]
    assert good["responsePayload"] == 5
    assert "responseContext" not in written(ended(TOO_OLD, version="", answer=b""))


def test_what_dead_letters_say() -> None:
    said = dead_attributes(ended(EXHAUSTED))
    assert said["RequestID"]["StringValue"] == "r1"
    assert said["ErrorMessage"]["StringValue"] == "no"
    assert said["ErrorCode"] == {"DataType": "Number", "StringValue": "200"}
    long = dead_attributes(
        ended(EXHAUSTED, answer=json.dumps({"errorMessage": "x" * 5000}).encode())
    )
    assert len(long["ErrorMessage"]["StringValue"]) == 1024


def test_ends_have_names_on_the_bus() -> None:
    assert ended_kind(ended(SUCCESS)) == "Lambda Function Invocation Result - Success"
    assert ended_kind(ended(TOO_OLD)) == "Lambda Function Invocation Result - Failure"
