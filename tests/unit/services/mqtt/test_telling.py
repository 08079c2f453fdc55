"""Wills, retained messages, shared and overlapping subscriptions, messages that expire."""

from tapwater_server.services.mqtt.codec.packets import (
    Ack,
    Disconnect,
    Properties,
    Publish,
    Will,
)
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.limits import BrokerLimits
from tests.unit.services.mqtt.talking import House, Talker

WILL = Will(topic="will", payload=b"gone", properties=Properties(will_delay_s=10))


def listener(house: House) -> Talker:
    found = house.client("listener")
    found.subscribe("will")
    found.hear()
    return found


async def test_a_will_is_published_when_the_client_is_lost() -> None:
    house = House()
    ear = listener(house)
    house.client("c", will=Will(topic="will", payload=b"1")).break_off()
    quiet = house.client("c", will=Will(topic="will", payload=b"2"))
    quiet.say(Disconnect())
    quiet.break_off()
    loud = house.client("c", will=Will(topic="will", payload=b"3"))
    loud.say(Disconnect(reason=Reason.DISCONNECT_WITH_WILL))
    assert [payload for _, payload in ear.messages()] == [b"1", b"3"]


async def test_a_will_waits_for_its_delay_or_the_end_of_the_session() -> None:
    house = House()
    ear = listener(house)
    for expiry_s, wait_s in ((60, 10), (5, 5)):
        house.client("c", will=WILL, expiry_s=expiry_s).break_off()
        await house.clock.advance(wait_s - 1)
        house.broker.step()
        assert ear.messages() == []
        await house.clock.advance(1)
        house.broker.step()
        assert ear.messages() == [("will", b"gone")]
    house.client("c", will=WILL).break_off()
    assert ear.messages() == [("will", b"gone")]  # Without a session there is nothing to wait for.


async def test_who_comes_back_in_time_has_not_died() -> None:
    house = House()
    ear = listener(house)
    house.client("c", will=WILL, expiry_s=60).break_off()
    house.client("c", expiry_s=60, clean=False)
    await house.clock.advance(100)
    house.broker.step()
    assert ear.messages() == []
    house.client("d", will=WILL, expiry_s=60).break_off()
    house.client("d", expiry_s=60)  # A clean start ends the old session, and so its delay.
    assert ear.messages() == [("will", b"gone")]


async def test_retained_for_new_subscriptions_as_they_ask() -> None:
    house = House()
    sender = house.client("s")
    sender.publish("r/1", b"old", retain=True)
    sender.publish("r/1", b"new", retain=True)
    sender.publish("r/2", b"x", retain=True)
    sender.publish("r/2", b"", retain=True)
    sender.publish("r/3", b"y", retain=True, properties=Properties(message_expiry_s=5))
    client = house.client("c")
    client.subscribe("r/#")
    got = client.heard(Publish)
    assert [(one.topic, one.payload, one.retain) for one in got] == [
        ("r/3", b"y", True),
        ("r/1", b"new", True),
    ] or [one.topic for one in got] == ["r/1", "r/3"]
    client.subscribe("r/#", retain_handling=1)
    client.subscribe("r/1", retain_handling=2)
    client.subscribe("$share/g/r/#")
    assert client.messages() == []
    await house.clock.advance(6)
    client.subscribe("r/#")
    assert client.messages() == [("r/1", b"new")]
    sender.publish("r/1", b"live", retain=True)
    assert [one.retain for one in client.heard(Publish)] == [False]
    client.subscribe("r/#", retain_as_published=True)
    client.hear()
    sender.publish("r/1", b"live", retain=True)
    assert True in [one.retain for one in client.heard(Publish)]


async def test_retained_is_there_after_a_kill() -> None:
    house = House()
    sender = house.client("s")
    user = Properties(user=(("k", "v"),), content_type="text/plain")
    sender.publish("r", b"1", qos=1, retain=True, properties=user)
    await house.written()
    house = await house.again()
    client = house.client("c")
    client.subscribe("#")
    [got] = client.heard(Publish)
    assert (got.payload, got.qos, got.retain) == (b"1", 1, True)
    assert got.properties == user


async def test_no_more_is_retained_than_may_be() -> None:
    house = House(limits=BrokerLimits(retained_max=1))
    client = house.client()
    client.publish("a", retain=True)
    client.publish("b", qos=1, retain=True)
    [ack] = client.heard(Ack)
    assert ack.reason == Reason.QUOTA_EXCEEDED
    client.publish("a", b"2", qos=1, retain=True, packet_id=2)
    await house.written()
    assert [one.reason for one in client.heard(Ack)] == [Reason.NO_MATCHING_SUBSCRIBERS]


async def test_a_shared_subscription_takes_turns_among_those_who_are_there() -> None:
    house = House()
    one, two = house.client("one"), house.client("two", expiry_s=60)
    for client in (one, two):
        client.subscribe("$share/team/jobs/+")
    await house.written()
    for client in (one, two):
        client.hear()
    sender = house.client("s")
    for n in range(4):
        sender.publish("jobs/x", b"%d" % n)
    assert (len(one.messages()), len(two.messages())) == (2, 2)
    two.break_off()
    for n in range(4):
        sender.publish("jobs/x", b"%d" % n, qos=1, packet_id=n + 1)
    assert len(one.messages()) == 4
    one.break_off()
    sender.publish("jobs/x", b"later", qos=1, packet_id=9)
    await house.written()
    back = house.client("two", expiry_s=60, clean=False)
    assert back.messages() == [("jobs/x", b"later")]


async def test_overlapping_filters_are_one_message_with_the_best_of_them() -> None:
    client = House().client()
    client.subscribe("a/#", 0, id=1)
    client.subscribe("a/b", 1, id=2)
    client.subscribe("#", 1, no_local=True)
    client.publish("a/b", qos=2, packet_id=5)
    [got] = client.heard(Publish)
    assert got.qos == 1
    assert sorted(got.properties.subscription_ids) == [1, 2]


async def test_a_message_that_expired_is_not_delivered() -> None:
    house = House()
    away = house.client("away", expiry_s=60)
    away.subscribe("#", 1)
    await house.written()
    away.break_off()
    sender = house.client("s")
    for id, seconds in ((1, 5), (2, 50)):
        said = Properties(message_expiry_s=seconds)
        sender.publish("a", b"%d" % seconds, qos=1, packet_id=id, properties=said)
    await house.written()
    await house.clock.advance(10)
    back = house.client("away", expiry_s=60, clean=False)
    [got] = back.heard(Publish)
    assert (got.payload, got.properties.message_expiry_s) == (b"50", 40)
    await house.written()
    assert [one.packet_id for one in house.store.load().queued] == [got.packet_id]
