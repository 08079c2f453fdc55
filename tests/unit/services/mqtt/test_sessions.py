"""Sessions over time: kept, taken over, expired, resumed; wills; what is retained and shared."""

import pytest

from tapwater_server.services.mqtt.codec.packets import (
    V311,
    Ack,
    Disconnect,
    Kind,
    Pingreq,
    Properties,
    Publish,
    Will,
)
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.limits import BrokerLimits
from tests.unit.services.mqtt.talking import SHOP, House, Talker


async def away_with_three(house: House) -> Talker:
    """A client that subscribes, goes, and is sent one message of each QoS meanwhile."""
    away = house.client("away", expiry_s=60)
    away.subscribe("a/#", id=5)
    await house.written()
    away.break_off()
    sender = house.client("sender")
    for qos in (0, 1, 2):
        sender.publish(f"a/{qos}", b"%d" % qos, qos, packet_id=qos)
    sender.ack(Kind.PUBREL, 2)
    await house.written()
    return sender


@pytest.mark.parametrize("killed", [False, True])
async def test_what_came_meanwhile_is_waiting(killed: bool) -> None:
    house = House()
    await away_with_three(house)
    if killed:
        house = await house.again()
    back = house.client("away", expiry_s=60, clean=False)
    assert back.connack.session_present
    got = back.heard(Publish)
    assert [(one.topic, one.qos, one.packet_id) for one in got] == [("a/1", 1, 1), ("a/2", 2, 2)]
    assert {one.properties.subscription_ids for one in got} == {(5,)}
    assert [one.dup for one in got] == [killed, killed]  # After a kill nobody knows.


async def test_the_same_identifiers_after_a_kill_and_no_second_time() -> None:
    house = House()
    await away_with_three(house)
    back = house.client("away", expiry_s=60, clean=False)
    [one, two] = back.heard(Publish)
    back.ack(Kind.PUBREC, two.packet_id)
    await house.written()
    assert [one.kind for one in back.heard(Ack)] == [Kind.PUBREL]
    house = await house.again()
    back = house.client("away", expiry_s=60, clean=False)
    [release, again] = back.hear()
    assert release == Ack(kind=Kind.PUBREL, packet_id=two.packet_id)
    assert isinstance(again, Publish)
    assert (again.topic, again.packet_id, again.dup) == ("a/1", one.packet_id, True)
    back.ack(Kind.PUBCOMP, two.packet_id)
    back.ack(Kind.PUBACK, one.packet_id)
    await house.written()
    assert list(house.store.load().queued) == []
    house = await house.again()
    assert house.client("away", expiry_s=60, clean=False).hear() == []


async def test_a_pubrel_waits_until_the_release_is_safe() -> None:
    house = House()
    await away_with_three(house)
    back = house.client("away", expiry_s=60, clean=False)
    back.hear()
    back.ack(Kind.PUBREC, 2)
    assert back.hear() == []
    await house.written()
    assert [one.kind for one in back.heard(Ack)] == [Kind.PUBREL]


async def test_a_client_that_refuses_a_message_does_not_get_it_again() -> None:
    house = House()
    await away_with_three(house)
    back = house.client("away", expiry_s=60, clean=False)
    back.hear()
    back.ack(Kind.PUBREC, 2, Reason.PAYLOAD_INVALID)
    back.ack(Kind.PUBACK, 1, Reason.QUOTA_EXCEEDED)
    await house.written()
    assert list(house.store.load().queued) == []


async def test_clean_start_forgets() -> None:
    house = House()
    await away_with_three(house)
    back = house.client("away", expiry_s=60)
    assert (back.connack.session_present, back.hear()) == (False, [])
    await house.written()
    kept = house.store.load()
    assert (list(kept.queued), list(kept.subscriptions)) == ([], [])


async def test_a_session_expires() -> None:
    house = House()
    await away_with_three(house)
    house.clock.jump(0)
    await house.clock.advance(59)
    house.broker.step()
    assert "away" in house.broker.space(SHOP).sessions
    await house.clock.advance(2)
    house.broker.step()
    await house.written()
    assert list(house.store.load().sessions) == []
    assert not house.client("away", expiry_s=60, clean=False).connack.session_present


async def test_a_session_expires_also_over_a_kill() -> None:
    house = House()
    await away_with_three(house)
    await house.clock.advance(50)
    house = await house.again()
    await house.clock.advance(11)
    house.broker.step()
    assert "away" not in house.broker.space(SHOP).sessions


async def test_disconnect_may_change_the_expiry_but_not_invent_one() -> None:
    house = House()
    client = house.client("a", expiry_s=60)
    client.say(Disconnect(properties=Properties(session_expiry_s=0)))
    await house.written()
    assert list(house.store.load().sessions) == []
    client = house.client("a")
    client.say(Disconnect(properties=Properties(session_expiry_s=5)))
    assert client.ended() == Reason.PROTOCOL_ERROR


async def test_a_second_connection_takes_over() -> None:
    house = House()
    first = house.client("c", expiry_s=60)
    first.subscribe("#", 1)
    await house.written()
    first.hear()
    house.client("s").publish("a", qos=1)
    await house.written()
    assert len(first.heard(Publish)) == 1
    second = house.client("c", expiry_s=60, clean=False)
    assert first.ended() == Reason.TAKEN_OVER
    assert second.connack.session_present
    [again] = second.heard(Publish)
    assert again.dup
    first.break_off()
    assert house.broker.space(SHOP).sessions["c"].link is not None
    assert house.broker.space(SHOP).connected == 2


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


async def test_a_slow_client_holds_up_only_itself() -> None:
    house = House(limits=BrokerLimits(queued_max=3))
    slow, fast = house.client("slow"), house.client("fast")
    for client in (slow, fast):
        client.subscribe("#")
        client.hear()
    slow.connection.pause_writing()
    sender = house.client("s")
    for n in range(5):
        sender.publish("a", b"%d" % n)
    assert len(fast.messages()) == 5
    assert slow.messages() == []
    slow.connection.resume_writing()
    assert [payload for _, payload in slow.messages()] == [b"0", b"1", b"2"]
    assert house.broker.stats().dropped == 2


async def test_no_session_may_hold_more_than_its_share() -> None:
    house = House(limits=BrokerLimits(queued_max=2, subscriptions_max=1, sessions_max=3))
    away = house.client("away", expiry_s=60)
    away.subscribe("#", 1)
    away.subscribe("b", 1)
    await house.written()
    away.break_off()
    sender = house.client("s")
    for id in (1, 2, 3):
        sender.publish("a", b"%d" % id, qos=1, packet_id=id)
    await house.written()
    back = house.client("away", expiry_s=60, clean=False)
    assert [payload for _, payload in back.messages()] == [b"1", b"2"]
    house.client("third")
    assert house.client("fourth").connack.reason == Reason.QUOTA_EXCEEDED


async def test_a_fast_sender_is_read_no_faster_than_the_disk_writes() -> None:
    house = House(hears=lambda app, topic: True, limits=BrokerLimits(pending_max=2))
    client = house.client()
    client.publish("a", qos=1, packet_id=1)
    assert not client.wire.paused
    client.publish("a", qos=1, packet_id=2)
    assert client.wire.paused
    await house.written()
    assert not client.wire.paused
    house = House(hears=lambda app, topic: True, limits=BrokerLimits(committing_bytes_max=10))
    client = house.client()
    client.publish("a", qos=0)
    assert client.wire.paused
    await house.written()
    assert not client.wire.paused


async def test_silence_ends_a_connection() -> None:
    house = House()
    mute, idle = house.arrive(), house.client("idle", keep_alive_s=10)
    busy = house.client("busy", version=V311, keep_alive_s=10)
    await house.clock.advance(11)
    house.server.step()
    assert mute.wire.closed
    assert not idle.wire.closed
    busy.say(Pingreq())
    await house.clock.advance(5)
    house.server.step()
    assert idle.ended() == Reason.KEEP_ALIVE_TIMEOUT
    assert not busy.wire.closed


async def test_a_revoked_token_ends_the_connection() -> None:
    house = House()
    one, other = house.client("one", password="user-ada"), house.client("other")
    house.people.revoked.add("user-ada")
    await house.clock.advance(31)
    one.say(Pingreq())
    other.say(Pingreq())
    house.server.step()
    assert one.ended() == Reason.NOT_AUTHORIZED
    assert not other.wire.closed


async def test_one_client_too_many_is_turned_away() -> None:
    house = House(limits=BrokerLimits(connections_max=1))
    house.client("one")
    second = house.arrive()
    assert second.wire.closed
    assert house.server.refused == 1


async def test_goodbye_is_no_death() -> None:
    house = House()
    ear = listener(house)
    client = house.client("c", will=Will(topic="will", payload=b"1"), expiry_s=60)
    await house.server.stop()
    assert client.ended() == Reason.SHUTTING_DOWN
    assert ear.messages() == []
    assert [one.left_at > 0 for one in house.store.load().sessions] == [True]
