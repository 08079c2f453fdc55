"""Each exchange of the protocol: what is answered, when, and what is kept."""

import pytest

from tapwater_server.services.mqtt.codec.packets import (
    V311,
    Ack,
    Connack,
    Kind,
    Pingreq,
    Pingresp,
    Properties,
    Publish,
    Suback,
    Unsuback,
    Unsubscribe,
)
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.limits import BrokerLimits
from tests.unit.services.mqtt.talking import BLOG, SHOP, House, Talker


def acks(talker: Talker) -> list[tuple[Kind, int, Reason]]:
    return [(one.kind, one.packet_id, one.reason) for one in talker.heard(Ack)]


async def test_a_client_comes_in_and_is_told_what_it_may() -> None:
    client = House().client("", keep_alive_s=600)
    said = client.connack.properties
    assert client.connack.reason == Reason.SUCCESS
    assert said.assigned_client_id
    assert said.server_keep_alive_s == 60
    assert (said.receive_maximum, said.topic_alias_maximum) == (2_048, 64)
    client.say(Pingreq())
    assert client.hear() == [Pingresp()]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"password": "wrong"}, Reason.BAD_CREDENTIALS),
        ({"password": "token-of-blog"}, Reason.BAD_CREDENTIALS),
        ({"app": "nothere"}, Reason.BAD_CREDENTIALS),
        ({"app": "Not An App"}, Reason.BAD_CREDENTIALS),
        ({"password": None}, Reason.NOT_AUTHORIZED),
        ({"client_id": "x" * 300}, Reason.BAD_CLIENT_ID),
        ({"properties": Properties(authentication_method="SCRAM")},
         Reason.BAD_AUTHENTICATION_METHOD),
    ],
)  # fmt: skip
async def test_who_may_not_come_in_is_told_why(said: dict[str, object], reason: Reason) -> None:
    client = House().arrive()
    client.connect(**{"client_id": "c", **said})  # type: ignore[arg-type]
    assert client.connack.reason == reason
    assert client.wire.closed


async def test_the_first_packet_is_connect_and_only_the_first() -> None:
    house = House()
    client = house.arrive()
    client.say(Pingreq())
    assert client.wire.closed
    client = house.client()
    client.say(Pingreq())
    client.connection.data_received(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00")
    assert client.ended() == Reason.PROTOCOL_ERROR


async def test_an_old_version_is_refused_in_words_it_knows() -> None:
    client = House().arrive()
    client.connection.data_received(b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00")
    assert bytes(client.wire.written) == b"\x20\x02\x00\x01"


async def test_qos_0_1_2_arrive_once_each() -> None:
    house = House()
    client = house.client()
    assert client.subscribed("a/+") == Reason.GRANTED_2
    for qos in (0, 1, 2):
        client.publish("a/b", b"%d" % qos, qos, packet_id=qos)
    answers = client.hear()
    got = [one for one in answers if isinstance(one, Publish)]
    assert [(one.payload, one.qos, one.dup) for one in got] == [
        (b"0", 0, False),
        (b"1", 1, False),
        (b"2", 2, False),
    ]
    client.ack(Kind.PUBREL, 2)
    client.ack(Kind.PUBACK, got[1].packet_id)
    client.ack(Kind.PUBREC, got[2].packet_id)
    client.ack(Kind.PUBCOMP, got[2].packet_id)
    assert acks(client) == [
        (Kind.PUBCOMP, 2, Reason.SUCCESS),
        (Kind.PUBREL, got[2].packet_id, Reason.SUCCESS),
    ]
    session = house.broker.space(SHOP).sessions["c"]
    assert (session.waiting(), session.under_way()) == (0, 0)


async def test_accepted_means_durable() -> None:
    house = House(hears=lambda app, topic: topic == "heard")
    client = house.client()
    client.publish("nobody", qos=1, packet_id=1)
    assert acks(client) == [(Kind.PUBACK, 1, Reason.NO_MATCHING_SUBSCRIBERS)]
    client.publish("heard", b'{"t":1}', qos=1, packet_id=2)
    client.publish("nobody", qos=1, packet_id=3)
    assert client.hear() == []  # The second is ready, but acknowledgements keep their order.
    await house.written()
    assert [id for _, id, _ in acks(client)] == [2, 3]
    [event] = await house.events()
    assert (event.app, event.subject, event.data) == (SHOP, "heard", b'{"t":1}')
    assert (event.content_type, event.key) == ("application/json", "heard")
    assert event.extensions == {"qos": 1, "retain": False, "client": "c"}


async def test_what_could_not_be_kept_is_not_acknowledged() -> None:
    house = House(hears=lambda app, topic: True)
    house.log.broken = True
    client, listener = house.client("c", expiry_s=60), house.client("l")
    listener.subscribe("#")
    client.publish("a", b"1", qos=1, packet_id=7)
    await house.written()
    assert client.ended() == Reason.IMPLEMENTATION
    assert client.wire.closed
    client.break_off()
    assert listener.messages() == []
    house.log.broken = False
    client = house.client("c", expiry_s=60, clean=False)
    assert client.connack.session_present
    client.publish("a", b"1", qos=1, packet_id=7, dup=True)
    await house.written()
    assert acks(client) == [(Kind.PUBACK, 7, Reason.SUCCESS)]
    assert listener.messages() == [("a", b"1")]
    assert len(await house.events()) == 1
    assert house.broker.stats().commit_failures == 1


async def test_one_that_fails_takes_no_other_with_it() -> None:
    house = House(hears=lambda app, topic: True)
    house.log.refuses = "bad"
    good, bad = house.client("good"), house.client("bad")
    good.publish("a", qos=1, packet_id=1)
    bad.publish("bad", qos=1, packet_id=2)
    good.publish("b", qos=1, packet_id=3)
    await house.written()
    assert [id for _, id, _ in acks(good)] == [1, 3]
    assert bad.ended() == Reason.IMPLEMENTATION
    assert [event.subject for event in await house.events()] == ["a", "b"]


async def test_a_promise_is_told_when_the_log_works_again() -> None:
    house = House(hears=lambda app, topic: True)
    client = house.client(expiry_s=60)
    house.log.broken = True
    client.publish("a", b"p", qos=2, packet_id=7)
    await house.written()
    assert acks(client) == [(Kind.PUBREC, 7, Reason.SUCCESS)]  # The promise is on disk.
    house.log.broken = False
    house.broker.step()
    await house.written()
    assert [event.data for event in await house.events()] == [b"p"]
    assert list(house.store.load().promises) == []


async def test_qos_2_is_taken_once_also_over_a_kill() -> None:
    house = House(hears=lambda app, topic: True)
    client = house.client(expiry_s=60)
    client.publish("a", qos=2, packet_id=7)
    client.publish("a", qos=2, packet_id=7, dup=True)
    await house.written()
    assert acks(client) == [(Kind.PUBREC, 7, Reason.SUCCESS)] * 2
    house = await house.again()
    client = house.client(expiry_s=60, clean=False)
    assert client.connack.session_present
    client.publish("a", qos=2, packet_id=7, dup=True)
    await house.written()
    client.ack(Kind.PUBREL, 7)
    assert acks(client) == [(Kind.PUBREC, 7, Reason.SUCCESS)]
    await house.written()
    assert acks(client) == [(Kind.PUBCOMP, 7, Reason.SUCCESS)]
    assert len(await house.events()) == 1
    client.ack(Kind.PUBREL, 7)
    assert acks(client) == [(Kind.PUBCOMP, 7, Reason.PACKET_ID_NOT_FOUND)]
    client.publish("a", qos=2, packet_id=7)
    await house.written()
    assert len(await house.events()) == 2


async def test_killed_between_the_promise_and_the_log() -> None:
    house = House(hears=lambda app, topic: True)
    client = house.client(expiry_s=60)
    house.log.broken = True  # The promise is written, the event is not.
    client.publish("a", b"p", qos=2, packet_id=7)
    await house.written()
    house.log.broken = False
    house = await house.again()
    assert [event.data for event in await house.events()] == [b"p"]
    client = house.client(expiry_s=60, clean=False)
    client.publish("a", b"p", qos=2, packet_id=7, dup=True)
    await house.written()
    assert [event.data for event in await house.events()] == [b"p"]
    assert list(house.store.load().promises) == []


async def test_a_subscription_is_safe_before_it_is_granted() -> None:
    house = House()
    client = house.client(expiry_s=60)
    client.subscribe("a/#", 1)
    assert client.heard(Suback) == []
    await house.written()
    assert [one.reasons for one in client.heard(Suback)] == [(Reason.GRANTED_1,)]
    client.say(Unsubscribe(packet_id=4, filters=("a/#", "b")))
    await house.written()
    [said] = client.heard(Unsuback)
    assert said.reasons == (Reason.SUCCESS, Reason.NO_SUBSCRIPTION_EXISTED)
    assert list(house.store.load().subscriptions) == []


@pytest.mark.parametrize("filter", ["a#", "$share/g", "$share//a"])
async def test_no_filter_no_subscription(filter: str) -> None:
    assert House().client().subscribed(filter) == Reason.FILTER_INVALID


async def test_topic_aliases_of_the_client() -> None:
    house = House()
    client = house.client()
    client.subscribe("#")
    client.publish("a", b"1", properties=Properties(topic_alias=3))
    client.publish("", b"2", properties=Properties(topic_alias=3))
    assert client.messages() == [("a", b"1"), ("a", b"2")]
    client.publish("", properties=Properties(topic_alias=4))
    assert client.ended() == Reason.ALIAS_INVALID
    for alias in (0, 65):
        client = house.client()
        client.publish("a", properties=Properties(topic_alias=alias))
        assert client.ended() == Reason.ALIAS_INVALID


async def test_topic_aliases_of_the_server() -> None:
    client = House().client(properties=Properties(topic_alias_maximum=1))
    client.subscribe("#")
    for topic in ("a", "a", "b"):
        client.publish(topic)
    got = client.heard(Publish)
    assert [(one.topic, one.properties.topic_alias) for one in got] == [
        ("a", 1),
        ("", 1),
        ("b", None),
    ]


async def test_too_many_under_way() -> None:
    house = House(limits=BrokerLimits(receive_max=2))
    client = house.client()
    for id in (1, 2, 3):
        client.publish("a", qos=2, packet_id=id)
    assert client.ended() == Reason.RECEIVE_MAXIMUM_EXCEEDED
    old = house.client("old", version=V311)
    for id in (1, 2, 3):
        old.publish("a", qos=2, packet_id=id)
    assert [id for _, id, _ in acks(old)] == [1, 2, 3]  # 3.1.1 knows of no such limit.


async def test_no_more_to_a_client_than_it_can_take() -> None:
    client = House().client(properties=Properties(receive_maximum=2))
    client.subscribe("#", 1)
    for n in range(4):
        client.publish("a", b"%d" % n, qos=1, packet_id=n + 1)
    got = client.heard(Publish)
    assert [one.payload for one in got] == [b"0", b"1"]
    client.ack(Kind.PUBACK, got[0].packet_id)
    assert client.messages() == [("a", b"2")]
    client.ack(Kind.PUBACK, 4_711)  # of nothing
    assert client.messages() == []


async def test_packets_larger_than_a_side_takes() -> None:
    house = House(limits=BrokerLimits(packet_bytes_max=100))
    client = house.client(properties=Properties(packet_bytes_max=40))
    client.subscribe("#", 1)
    client.publish("a", b"x" * 60, qos=1, packet_id=1)
    client.publish("a", b"y", qos=1, packet_id=2)
    assert client.messages() == [("a", b"y")]
    client.publish("a", b"x" * 200)
    assert client.ended() == Reason.PACKET_TOO_LARGE


async def test_apps_do_not_hear_each_other() -> None:
    house = House()
    shop, blog = house.client("same"), house.client("same", app="blog")
    for client in (shop, blog):
        client.subscribe("#")
    shop.publish("a", b"1", retain=True)
    assert shop.messages() == [("a", b"1")]
    assert blog.messages() == []
    assert set(house.broker.spaces) == {SHOP, BLOG}
    await house.sessions.erase(SHOP)
    assert shop.ended() == Reason.ADMINISTRATIVE
    assert not blog.wire.closed


async def test_users_do_what_the_rules_allow() -> None:
    house = House()
    ada = house.client("phone", password="user-ada")
    assert ada.subscribed("ada/#") == Reason.GRANTED_2
    assert ada.subscribed("bob/#") == Reason.NOT_AUTHORIZED
    assert ada.subscribed("#") == Reason.GRANTED_2  # The rule allows it; each message is asked.
    ada.publish("bob/x", qos=1, packet_id=1)
    assert acks(ada) == [(Kind.PUBACK, 1, Reason.NOT_AUTHORIZED)]
    trusted = house.client("t")
    trusted.publish("bob/secret")
    trusted.publish("ada/hello")
    assert ada.messages() == [("ada/hello", b"x")]
    bob = house.client("phone", password="user-bob")  # The same client id is another session.
    assert bob.connack.reason == Reason.SUCCESS
    assert not ada.wire.closed


async def test_over_budget_nothing_is_taken_and_each_client_learns_of_it() -> None:
    house = House()
    listener, five, three = house.client("l"), house.client("five"), house.client("3", version=4)
    assert listener.subscribed("#") == Reason.GRANTED_2
    house.over_budget.add(SHOP)
    for qos in (0, 1, 2):
        five.publish("a", qos=qos, packet_id=qos)
    assert acks(five) == [
        (Kind.PUBACK, 1, Reason.QUOTA_EXCEEDED),
        (Kind.PUBREC, 2, Reason.QUOTA_EXCEEDED),
    ]
    three.publish("a", qos=1)
    assert acks(three) == []  # It has it still.
    assert three.wire.closed
    house.over_budget.clear()
    five.publish("a")
    assert listener.messages() == [("a", b"x")]


async def test_nobody_may_speak_for_the_broker() -> None:
    client = House().client()
    client.publish("$SYS/broker/version", qos=1, packet_id=1)
    assert acks(client) == [(Kind.PUBACK, 1, Reason.NOT_AUTHORIZED)]
    client.subscribe("$SYS/#")
    said = dict(client.messages())
    assert said["$SYS/broker/clients/connected"] == b"1"


async def test_311_says_less() -> None:
    house = House()
    client = house.client("", version=V311)
    assert client.connack == Connack()
    assert house.client("", version=V311, clean=False).connack.reason == Reason.BAD_CLIENT_ID
    client.subscribe("a#")
    assert [one.reasons for one in client.heard(Suback)] == [(Reason.UNSPECIFIED,)]
