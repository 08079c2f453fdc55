"""An error in production, recorded, run again: on the platform."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.functional.replay.rig import APP, FIXED, failed
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
EMPTY = {"id": "a", "sum": 10, "items": 0}


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    """The shop, as it was deployed with its error."""
    secret = platform.api("PUT", "/apps/shop/secrets/STRIPE", json={"value": "sk-4242-4242"})
    assert secret.status_code < 300, secret.text
    platform.deploy(APP, "shop")
    return platform


def replay(shop: Platform, id: str, **asked: Any) -> dict[str, Any]:
    answer = shop.api("POST", f"/invocations/{id}/replay", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def document(shop: Platform, path: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.api("GET", f"/apps/shop/docs/{path}").json()
    return found


def test_an_error_is_recorded_whole(shop: Platform) -> None:
    id = failed(shop, json=EMPTY, headers={"x-shop": "7"})
    found = shop.api("GET", f"/recordings/{id}").json()
    assert (found["why"], found["number"], found["file"]) == ("error", 1, "orders/restful/total.py")
    assert json.loads(found["request"]["body"]) == EMPTY
    assert ["x-shop", "7"] in found["request"]["headers"]
    assert found["outcome"]["message"] == "ZeroDivisionError: division by zero"
    assert [(one["topic"], one["told"]) for one in found["questions"]] == [
        ("POST /docs-commit set orders/a", "status 200")
    ]
    listed = shop.api("GET", "/recordings", params={"app": "shop"}).json()["recordings"]
    assert listed[0]["id"] == id


def test_its_own_revision_fails_again_and_touches_nothing(shop: Platform) -> None:
    id = failed(shop, json={**EMPTY, "id": "b"})
    before = document(shop, "orders/b")["version"]
    found = replay(shop, id)
    assert found["differences"] == []
    assert (found["before"]["message"], found["number"]) == (found["after"]["message"], 1)
    assert found["unknown"] == []
    assert document(shop, "orders/b")["version"] == before

    def noted() -> bool:
        records = {one["id"]: one for one in shop.records(app="shop")}
        record = records.get(found["invocation"])
        return record is not None and record["replay_of"] == id

    until(noted, "the replay has a record of its own")


def test_live_bindings_touch_live_data(shop: Platform) -> None:
    id = failed(shop, json={**EMPTY, "id": "c"})
    before = document(shop, "orders/c")["version"]
    replay(shop, id, bindings="live")
    assert document(shop, "orders/c")["version"] > before


def test_a_fixed_revision_shows_the_difference(shop: Platform) -> None:
    id = failed(shop, json=EMPTY)
    number = shop.deploy({**APP, "orders/restful/total.py": FIXED}, "shop")["number"]
    try:
        found = replay(shop, id, revision=number)
        assert replay(shop, id, revision="live")["differences"] == found["differences"]
        assert replay(shop, id)["differences"] == []
    finally:
        shop.deploy(APP, "shop")
    told = [(one["what"], one["before"], one["after"]) for one in found["differences"]]
    assert ("ending", "user_error", "ok") in told
    assert ("status", None, 200) in told
    assert ("body", None, '{"order": "a", "average": 0}') in told


def test_a_question_that_was_not_asked_then_fails_clearly(shop: Platform) -> None:
    id = failed(shop, json={**EMPTY, "id": "d"})
    asks_more = APP["orders/restful/total.py"].replace(
        "    average", "    docs.get('prices/now')\n    average"
    )
    number = shop.deploy({**APP, "orders/restful/total.py": asks_more}, "shop")["number"]
    found = replay(shop, id, revision=number)
    assert found["unknown"] == ["GET /docs/prices/now"]
    assert "the recording has no answer to GET /docs/prices/now" in found["after"]["message"]
    asked = [one for one in found["differences"] if one["what"] == "question"]
    assert asked == [
        {"what": "question", "at": "GET /docs/prices/now", "before": None, "after": "asked"}
    ]
    again = replay(shop, id, revision=number, unknown="live")
    assert again["after"]["message"] == found["before"]["message"]


def test_calls_between_functions_are_answered_from_the_recording(shop: Platform) -> None:
    id = failed(shop, "/orders-api/calls", json={"n": 5})
    found = shop.api("GET", f"/recordings/{id}").json()
    assert [one["topic"] for one in found["questions"]] == ["call orders/waits"]
    calls = len(shop.records(function="orders/waits"))
    assert replay(shop, id)["differences"] == []
    assert len(shop.records(function="orders/waits")) == calls


def test_secrets_are_nowhere_on_disk(shop: Platform) -> None:
    headers = {"authorization": "Bearer swordfish-in-a-header", "x-why": "sk-4242-4242"}
    id = failed(shop, "/orders-api/key?token=swordfish-in-a-query", headers=headers)
    found = shop.api("GET", f"/recordings/{id}").json()
    told = json.dumps(found)
    assert "swordfish" not in told
    assert "sk-4242" not in told
    assert [one["told"] for one in found["questions"]] == ["not recorded"]
    for file in Path(shop.data).glob("recordings.db*"):
        raw = file.read_bytes()
        assert b"swordfish" not in raw
        assert b"sk-4242" not in raw
    # Masked or not, the call can be run again: secrets are asked for anew.
    assert replay(shop, id)["differences"] == []


def test_a_function_may_want_no_recording(shop: Platform) -> None:
    id = failed(shop, "/orders-api/quiet")
    answer = shop.api("GET", f"/recordings/{id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_who_may_not_know_the_app_finds_nothing(shop: Platform) -> None:
    id = failed(shop, json=EMPTY)
    made = shop.api("POST", "/tokens", json={"name": "other", "apps": ["other"]}).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    for method, path in (("GET", f"/recordings/{id}"), ("POST", f"/invocations/{id}/replay")):
        answer = shop.api(method, path, headers=headers, json={} if method == "POST" else None)
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"revision": 99}, 404), ({"bindings": "perhaps"}, 400), ({"nothing": 1}, 400)],
)
def test_what_cannot_be_asked(shop: Platform, asked: dict[str, Any], status: int) -> None:
    id = failed(shop, json=EMPTY)
    assert shop.api("POST", f"/invocations/{id}/replay", json=asked).status_code == status


def test_what_is_not_recorded_cannot_be_replayed(shop: Platform) -> None:
    assert shop.api("POST", "/invocations/01NOTHING/replay", json={}).status_code == 404
    id = failed(shop, json={**EMPTY, "fill": "x" * (300 << 10)})
    answer = shop.api("POST", f"/invocations/{id}/replay", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_an_app_takes_its_recordings_along(own_platform: Platform) -> None:
    own_platform.deploy(APP, "shop")
    id = failed(own_platform, json=EMPTY)
    assert own_platform.api("GET", f"/recordings/{id}").status_code == 200
    own_platform.api("DELETE", "/apps/shop").raise_for_status()
    until(
        lambda: own_platform.api("GET", f"/recordings/{id}").status_code == 404,
        "the recording is gone",
    )
