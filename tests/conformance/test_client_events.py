"""What the client of events does, against the fake and against a real platform."""

from collections.abc import Iterator

import pytest

from tapwater.services.events import Events, Publish
from tapwater.services.once import OnceBusy
from tapwater.services.transport import ServiceError, Transport
from tapwater.testing.fakes.events import FakeEvents
from tests.conformance.client_transport import shop_over_http


@pytest.fixture(params=["fake", pytest.param("platform", marks=pytest.mark.slow)], scope="module")
def transport(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transport]:
    if request.param == "fake":
        yield FakeEvents()
        return
    with shop_over_http(tmp_path_factory.mktemp("events")) as over_http:
        yield over_http


@pytest.fixture
def events(transport: Transport) -> Events:
    return Events(transport)


@pytest.mark.parametrize("data", [{"n": 1}, [1, None], None, "text ü", b"\x00\xff"])
def test_what_is_published_can_be_read(events: Events, data: object) -> None:
    id = events.publish("a.read", data, subject="s/1", shelf=7)
    got = events.get(id)
    assert (got.id, got.type, got.subject, got.data) == (id, "a.read", "s/1", data)
    assert got.extensions == {"shelf": 7}


def test_an_id_is_taken_once(events: Events) -> None:
    for _ in range(3):
        assert events.publish("a.once", id="o1") == "o1"
    assert [one.id for one in events.list(type="a.once")] == ["o1"]


def test_many_and_their_order(events: Events) -> None:
    ids = events.publish_many([Publish(type="a.many", data=n) for n in range(5)])
    assert [one.id for one in events.list(type="a.m*", limit=3)] == ids[:1:-1]
    assert [one.data for one in events.list(type="a.many", since=0)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("wrong", [Publish(type=""), Publish(type="tapwater.user.created")])
def test_all_or_none(events: Events, wrong: Publish) -> None:
    with pytest.raises(ServiceError) as refused:
        events.publish_many([Publish(type="a.none"), wrong])
    assert refused.value.code == "invalid"
    assert events.list(type="a.none") == []


def test_a_background_call(events: Events) -> None:
    id = events.call("hello", id="c1")
    assert events.call("hello", id="c1") == id
    assert events.delivery(id).function == "hello"


def test_what_is_not_there(events: Events) -> None:
    for ask in (events.get, events.delivery):
        with pytest.raises(ServiceError) as refused:
            ask("nothing")
        assert refused.value.code == "not_found"
    assert list(events.dead()) == []
    assert events.replay_dead("nothing") == 0
    with pytest.raises(ServiceError):
        events.drop_dead()


def test_replay_says_how_many(events: Events) -> None:
    events.publish("a.replay", id="r1")
    assert events.replay(0, type="a.replay") == 0  # Nobody listens.


def test_once(events: Events) -> None:
    with events.once("k") as first:
        assert first
        with pytest.raises(OnceBusy), events.once("k"):
            raise AssertionError("two at once")
    with events.once("k") as first:
        assert not first


def test_once_raising_leaves_it_free(events: Events) -> None:
    with pytest.raises(ValueError, match="inside"), events.once("free"):
        raise ValueError("inside")
    with events.once("free") as first:
        assert first


async def test_once_in_async_code() -> None:
    """On the platform: tests/functional/events."""
    events = Events(FakeEvents())
    async with events.once("async") as first:
        assert first
    async with events.once("async") as first:
        assert not first
