"""Notifications of buckets: to queues, functions and the bus; nothing is lost by kill -9."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.events.kit import House, arn
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


def bucket(house: House, name: str) -> str:
    house.s3.create_bucket(Bucket=name)
    return name


def test_each_place_hears_of_what_it_wants(house: House) -> None:
    url, name = house.queue("photos"), bucket(house, "events-photos")
    house.s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"Id": "all", "QueueArn": house.arn(url), "Events": ["s3:ObjectCreated:*"]},
                {"Id": "gone", "QueueArn": house.arn(url), "Events": ["s3:ObjectRemoved:*"]},
            ],
            "LambdaFunctionConfigurations": [
                {
                    "LambdaFunctionArn": arn("lambda", f"function:{house.function}"),
                    "Events": ["s3:ObjectCreated:Put"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}},
                }
            ],
        },
    )
    (test,) = house.bodies(url)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", name)
    house.s3.put_object(Bucket=name, Key="in/a b.jpg", Body=b"123")
    house.s3.copy_object(Bucket=name, Key="copy.txt", CopySource=f"{name}/in/a b.jpg")
    upload = house.s3.create_multipart_upload(Bucket=name, Key="large")["UploadId"]
    part = house.s3.upload_part(
        Bucket=name, Key="large", UploadId=upload, PartNumber=1, Body=b"x" * 10
    )
    house.s3.complete_multipart_upload(
        Bucket=name,
        Key="large",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    house.s3.delete_object(Bucket=name, Key="copy.txt")
    records = [one["Records"][0] for one in house.bodies(url, 4)]
    told = {(one["eventName"], one["s3"]["object"]["key"]) for one in records}
    assert told == {
        ("ObjectCreated:Put", "in/a+b.jpg"),
        ("ObjectCreated:Copy", "copy.txt"),
        ("ObjectCreated:CompleteMultipartUpload", "large"),
        ("ObjectRemoved:Delete", "copy.txt"),
    }
    of_put = next(one for one in records if one["eventName"] == "ObjectCreated:Put")
    assert of_put["s3"]["object"]["size"] == 3
    assert of_put["s3"]["configurationId"] == "all"
    until(lambda: len(house.told(lambda one: name in json.dumps(one))) == 1, "the function too")


def test_markers_and_versions_are_told(house: House) -> None:
    url, name = house.queue("versions"), bucket(house, "events-versions")
    house.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    house.s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": house.arn(url),
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                }
            ]
        },
    )
    house.bodies(url)
    stored = house.s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    marker = house.s3.delete_object(Bucket=name, Key="k")["VersionId"]
    records = [one["Records"][0] for one in house.bodies(url, 2)]
    told = {one["eventName"]: one["s3"]["object"]["versionId"] for one in records}
    assert told == {
        "ObjectCreated:Put": stored,
        "ObjectRemoved:DeleteMarkerCreated": marker,
    }


def test_the_bus_hears_of_a_bucket(house: House) -> None:
    url, name = house.queue("bridged"), bucket(house, "events-bridged")
    house.s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    house.events.put_rule(Name="events-bucket", EventPattern=json.dumps(pattern))
    house.events.put_targets(Rule="events-bucket", Targets=[{"Id": "q", "Arn": house.arn(url)}])
    house.s3.put_object(Bucket=name, Key="a b", Body=b"1")
    (event,) = house.bodies(url)
    assert (event["detail-type"], event["detail"]["object"]["key"]) == ("Object Created", "a b")


def test_native_uploads_are_told(house: House) -> None:
    url, name = house.queue("native"), bucket(house, "events-native")
    wish = {"QueueArn": house.arn(url), "Events": ["s3:ObjectCreated:*"]}
    house.s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": [wish]}
    )
    house.bodies(url)
    stored = house.platform.api("PUT", f"/apps/aws/blobs/{name}/own.txt", content=b"hello")
    assert stored.status_code in {200, 201}, stored.text
    (event,) = house.bodies(url)
    assert event["Records"][0]["s3"]["object"]["key"] == "own.txt"


def test_places_that_are_not_there_are_refused(house: House) -> None:
    name = bucket(house, "events-refused")
    wish = {"QueueArn": arn("sqs", "nothing-there"), "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(ClientError, match="Unable to validate"):
        house.s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [wish]}
        )
