"""From blobs that come and go to notifications: filters, places, shapes, ids."""

import json
from typing import Any

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.s3_events.configuration import KIND, Wish, read_wishes
from tapwater_server.clouds.aws.s3_events.notifying import Announcing, Notifying
from tapwater_server.model.blob import About, Blob, Cause
from tapwater_server.model.blob_events import DELETED, STORED, blob_event
from tapwater_server.model.event import Event
from tapwater_server.ports.facts import Put
from tapwater_server.testing.clock import CountingIds, ManualClock
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT, FN, FakeTargets

QUEUE = ACCOUNT.arn("sqs", "jobs")
TOPIC = ACCOUNT.arn("sns", "news")
XML = f"""<NotificationConfiguration>
<QueueConfiguration><Id>q</Id><Queue>{QUEUE}</Queue><Event>s3:ObjectCreated:*</Event>
<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>
<FilterRule><Name>Suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>
</QueueConfiguration>
<CloudFunctionConfiguration><Id>f</Id><CloudFunction>{FN}</CloudFunction>
<Event>s3:ObjectRemoved:Delete</Event><Event>s3:ObjectCreated:Copy</Event>
</CloudFunctionConfiguration>
<TopicConfiguration><Id>t</Id><Topic>{TOPIC}</Topic><Event>s3:ObjectRemoved:*</Event>
</TopicConfiguration></NotificationConfiguration>"""


def event(type: str = STORED, *, key: str = "in/a.jpg", marker: str = "", **more: Any) -> Event:
    blob = Blob(
        bucket="photos",
        key=key,
        version=more.pop("version", "null"),
        size=3,
        etag=more.pop("etag", "e1"),
        stored_at=5.0,
        about=About(),
    )
    return blob_event(type, ACCOUNT.home, blob, Cause(**more), id="01EVENT", at=7.0, marker=marker)


class Rig:
    def __init__(self) -> None:
        self.facts = MemoryFacts()
        self.notifying = Notifying(facts=self.facts, accounts=lambda app: ACCOUNT)

    async def wish(self, xml: str = XML) -> None:
        put = Put(kind=KIND, key="photos", value={"xml": xml})
        await self.facts.change(ACCOUNT.space, [put])

    def told(self, event: Event) -> list[tuple[str, Any]]:
        parcels = [json.loads(one.body) for one in self.notifying.heard(event)]
        return [(one["to"].rpartition(":")[2], json.loads(one["body"])) for one in parcels]

    def names(self, event: Event) -> list[tuple[str, str]]:
        return [(to, body["Records"][0]["eventName"]) for to, body in self.told(event)]


async def test_each_hears_of_what_it_wants() -> None:
    rig = Rig()
    assert rig.names(event()) == []
    await rig.wish()
    assert rig.names(event()) == [("jobs", "ObjectCreated:Put")]
    assert rig.names(event(key="out/a.jpg")) == []
    assert rig.names(event(key="in/a.png")) == []
    assert rig.names(event(how="copy")) == [
        ("jobs", "ObjectCreated:Copy"),
        ("fn", "ObjectCreated:Copy"),
    ]
    assert rig.names(event(DELETED, how="delete")) == [
        ("news", "ObjectRemoved:Delete"),
        ("fn", "ObjectRemoved:Delete"),
    ]
    assert rig.names(event(DELETED, marker="m1")) == [("news", "ObjectRemoved:DeleteMarkerCreated")]


async def test_native_uploads_are_told_too() -> None:
    rig = Rig()
    await rig.wish()
    assert rig.names(event()) == [("jobs", "ObjectCreated:Put")]
    assert rig.names(event(etag="abc-3")) == [("jobs", "ObjectCreated:CompleteMultipartUpload")]
    assert rig.names(event(how="post")) == [("jobs", "ObjectCreated:Post")]


async def test_what_a_marker_hid_is_no_new_object() -> None:
    rig = Rig()
    await rig.wish()
    assert rig.names(event(STORED, how="delete")) == []


async def test_what_a_lifecycle_removes_has_a_name_of_its_own() -> None:
    rig = Rig()
    await rig.wish(XML.replace("s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"))
    assert rig.names(event(DELETED, how="expire")) == [("news", "LifecycleExpiration:Delete")]
    ((_, told),) = rig.told(event(DELETED, how="expire", marker="m"))
    assert told["Records"][0]["eventName"] == "LifecycleExpiration:DeleteMarkerCreated"
    assert "size" not in told["Records"][0]["s3"]["object"]


async def test_versions_are_told_where_there_are_any() -> None:
    rig = Rig()
    await rig.wish()
    ((_, plain),) = rig.told(event())
    assert "versionId" not in plain["Records"][0]["s3"]["object"]
    ((_, kept),) = rig.told(event(version="v7"))
    assert kept["Records"][0]["s3"]["object"]["versionId"] == "v7"
    ((_, marked),) = rig.told(event(DELETED, version="v7", marker="m1"))
    assert marked["Records"][0]["s3"]["object"]["versionId"] == "m1"


async def test_told_again_it_has_the_same_ids_and_its_chain() -> None:
    rig = Rig()
    await rig.wish()
    first = rig.notifying.heard(event(how="copy", root="start", depth=3))
    again = rig.notifying.heard(event(how="copy", root="start", depth=3))
    assert [one.id for one in first] == [one.id for one in again]
    assert len({one.id for one in first}) == 2
    assert {(one.root, one.depth) for one in first} == {("start", 3)}


async def test_the_bus_hears_of_everything() -> None:
    rig = Rig()
    await rig.wish(
        "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>"
    )
    ((to, body),) = rig.told(event())
    assert to == "event-bus/default"
    assert (body["source"], body["detail-type"]) == ("aws.s3", "Object Created")
    assert body["resources"] == ["arn:aws:s3:::photos"]


async def test_other_events_and_other_apps_are_not_heard() -> None:
    rig = Rig()
    await rig.wish()
    other = Event(id="1", app=ACCOUNT.home, type="shop.order", source="/blobs/photos")
    assert not rig.notifying.heard(other)


def test_configurations_without_ids_get_some() -> None:
    wishes = read_wishes(XML.replace("<Id>q</Id>", "")).wishes
    assert all(one.id for one in wishes)
    assert not Wish(id="1", to="", events=("ObjectCreated:Put",)).wants("ObjectCreated:Post", "")


async def test_places_are_told_once_of_a_new_configuration() -> None:
    targets = FakeTargets()
    announcing = Announcing(targets=targets, clock=ManualClock(), ids=CountingIds())
    await announcing.announce(ACCOUNT, "photos", XML)
    assert sorted(to for to, _ in targets.bodies()) == ["jobs", "news"]
    assert {body["Event"] for _, body in targets.bodies()} == {"s3:TestEvent"}


async def test_places_that_are_not_there_are_refused() -> None:
    targets = FakeTargets()
    targets.closed[FN] = AwsError("x", "", 400)
    announcing = Announcing(targets=targets, clock=ManualClock(), ids=CountingIds())
    with pytest.raises(AwsError) as refused:
        await announcing.announce(ACCOUNT, "photos", XML)
    assert refused.value.code == "InvalidArgument"
    assert targets.sent == []
    await announcing.announce(ACCOUNT, "photos", XML, checked=False)
