"""The way back, in values: triggers, options and templates; and what Lambda brings, read."""

import json
from typing import Any

import pytest

from tapwater_server.cli.aws.leaving.layout import Place, places
from tapwater_server.cli.aws.leaving.shim import telling
from tapwater_server.cli.aws.leaving.template import App, Described, Exported, export
from tapwater_server.cli.aws.leaving.times import expression
from tapwater_server.cli.aws.leaving.usage import Used, look


def exported(*functions: Described, used: Used | None = None, **more: Any) -> Exported:
    """Export an app of these functions."""
    return export(App(name="shop", python="3.12", functions=functions, used=used or Used(), **more))


def restful(name: str, path: str, *, mount: bool = False, **options: Any) -> Described:
    """Describe a function with a URL."""
    place = Place(file=f"restful/{name}.py", name=name, path=path)
    return Described(place=place, options=options, triggers=(), mount=mount)


def reactive(source: str, /, **arguments: Any) -> Described:
    """Describe a function with one trigger."""
    place = Place(file="reactive/f.py", name="f", path="")
    trigger = {"source": source, "arguments": arguments}
    return Described(place=place, options={}, triggers=[trigger])


def event_of(made: Exported) -> dict[str, Any]:
    """Give the one event of the function f."""
    (event,) = made.template["Resources"]["F"]["Properties"]["Events"].values()
    return dict(event)


def test_places_are_those_of_a_deploy() -> None:
    files = ["users/restful/profile/[id].py", "users/reactive/hi.py", "lib/x.py", "_x/restful/a.py"]
    assert [(one.name, one.path, one.id, one.module) for one in places(files)] == [
        ("users/hi", "", "UsersHi", "users_hi"),
        ("users/profile/[id]", "/users-api/profile/{id}", "UsersProfileId", "users_profile_id"),
    ]
    assert [one.path for one in places(["app.py", "lib.py"])] == ["/"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("*/5 9-17 * * 1-5", "cron(*/5 9-17 ? * MON-FRI *)"),
        ("0 0 1,15 * *", "cron(0 0 1,15 * ? *)"),
        ("0 0 * * 0", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 5#2", "cron(0 0 ? * FRI#2 *)"),
        ("0 0 * * MON", "cron(0 0 ? * MON *)"),
        ("@daily", "cron(0 0 * * ? *)"),
        ("every 1h", "rate(1 hour)"),
        ("every 30s", None),
        ("0 0 13 * 5", None),
        ("*/10 * * * * *", None),
    ],
)
def test_times(ours: str, theirs: str | None) -> None:
    assert expression(ours) == theirs


def test_an_api_a_mounted_app_and_a_guarded_function() -> None:
    made = exported(
        restful("hello", "/hello/{id}", memory="64MB", timeout="20m"),
        restful("web", "/web", mount=True),
        restful("secret", "/secret", auth="user"),
    )
    resources = made.template["Resources"]
    hello = resources["Hello"]["Properties"]
    assert (hello["MemorySize"], hello["Timeout"]) == (128, 900)
    assert [e["Properties"]["Path"] for e in resources["Web"]["Properties"]["Events"].values()] == [
        "/web",
        "/web/{proxy+}",
    ]
    guarded = resources["Secret"]["Properties"]["Events"]["Http1"]["Properties"]
    assert guarded["Auth"] == {"Authorizer": "AWS_IAM"}
    assert resources["Api"]["Properties"]["Auth"] == {"EnableIamAuthorizer": True}
    assert any("users do not come along" in one for one in made.left)
    assert "hello: timeout: 900 s is the most on Lambda" in made.left
    assert 'mount="/web"' in made.handlers["web.py"]


def test_queues_bring_their_dead_letters() -> None:
    made = exported(reactive("batch", queue="new-orders", size=50, window="2s"))
    resources = made.template["Resources"]
    assert event_of(made) == {
        "Type": "SQS",
        "Properties": {
            "Queue": {"Fn::GetAtt": ["QueueNewOrders", "Arn"]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BatchSize": 50,
            "MaximumBatchingWindowInSeconds": 2,
        },
    }
    redrive = resources["QueueNewOrders"]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["QueueNewOrdersDead", "Arn"]}
    assert "batches=True" in made.handlers["f.py"]


@pytest.mark.parametrize(
    ("source", "arguments", "kind"),
    [
        ("message", {"queue": "q"}, "SQS"),
        ("topic", {"topic": "t"}, "SNS"),
        ("schedule", {"cron": "0 3 * * *", "tz": "Europe/Rome"}, "ScheduleV2"),
        ("upload", {"path": "pics/**"}, "S3"),
        ("event", {"type": "a.*"}, "EventBridgeRule"),
    ],
)
def test_triggers(source: str, arguments: dict[str, Any], kind: str) -> None:
    assert event_of(exported(reactive(source, **arguments)))["Type"] == kind


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("document_created", {"collection": "users/{id}"}),
        ("mqtt", {"topic": "a/#"}),
        ("user_created", {}),
        ("webhook", {"name": "x", "secret": "S"}),
        ("schedule", {"cron": "every 5s", "tz": "UTC"}),
        ("upload", {"path": "*/x"}),
        ("batch", {"topic": "t", "size": 2, "window": 1}),
    ],
)
def test_what_has_no_counterpart_is_listed_and_not_exported(
    source: str, arguments: dict[str, Any]
) -> None:
    made = exported(reactive(source, **arguments))
    assert not made.handlers
    assert made.left[-1] == "f: nothing is left that would call it; it is not exported"
    assert made.left[0].startswith(f"f: @on.{source}")


def test_what_code_uses_is_found_in_its_text() -> None:
    used = Used()
    text = """
from tapwater import blobs, queues as q, docs
def get(ctx, name):
    blobs.put(f"pics/{name}", b"")
    blobs.get(name)
    q.send("emails", 1)
    ctx.secret("KEY")
    ctx.call("a/b", 1)
    docs.set("books/1", {})
    docs.collection("authors")
"""
    look("restful/a.py", text, used)
    assert used.names == {"blobs": {"pics"}, "queues": {"emails"}}
    assert used.computed == ["restful/a.py:5 (blobs.get)"]
    assert used.calls == ["restful/a.py:8"]
    assert used.secrets == {"KEY"}
    made = exported(restful("a", "/a"), used=used, environment={"MODE": "x"})
    variables = made.template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["MODE"] == "x"
    assert variables["SECRET_KEY"] == {"Ref": "SecretKey"}
    places = json.loads(variables["TAPWATER_PLACES"]["Fn::Sub"])
    assert places["queues"] == {"emails": "${QueueEmails}"}
    (docs,) = (one for one in made.left if one.startswith("docs (used in restful/a.py"))
    assert docs.endswith("a table each for authors, books")


def test_a_bucket_and_who_hears_of_it_do_not_wait_for_each_other() -> None:
    used = Used()
    look("reactive/f.py", 'from tapwater import blobs\nblobs.get("pics/a")\n', used)
    made = exported(reactive("upload", path="pics/**"), used=used)
    assert '"Ref": "BucketPics"' not in json.dumps(made.template["Globals"])
    assert made.template["Resources"]["BucketPics"]["Properties"]["BucketName"]


SQS = {
    "messageId": "m1",
    "body": '{"a": 1}',
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-1:0:emails",
    "attributes": {"ApproximateReceiveCount": "3"},
    "messageAttributes": {
        "contenttype": {"stringValue": "application/json"},
        "lang": {"stringValue": "it"},
    },
}


def test_messages_come_as_they_do_with_us() -> None:
    (one,) = telling.told({"Records": [SQS]}, {})
    assert one == {
        "specversion": "1.0",
        "id": "m1",
        "type": "tapwater.queue.message",
        "source": "/queues/emails",
        "data": {"a": 1},
        "delivery": "m1",
        "attempt": 3,
        "lang": "it",
    }


def test_blobs_come_with_the_parts_of_the_pattern_or_not_at_all() -> None:
    def record(key: str) -> dict[str, Any]:
        bucket = {"name": "stack-pics-1"}
        s3 = {"bucket": bucket, "object": {"key": key, "size": 3, "eTag": "e"}}
        return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}

    patterns = {"upload": "pics/{user}/*.png"}
    (one,) = telling.told({"Records": [record("ada+l/me.png"), record("x/y/z.png")]}, patterns)
    assert (one["subject"], one["params"]) == ("ada l/me.png", {"user": "ada l"})
    assert one["data"]["bucket"] == "pics"


@pytest.mark.parametrize(
    "said", [{"body": {"a": [1]}}, {"text": "hé"}, {"base64": "AAE="}, {"body": None}]
)
def test_bodies_go_there_and_back(said: dict[str, Any]) -> None:
    body, kind = telling.packed(said)
    back = telling.content(body, kind)
    assert back.get("data") == said.get("body", said.get("text"))
    assert back.get("data_base64") == said.get("base64")
