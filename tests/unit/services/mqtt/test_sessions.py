"""Sessions over time: kept, taken over, expired, resumed; and how much they may hold."""

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
    ear = house.client("listener")
    ear.subscribe("will")
    ear.hear()
    client = house.client("c", will=Will(topic="will", payload=b"1"), expiry_s=60)
    await house.server.stop()
    assert client.ended() == Reason.SHUTTING_DOWN
    assert ear.messages() == []
    assert [one.left_at > 0 for one in house.store.load().sessions] == [True]
