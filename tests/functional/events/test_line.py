"""From a published event to the function and its end: on a real platform."""

from itertools import pairwise

import pytest

from tests.functional.events.seeing import Line
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


def test_an_event_is_told_with_all_that_was_said_of_it(line: Line) -> None:
    id = line.publish(
        "plain.one",
        {"n": 1},
        id="p1",
        subject="orders/1",
        time="2026-01-02T03:04:05Z",
        shelf=7,
    )
    said = line.wait_saw("plain", lambda seen: any(one["id"] == "p1" for one in seen))
    [seen] = [one for one in said if one["id"] == "p1"]
    assert seen == {
        "id": "p1",
        "type": "plain.one",
        "data": {"n": 1},
        "subject": "orders/1",
        "key": {"shelf": 7},
        "attempt": 1,
        "delivery": True,
        "time": "2026-01-02T03:04:05Z",
    }
    line.wait_quiet()
    shown = line.api("GET", f"/events/{id}").json()
    assert [(one["function"], one["state"]) for one in shown["deliveries"]] == [("plain", "done")]


def test_the_same_id_again_is_told_once(line: Line) -> None:
    for _ in range(3):
        line.publish("plain.twice", id="same")
    line.publish("plain.twice", id="another")
    line.wait_saw("plain", lambda seen: any(one["id"] == "another" for one in seen))
    line.wait_quiet()
    assert sum(one["id"] == "same" for one in line.saw("plain")) == 1


def test_retries_then_a_good_end(line: Line) -> None:
    line.publish("fails", {"good_at": 3}, id="f1")
    seen = line.wait_saw("fails", lambda seen: any(one["attempt"] == 3 for one in seen))
    assert [one["attempt"] for one in seen if one["id"] == "f1"] == [1, 2, 3]
    line.wait_quiet()
    assert not [one for one in line.dead("fails") if one["event"] == "f1"]


def test_a_dead_letter_is_shown_told_and_replayed(line: Line) -> None:
    line.publish("fails", {}, id="f2")
    [letter] = [one for one in line.wait_dead("fails", 1) if one["event"] == "f2"]
    assert letter["attempt"] == 3
    assert letter["reason"] == "user_error: RuntimeError: not yet (attempt 3 of 3)"
    shown = line.api("GET", f"/events/dead/{letter['id']}").json()
    assert shown["body"]["data"] == {}
    wanted = f"a dead letter: {letter['reason']}; `tapwater events dead`"
    until(lambda: any(one.startswith(wanted) for one in _said(line)), "the app's log says so")
    [told] = line.wait_saw("told_of_ends", 1)
    assert told["type"] == "tapwater.delivery.failed"
    assert (told["event"], told["reason"]) == ("f2", letter["reason"])
    done = line.api("POST", "/events/dead/replay", json={"ids": [letter["id"]]}).json()
    assert done == {"count": 1, "ids": [letter["id"]]}
    line.wait_saw("fails", lambda seen: sum(one["id"] == "f2" for one in seen) == 6)
    line.wait_dead("fails", 1)
    assert line.api("DELETE", f"/events/dead/{letter['id']}").status_code == 204
    assert not [one for one in line.dead("fails") if one["event"] == "f2"]


def _said(line: Line) -> list[str]:
    found = line.platform.logs(app="line", function="fails", level="error")
    return [one["text"] for one in found]


def test_a_good_end_is_told_to_a_queue_and_consumed(line: Line) -> None:
    line.publish("succeeds", 7, id="s1")
    [seen] = line.wait_saw("takes_ends", 1)
    assert seen == {"event": "s1", "answer": '{"fine":7}', "good": True}


def test_an_event_that_kills_its_instance_each_time_ends_as_a_dead_letter(line: Line) -> None:
    line.publish("poison", id="x1")
    [letter] = line.wait_dead("poison", 1)
    assert letter["reason"].startswith("crashed: ")
    assert letter["attempt"] == 2


def test_what_does_not_fit_is_a_dead_letter_at_once(line: Line) -> None:
    line.publish("typed", {"number": "seven"}, id="t1")
    line.publish("typed", {"number": 7}, id="t2")
    [letter] = line.wait_dead("typed", 1)
    assert (letter["reason"], letter["attempt"]) == ("answered with status 422", 1)
    assert line.wait_saw("typed", 1) == [{"number": 7}]


def test_order_per_key_holds_also_when_one_fails(line: Line) -> None:
    for n in range(10):
        for user in ("ada", "bob"):
            fails = user == "ada" and n in {0, 4}
            line.publish("ordered", {"user": user, "n": n, "fails": fails}, id=f"{user}{n}")
    seen = line.wait_saw("ordered", 20)
    for user in ("ada", "bob"):
        assert [one["n"] for one in seen if one["user"] == user] == list(range(10))


def test_one_at_a_time(line: Line) -> None:
    for n in range(5):
        line.publish("single", id=f"single{n}")
    seen = sorted(line.wait_saw("single", 5), key=lambda one: one["began"])
    assert all(one["ended"] <= two["began"] for one, two in pairwise(seen))


def test_batches_are_filled_and_fail_in_part(line: Line) -> None:
    messages = [{"body": {"n": n, "fails_until": 2 if n == 3 else 0}} for n in range(12)]
    sent = line.api("POST", "/queues/readings/messages", json={"messages": messages})
    assert sent.status_code == 200, sent.text

    def all_fine(seen: list[dict[str, object]]) -> bool:
        return [3] in [one["ns"] for one in seen] and len(seen) >= 4

    seen = line.wait_saw("batched", all_fine)
    assert max(len(one["ns"]) for one in seen) == 5
    told = [n for one in seen for n in one["ns"]]
    assert {n: told.count(n) for n in set(told)} == {n: 3 if n == 3 else 1 for n in range(12)}
    line.wait_quiet()
    assert line.api("GET", "/events/dead", params={"queue": "readings"}).json()["deliveries"] == []


def test_a_loop_is_stopped_and_shown(line: Line) -> None:
    line.publish("loop.start", id="l1")
    [letter] = line.wait_dead("echo", 1)
    assert "loop" in letter["reason"]
    assert "loop.start /events → loop.again /events" in letter["reason"]
    assert letter["root"] == "l1"
    assert letter["depth"] == 17


def test_a_quick_series_is_told_once(line: Line) -> None:
    for n in range(5):
        line.publish("debounced", n, id=f"d{n}", subject="a")
    line.publish("debounced", 99, id="d99", subject="b")
    seen = line.wait_saw("debounced", 2)
    line.wait_quiet()
    assert (
        sorted(one["n"] for one in line.saw("debounced"))
        == sorted(one["n"] for one in seen)
        == [4, 99]
    )


def test_a_rate_is_kept(line: Line) -> None:
    for n in range(30):
        line.publish("paced", id=f"pace{n}")
    times = sorted(one["at"] for one in line.wait_saw("paced", 30))
    # 20 may begin at once (a second's worth); the others come evenly.
    assert times[29] - times[0] >= 0.4


def test_each_of_several_triggers_is_heard(line: Line) -> None:
    line.publish("several.a", id="sa")
    line.publish("several.b", id="sb")
    assert sorted(one["type"] for one in line.wait_saw("several", 2)) == ["several.a", "several.b"]


def test_a_replay_tells_events_once_more(line: Line) -> None:
    line.publish("plain.replayed", id="r1")
    line.wait_saw("plain", lambda seen: any(one["id"] == "r1" for one in seen))
    asked = {"since": 0, "type": "plain.replayed", "function": "plain"}
    done = line.api("POST", "/events/replay", json=asked).json()
    assert (done["events"], done["deliveries"], done["complete"]) == (1, 1, True)
    line.wait_saw("plain", lambda seen: sum(one["id"] == "r1" for one in seen) == 2)


def test_a_background_call_has_a_result(line: Line) -> None:
    asked = {"function": "plain", "data": [1, 2], "id": "call-1"}
    first = line.api("POST", "/events/calls", json=asked)
    assert first.status_code == 202
    id = first.json()["id"]
    assert line.api("POST", "/events/calls", json=asked).json()["id"] == id
    line.wait_quiet()
    shown = line.api("GET", f"/events/deliveries/{id}").json()
    assert shown["state"] == "done"
    assert shown["result"]["status"] == 200


def test_what_is_done_once_is_done_once_also_in_async_code(line: Line) -> None:
    answers = [
        line.platform.visit("line", "/pay_async", method="POST", params={"card": "a"}).json()
        for _ in range(2)
    ]
    assert answers == [{"first": True}, {"first": False}]


def test_what_is_done_once_is_done_once(line: Line) -> None:
    def pay(card: str, **more: str) -> int | bool:
        query = {"card": card, **more}
        answer = line.platform.visit("line", "/pay", method="POST", params=query)
        return bool(answer.json()["first"]) if answer.status_code == 200 else answer.status_code

    assert pay("visa", fails="true") == 500
    assert [pay("visa"), pay("visa"), pay("other")] == [True, False, True]


def test_a_client_cannot_pretend_to_be_a_delivery(line: Line) -> None:
    answer = line.platform.visit(
        "line", "/which", headers={"tapwater-delivery": "evil", "tapwater-attempt": "9"}
    )
    assert answer.json() == {"delivery": "", "attempt": 1}
