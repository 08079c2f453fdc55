"""Examples that react: to uploads, messages, topics and times."""

import json
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functional.aws.conftest import Client
from tests.functional.aws.examples.conftest import Deploy
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
Received = Callable[..., list[str]]


def picture(side: int) -> bytes:
    """A grey PNG, twice as wide as high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side // 2, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * (side // 2))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


def size_of(png: bytes) -> tuple[int, ...]:
    """Read how wide and high a PNG is."""
    return struct.unpack(">II", png[16:24])


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Say whether an object is there."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key)
    return bool(found["KeyCount"])


def test_a_picture_gets_a_small_one(deployed: Deploy, client: Client) -> None:
    stack, s3 = deployed("thumbnail"), client("s3")
    pictures, thumbnails = stack.outputs["Pictures"], stack.outputs["Thumbnails"]
    s3.put_object(Bucket=pictures, Key="readme.txt", Body=b"not a picture")
    s3.put_object(Bucket=pictures, Key="my cat/é.png", Body=picture(400))
    until(lambda: exists(s3, thumbnails, "my cat/é.png"), "the thumbnail is there")
    small = s3.get_object(Bucket=thumbnails, Key="my cat/é.png")
    assert small["ContentType"] == "image/png"
    assert size_of(small["Body"].read()) == (64, 32)
    assert not exists(s3, thumbnails, "readme.txt")


def test_of_a_batch_only_what_failed_comes_again(
    deployed: Deploy, client: Client, received: Received
) -> None:
    stack = deployed("sqs-batch")
    orders = [{"id": n, "count": n, "price": 10} for n in (1, 2, 3)]
    bodies = [*map(json.dumps, orders), "broken", json.dumps({"id": 4})]
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    client("sqs").send_message_batch(QueueUrl=stack.outputs["Orders"], Entries=entries)
    done = [json.loads(one) for one in received(stack.outputs["Done"], 3)]
    assert sorted(one["total"] for one in done) == [10, 20, 30]
    assert set(received(stack.outputs["Failed"], 2)) == {"broken", json.dumps({"id": 4})}


def test_a_job_runs_when_its_time_comes(deployed: Deploy, client: Client) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=6)  # noqa: TID251 - the scheduler keeps real time
    stack = deployed("nightly", "--parameter", f"When=at({soon:%Y-%m-%dT%H:%M:%S})")
    s3, bucket = client("s3"), stack.outputs["Reports"]
    until(lambda: exists(s3, bucket, "nightly.json"), "the report is written")
    report = json.load(s3.get_object(Bucket=bucket, Key="nightly.json")["Body"])
    assert report["kind"] == "nightly"
    assert report["by"] == stack.functions["Report"]


def test_one_message_goes_to_all_who_listen(
    deployed: Deploy, client: Client, received: Received, called: Callable[..., Any]
) -> None:
    stack, sns = deployed("fan-out"), client("sns")
    for level in ("urgent", "dull"):
        sns.publish(
            TopicArn=stack.outputs["Topic"],
            Message=level,
            Subject="news",
            MessageAttributes={"level": {"DataType": "String", "StringValue": level}},
        )
    assert sorted(received(stack.outputs["Everything"], 2)) == ["dull", "urgent"]
    assert received(stack.outputs["Urgent"]) == ["urgent"]
    logs, group = client("logs"), f"/aws/lambda/{stack.outputs['Function']}"

    def logged() -> bool:
        found = logs.filter_log_events(logGroupName=group, filterPattern="NEWS")
        lines = {one["message"].strip() for one in found["events"]}
        return lines >= {"NEWS news urgent", "NEWS news dull"}

    until(logged, "the function has logged both")


def test_functions_share_a_layer(deployed: Deploy, called: Callable[..., Any]) -> None:
    stack = deployed("layer")
    assert called(stack.outputs["Function"], {"name": "Ada"}) == {"greeting": "Hello, Ada!"}
