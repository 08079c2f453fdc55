"""Queues, topics, schedules and the cache on a real platform: in functions, under bad input."""

import threading
import time
from typing import Any

import pytest

from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
APP = "/apps/shop"
FUNCTIONS = {
    "api/restful/all.py": (
        "from tapwater import cache, queues, schedules, topics\n"
        "from tapwater.services.transport import ServiceError\n\n\n"
        "def get():\n"
        "    id = queues.send('in', {'n': 1}, key='k')\n"
        "    [message] = queues.receive('in')\n"
        "    topics.subscribe('news', 'copy')\n"
        "    topics.publish('news', b'\\x00\\xff')\n"
        "    [copy] = queues.receive('copy')\n"
        "    schedules.set('later', '@daily', target='queue:in')\n"
        "    with cache.lock('l') as lock:\n"
        "        cache.set('a', {'b': 1}, ttl=60)\n"
        "        held = cache.try_lock('l') is None\n"
        "    try:\n"
        "        queues.send('a b', 1)\n"
        "    except ServiceError as error:\n"
        "        code = error.code\n"
        "    return {\n"
        "        'same': message.id == id, 'done': queues.delete('in', message),\n"
        "        'copy': copy.body.hex(), 'schedules': [one.name for one in schedules.all()],\n"
        "        'cached': cache.get('a'), 'held': held, 'code': code,\n"
        "        'count': cache.increment('n'), 'token': lock.token > 0,\n"
        "    }\n"
    ),
    "api/restful/large.py": (
        "from tapwater import queues\n\n\n"
        "def get():\n"
        "    for number in range(4):\n"
        "        queues.send('large', 'x' * 300_000)\n"
        "    sizes = []\n"
        "    while messages := queues.receive('large', count=10):\n"
        "        sizes.append(len(messages))\n"
        "        queues.delete_many('large', messages)\n"
        "    return sizes\n"
    ),
}


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    platform.deploy(FUNCTIONS, "shop")
    return platform


def test_a_function_uses_all_of_it(shop: Platform) -> None:
    answer = shop.visit("shop", "/api-api/all")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "same": True,
        "done": True,
        "copy": "00ff",
        "schedules": ["later"],
        "cached": {"b": 1},
        "held": True,
        "code": "invalid",
        "count": 1,
        "token": True,
    }


def test_a_function_gets_as_many_as_fit_its_line(shop: Platform) -> None:
    assert shop.visit("shop", "/api-api/large").json() == [2, 2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/queues/q/messages", b"{"),
        ("POST", "/queues/q/messages", b"[]"),
        ("POST", "/queues/q/messages", b'{"messages": []}'),
        ("POST", "/queues/q/messages", b'{"messages": [{}]}'),
        ("POST", "/queues/q/messages", b'{"messages": [{"body": 1, "text": "2"}]}'),
        ("POST", "/queues/q/messages", b'{"messages": [{"body": 1, "prio": 2}]}'),
        ("POST", "/queues/q/messages", b'{"messages": [{"body": "\xff"}]}'),
        ("POST", "/queues/q/messages", b'{"messages": [{"base64": "???"}]}'),
        ("POST", "/queues/q/messages", b'{"messages": [{"body": 1, "delay_s": 1e300}]}'),
        (
            "POST",
            "/queues/q/messages",
            b'{"messages": [' + b'{"body": 1},' * 100 + b'{"body": 1}]}',
        ),
        ("POST", "/queues/q/messages", b'{"messages": ' + b"[" * 100_000),
        ("POST", "/queues/q/receive", b'{"count": 0}'),
        ("POST", "/queues/q/receive", b'{"wait_s": 1e9}'),
        ("POST", "/queues/q/receive", b'{"visibility_s": -1}'),
        ("POST", "/queues/q/delete", b'{"receipts": ["x"]}'),
        ("POST", "/queues/q/visibility", b'{"receipts": ["x"], "visibility_s": 1e9}'),
        ("PUT", "/queues/q", b'{"attempts_max": 0, "delay_s": -1}'),
        ("PUT", "/queues/q", b'{"dead_letters": "q"}'),
        ("GET", "/queues/q/messages?limit=0", b""),
        ("GET", "/queues/q/messages?state=odd", b""),
        ("POST", "/topics/t", b'{"messages": [{"body": 1, "attributes": {"Bad-Name": "x"}}]}'),
        ("PUT", "/topics/t%20t/queues/q", b""),
        ("PUT", "/schedules/s", b'{"times": "@daily"}'),
        ("PUT", "/schedules/s", b'{"times": "@daily", "target": "event:tapwater.user.created"}'),
        ("PUT", "/schedules/s", b'{"times": "@daily", "target": "function:../x y"}'),
        ("PUT", "/schedules/s", b'{"times": "@daily", "target": "queue:q", "zone": "Mars/X"}'),
        ("PUT", "/schedules/s", b'{"at": "yesterday", "target": "queue:q"}'),
        ("PUT", "/schedules/s", b'{"at": 1e300, "target": "queue:q"}'),
        ("PUT", "/schedules/s", b'{"at": 5, "target": "queue:q"}'),
        ("GET", "/schedules/-/next", b""),
        ("GET", "/schedules/-/next?times=%2A&zone=UTC", b""),
        ("PUT", "/cache/k", b'{"value": 1, "ttl_s": -1}'),
        ("PUT", "/cache/k", b"{}"),
        ("PUT", "/cache/k", b'{"value": 1, "base64": "AA=="}'),
        ("DELETE", "/cache/k?if_version=x", b""),
        ("POST", "/cache/-/add", b'{"key": "k", "by": "1"}'),
        ("POST", "/cache/-/add", b'{"key": "k", "by": 1e308}'),
        ("POST", "/cache/-/add", b'{"key": "k", "by": 100000000000000000000000000000000000}'),
        ("POST", "/cache/-/get", b'{"keys": [1]}'),
    ],
)
def test_bad_input_is_told_and_nothing_is_kept(
    shop: Platform, method: str, path: str, body: bytes
) -> None:
    answer = shop.api(method, APP + path, content=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"invalid", "too_large", "conflict"}
    names = [one["name"] for one in shop.api("GET", f"{APP}/queues").json()["queues"]]
    assert "q" not in names
    assert shop.api("GET", f"{APP}/schedules/s").status_code == 404
    assert shop.api("GET", f"{APP}/cache/k").status_code == 404


def test_nobody_else_gets_in(shop: Platform) -> None:
    for path in ("/queues", "/schedules", "/cache", "/topics"):
        bare = shop.http.get(f"{shop.url}/_/api/v1{APP}{path}")
        assert bare.status_code == 401
        wrong = {"authorization": "Bearer tap_wrong"}
        assert shop.http.get(f"{shop.url}/_/api/v1{APP}{path}", headers=wrong).status_code == 401


def test_a_long_poll_is_answered_when_the_message_comes(shop: Platform) -> None:
    found: list[Any] = []

    def poll() -> None:
        said = shop.api("POST", f"{APP}/queues/slow/receive", json={"wait_s": 20}).json()
        found.append((time.monotonic(), said["messages"]))

    began = time.monotonic()
    thread = threading.Thread(target=poll)
    thread.start()
    shop.api("POST", f"{APP}/queues/other/messages", json={"messages": [{"body": 1}]})
    shop.api("POST", f"{APP}/queues/slow/messages", json={"messages": [{"body": 2}]})
    thread.join(30)
    ended, messages = found[0]
    assert [one["body"] for one in messages] == [2]
    assert ended - began < 15


def test_an_app_that_goes_takes_all_of_it_along(platform: Platform) -> None:
    platform.deploy({"hello.py": "def get():\n    return 1\n"}, "gone")
    app = "/apps/gone"
    platform.api("POST", f"{app}/queues/q/messages", json={"messages": [{"body": 1}]})
    platform.api("PUT", f"{app}/queues/q", json={"attempts_max": 2}).raise_for_status()
    platform.api("PUT", f"{app}/topics/t/queues/q").raise_for_status()
    made = {"times": "@daily", "target": "queue:q"}
    platform.api("PUT", f"{app}/schedules/s", json=made).raise_for_status()
    platform.api("PUT", f"{app}/cache/k", json={"value": 1}).raise_for_status()
    platform.api("DELETE", app).raise_for_status()
    deploy = {"hello.py": "def get():\n    return 2\n"}
    until(lambda: "revision" in platform.try_deploy(deploy, "gone"), "the app is gone")
    assert platform.api("GET", f"{app}/queues").json() == {"queues": []}
    assert platform.api("GET", f"{app}/topics").json() == {"topics": []}
    assert platform.api("GET", f"{app}/schedules").json()["schedules"] == []
    assert platform.api("GET", f"{app}/cache").json()["keys"] == []
