"""MQTT, users and webhooks, as their senders raise them; and what is left of an app that goes."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.events.seeing import SAY, Line
from tests.functional.mqtt.clients import Phone, broker_port
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
FILES = {
    "tapwater.toml": "[users]\nconfirm = true\n",
    "saying.py": SAY,
    "reactive/measured.py": """
from tapwater import on
from saying import say

@on.mqtt("sensors/{id}/+")
def told(event, id: str, data):
    say(id=id, topic=event.subject, data=data, qos=event.extensions["qos"])
""",
    "reactive/people.py": """
from tapwater import on
from saying import say

@on.user_created
@on.user_confirmed
@on.user_deleted
def told(event):
    secrets = [name for name in event.data if "password" in name or "hash" in name]
    say(type=event.type.split(".")[-1], email=event.data["email"], subject=event.subject,
        id=event.data["id"], secrets=secrets)
""",
    "reactive/hook.py": """
from tapwater import on
from saying import say

@on.webhook("github", secret="HOOK", style="github")
def told(event):
    say(body=event.data["body"], subject=event.subject)
""",
    "reactive/mail.py": """
from tapwater import on
@on.message("mail", retries=0)
def told(event):
    raise ValueError("never")
""",
    "reactive/nightly.py": """
from tapwater import on
@on.schedule("0 3 * * *")
def told(event):
    pass
""",
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    settings = {"TAPWATER_MQTT": "1", "TAPWATER_MQTT_PORT": "0", "TAPWATER_DEV": "1"}
    with Platform(tmp_path_factory.mktemp("more") / "data", settings=settings) as platform:
        deploy(platform)
        yield Line(platform)


def deploy(platform: Platform) -> None:
    platform.deploy(FILES, "line")
    platform.api("PUT", "/apps/line/secrets/HOOK", json={"value": "s3cret"})


def fine(line: Line, method: str, path: str, **options: Any) -> Any:
    answer = line.api(method, path, **options)
    assert answer.is_success, answer.text
    return answer


def dead_of(line: Line, queue: str) -> list[Any]:
    found: list[Any] = fine(line, "GET", "/events/dead", params={"queue": queue}).json()[
        "deliveries"
    ]
    return found


def test_mqtt_messages_of_each_quality_are_told(line: Line) -> None:
    port = broker_port(line.platform, app="line")
    with Phone(line.platform, app="line", client_id="thermometer", port=port) as phone:
        for qos in range(3):
            phone.publish(f"sensors/{qos}/heat", json.dumps({"t": 20 + qos}).encode(), qos=qos)
        phone.publish("else/7/heat", b"{}")
        seen = line.wait_saw("measured", 3)
    assert sorted(seen, key=lambda one: str(one["id"])) == [
        {"id": str(n), "topic": f"sensors/{n}/heat", "data": {"t": 20 + n}, "qos": n}
        for n in range(3)
    ]


def test_users_come_are_confirmed_and_go(line: Line) -> None:
    auth = f"{line.platform.url}/_/api/v1/apps/line/auth"
    http = line.platform.http
    said = {"email": "ada@example.com", "password": PASSWORD}
    assert http.post(f"{auth}/sign-up", json=said).status_code == 202
    [mail] = fine(line, "GET", "/mail").json()["mails"]
    text = fine(line, "GET", f"/mail/{mail['id']}").json()["text"]
    link = re.search(r"http\S+/auth/confirm\?code=\S+", text)
    assert link is not None
    where, _, code = link[0].partition("?code=")
    assert http.post(where, data={"code": code}).status_code == 200
    [user] = fine(line, "GET", "/users").json()["users"]
    fine(line, "DELETE", f"/users/{user['id']}")
    seen = line.wait_saw("people", 3)
    assert [one["type"] for one in seen] == ["created", "confirmed", "deleted"]
    assert {(one["email"], one["id"], one["subject"]) for one in seen} == {
        ("ada@example.com", user["id"], user["id"])
    }
    assert all(one["secrets"] == [] for one in seen)


def test_a_webhook_on_the_apps_own_host(line: Line) -> None:
    body = b'{"ref": "main"}'
    mark = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    headers = {
        "x-hub-signature-256": f"sha256={mark}",
        "x-github-event": "push",
        "x-github-delivery": "d1",
        "content-type": "application/json",
    }

    def hook(host: str, headers: dict[str, str]) -> int:
        path = "/_/v1/webhooks/github"
        answer = line.platform.visit(host, path, method="POST", content=body, headers=headers)
        return answer.status_code

    assert hook("line", {**headers, "x-hub-signature-256": "sha256=00"}) == 401
    assert hook("other", headers) == 404
    assert hook("line", headers) == 202
    assert line.wait_saw("hook", 1) == [{"body": {"ref": "main"}, "subject": "push"}]


def test_an_app_that_is_removed_leaves_nothing_behind(line: Line) -> None:
    fine(line, "POST", "/queues/mail/messages", json={"messages": [{"body": 1}]})
    fine(line, "POST", "/queues/other/messages", json={"messages": [{"body": 1}]})
    until(lambda: len(dead_of(line, "mail")) == 1, "the message is a dead letter")
    line.publish("nobody.listens", id="left")
    fine(line, "PUT", "/cache/a", json={"value": 1})
    fine(line, "PUT", "/docs/things/a", json={"n": 1})
    fine(line, "PUT", "/blobs/pics/a.png", content=b"1")
    fine(line, "POST", "/users", json={"email": "bob@example.com", "password": PASSWORD})
    key = {"key": "k", "scope": "s", "lease_s": 60}
    assert fine(line, "POST", "/once/begin", json=key).json()["state"] == "first"
    weekly = {"times": "0 3 * * 1", "target": "queue:other"}
    fine(line, "PUT", "/schedules/weekly", json=weekly)
    assert line.platform.api("DELETE", "/apps/line").is_success
    for path in ("/events", "/queues", "/schedules", "/cache", "/users", "/docs", "/blobs"):
        assert line.api("GET", path).status_code == 404, path
    deploy(line.platform)
    assert fine(line, "GET", "/events").json()["events"] == []
    assert fine(line, "GET", "/events/deliveries").json()["deliveries"] == []
    assert fine(line, "GET", "/events/dead").json()["deliveries"] == []
    queues = fine(line, "GET", "/queues").json()["queues"]
    assert not [one for one in queues if one["name"] == "other"]
    assert not any(one.get("dead") or one.get("waiting") for one in queues)
    assert line.api("GET", "/cache/a").status_code == 404
    assert line.api("GET", "/docs/things/a").status_code == 404
    assert line.api("GET", "/blobs/pics/a.png").status_code == 404
    assert fine(line, "GET", "/users").json()["users"] == []
    assert fine(line, "GET", "/mail").json()["mails"] == []
    assert fine(line, "POST", "/once/begin", json=key).json()["state"] == "first"
    assert fine(line, "GET", "/schedules").json()["schedules"] == []
