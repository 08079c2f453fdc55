"""Each option of deliveries on the real platform that test_line.py leaves out."""

from collections.abc import Iterator

import pytest

from tests.functional.events.seeing import SAY, Line
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow
HELD = """
import time
from tapwater import cache
from saying import say

def hold(name):
    cache.set("held", name)
    while cache.get("go") != name:
        time.sleep(0.01)
"""
FILES = {
    "saying.py": SAY,
    "holding.py": HELD,
    "reactive/delayed.py": """
import datetime, time
from tapwater import on
from saying import say

@on.event(type="delayed", delay="700ms")
def told(event):
    say(late=time.time() - datetime.datetime.fromisoformat(event.time).timestamp())
""",
    "reactive/aged.py": """
from tapwater import on
@on.event(type="aged", delay="300ms", max_age="100ms", on_failure="topic:ends")
def told(event):
    raise AssertionError("too old to be begun")
""",
    "reactive/ends.py": """
from tapwater import on
from saying import say

@on.topic("ends")
def told(data: dict):
    say(function=data["outcome"]["function"], reason=data["outcome"]["reason"],
        event=data["event"])
""",
    "reactive/ranked.py": """
from tapwater import on, options
from holding import hold
from saying import say
options(instances=(0, 1))

@on.event(type="ranked.low")
@on.event(type="ranked.high", priority=10)
@on.event(type="ranked.hold", priority=20)
def told(event):
    if event.type == "ranked.hold":
        hold("ranked")
    say(type=event.type)
""",
    "reactive/paced.py": """
import time
from tapwater import on, options
from saying import say
options(rate="4/s per key")

@on.event(type="paced", key="{data.user}", at_once=8)
def told(event):
    say(user=event.data["user"], at=time.time())
""",
    "reactive/two.py": """
import time
from tapwater import on
from saying import say

@on.event(type="two", key="{data.user}", at_once=2)
def told(event):
    began = time.time()
    time.sleep(0.05)
    say(began=began, ended=time.time())
""",
    "reactive/broken.py": """
from tapwater import after_fork, on

@after_fork
def wake():
    raise RuntimeError("no such luck")

@on.event(type="broken", retries=["10ms"])
def told(event):
    pass
""",
}
LATE = """
from tapwater import on
from saying import say

@on.event(type="delayed")
def told(event):
    say(id=event.id)
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Platform(tmp_path_factory.mktemp("options") / "data") as platform:
        platform.deploy(FILES, "line")
        yield Line(platform)


def wait_held(line: Line, name: str) -> None:
    until(
        lambda: line.api("GET", "/cache/held").json().get("value") == name,
        f"the function holds for {name}",
    )


def let_go(line: Line, name: str) -> None:
    assert line.api("PUT", "/cache/go", json={"value": name}).is_success


def waiting(line: Line, name: str) -> int:
    lines = line.api("GET", "/events/lines").json()["lines"]
    return sum(one["waiting"] for one in lines if one["line"].endswith(name))


def test_delay_and_a_replay_to_a_trigger_that_was_added_later(line: Line) -> None:
    id = line.publish("delayed", id="late")
    [seen] = line.wait_saw("delayed", 1)
    assert seen["late"] >= 0.65
    line.platform.deploy({**FILES, "reactive/added.py": LATE}, "line")
    line.publish("delayed", id="later")
    line.wait_saw("added", 1)
    assert [one["id"] for one in line.saw("added")] == ["later"]  # It sees no old events,
    asked = {"since": 0, "type": "delayed", "function": "added"}
    done = line.api("POST", "/events/replay", json=asked).json()
    assert done["events"] == 2
    line.wait_saw("added", lambda seen: {one["id"] for one in seen} == {"late", "later"})
    line.wait_quiet()
    assert len(line.saw("delayed")) == 2, id  # unless they are replayed, and to it alone.


def test_what_waited_too_long_is_not_begun_and_its_end_is_told(line: Line) -> None:
    line.publish("aged", id="old")
    [letter] = line.wait_dead("aged", 1)
    assert letter["reason"] == "it waited longer than 0.1 s"
    ends = line.wait_saw("ends", lambda seen: any(one["function"] == "aged" for one in seen))
    [told] = [one for one in ends if one["function"] == "aged"]
    assert (told["reason"], told["event"]["id"]) == (letter["reason"], "old")


def test_priority(line: Line) -> None:
    line.publish("ranked.hold", id="hold")
    wait_held(line, "ranked")
    for n in range(2):
        line.publish("ranked.low", id=f"low{n}")
    line.publish("ranked.high", id="high")
    until(lambda: waiting(line, "ranked") == 3, "three wait")
    let_go(line, "ranked")
    types = [one["type"].partition(".")[2] for one in line.wait_saw("ranked", 4)]
    assert types == ["hold", "high", "low", "low"]


def test_a_rate_per_key_from_options(line: Line) -> None:
    for n in range(6):
        line.publish("paced", {"user": "ada"}, id=f"ada{n}")
    line.publish("paced", {"user": "bob"}, id="bob")
    seen = line.wait_saw("paced", 7)
    ada = sorted(one["at"] for one in seen if one["user"] == "ada")
    [bob] = [one["at"] for one in seen if one["user"] == "bob"]
    assert ada[5] - ada[0] >= 0.4  # Four may begin at once, the others come evenly.
    assert bob < ada[5]


def test_two_of_a_key_at_once(line: Line) -> None:
    for n in range(8):
        line.publish("two", {"user": "ada"}, id=f"two{n}")
    seen = line.wait_saw("two", 8)
    overlaps = [
        sum(one["began"] <= other["began"] < one["ended"] for one in seen) for other in seen
    ]
    assert max(overlaps) <= 2


def test_a_function_that_cannot_start_uses_up_its_attempts(line: Line) -> None:
    line.publish("broken", id="b1")
    [letter] = line.wait_dead("broken", 1)
    assert letter["attempt"] == 2
    assert "no such luck" in letter["reason"]
