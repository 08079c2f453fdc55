"""One app with a function for each behaviour, shared by the tests of the event line."""

from collections.abc import Iterator

import pytest

from tests.functional.events.seeing import SAY, Line
from tests.functional.running import Platform

FILES = {
    "saying.py": SAY,
    "reactive/plain.py": """
from tapwater import on
from saying import say

@on.event(type="plain.*", source="/events")
def told(event, ctx):
    say(id=event.id, type=event.type, data=event.data, subject=event.subject, key=event.extensions,
        attempt=ctx.attempt, delivery=ctx.delivery == event.delivery, time=event.time)
    return {"seen": event.id}
""",
    "reactive/fails.py": """
from tapwater import on
from saying import say

@on.event(type="fails", retries=["10ms", "20ms"], on_failure="function:told_of_ends")
def told(event, ctx):
    say(id=event.id, attempt=ctx.attempt)
    if event.data.get("good_at") != ctx.attempt:
        raise RuntimeError("not yet")
""",
    "reactive/succeeds.py": """
from tapwater import on

@on.event(type="succeeds", on_success="queue:ends")
def told(event):
    return {"fine": event.data}
""",
    "reactive/takes_ends.py": """
from tapwater import on
from saying import say

@on.message("ends")
def told(data: dict):
    say(event=data["event"]["id"], answer=data["outcome"]["answer"], good=data["outcome"]["good"])
""",
    "reactive/told_of_ends.py": """
from tapwater import on
from saying import say

@on.event(type="never.published")
def told(event):
    say(type=event.type, event=event.data["event"]["id"], reason=event.data["outcome"]["reason"])
""",
    "reactive/poison.py": """
import os
from tapwater import on

@on.event(type="poison", retries=["10ms"])
def told(event):
    os._exit(9)
""",
    "reactive/ordered.py": """
from tapwater import on, options
from saying import say
options(concurrency=4)

@on.event(type="ordered", key="{data.user}", retries=["50ms"])
def told(event, ctx):
    if event.data.get("fails") and ctx.attempt == 1:
        raise RuntimeError("once")
    say(user=event.data["user"], n=event.data["n"])
""",
    "reactive/batched.py": """
from tapwater import BatchFailed, Event, on
from saying import say

@on.batch("readings", size=5, window="300ms", retries=["20ms", "20ms"])
def told(events: list[Event], messages: list[dict]):
    say(ns=[one["n"] for one in messages], attempts=[one.attempt for one in events])
    failed = [one for one in events if one.data.get("fails_until", 0) >= one.attempt]
    if failed:
        raise BatchFailed(failed)
""",
    "reactive/echo.py": """
from tapwater import events, on

@on.event(type="loop.*")
def told(event, ctx):
    events.publish("loop.again", {"depth": ctx.depth}, id=f"{event.id}+")
""",
    "reactive/typed.py": """
from dataclasses import dataclass
from tapwater import on
from saying import say

@dataclass
class Order:
    number: int

@on.event(type="typed")
def told(data: Order):
    say(number=data.number)
""",
    "reactive/debounced.py": """
from tapwater import on
from saying import say

@on.event(type="debounced", debounce="300ms", key="subject")
def told(event):
    say(n=event.data)
""",
    "reactive/paced.py": """
import time
from tapwater import on
from saying import say

@on.event(type="paced", rate="20/s")
def told(event):
    say(at=time.time())
""",
    "reactive/single.py": """
import time
from tapwater import on
from saying import say

@on.event(type="single", at_once=1)
def told(event):
    began = time.time()
    time.sleep(0.02)
    say(began=began, ended=time.time())
""",
    "reactive/hook.py": """
from tapwater import on
from saying import say

@on.webhook("github", secret="HOOK", style="github")
def told(event):
    say(subject=event.subject, body=event.data["body"], headers=sorted(event.data["headers"]))
""",
    "reactive/slacked.py": """
from tapwater import on

@on.webhook("slack", secret="HOOK", style="slack")
def told(event):
    pass
""",
    "reactive/several.py": """
from tapwater import on
from saying import say

@on.event(type="several.a")
@on.event(type="several.b", retries=0)
def told(event):
    say(type=event.type)
""",
    "restful/which.py": """
def get(ctx):
    return {"delivery": ctx.delivery, "attempt": ctx.attempt}
""",
    "restful/pay_async.py": """
async def post(ctx, card: str):
    async with ctx.once(card) as first:
        return {"first": first}
""",
    "restful/pay.py": """
def post(ctx, card: str, fails: bool = False):
    with ctx.once(card) as first:
        if fails:
            raise RuntimeError("inside")
        return {"first": first}
""",
}


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The app, deployed on a platform of its own."""
    with Platform(tmp_path_factory.mktemp("events") / "data") as platform:
        platform.deploy(FILES, "line")
        platform.api("PUT", "/apps/line/secrets/HOOK", json={"value": "s3cret"})
        yield Line(platform)
