"""What functions of the event line said, and how to publish to them."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.functional.running import Platform
from tests.functional.waiting import until

APP = "line"
STRUCTURED = {"content-type": "application/cloudevents+json"}

# A line of a function's print() that begins with this is JSON for the test.
MARK = "SAW "
SAY = f"import json\ndef say(**facts):\n    print('{MARK}' + json.dumps(facts))\n"


class Line:
    """An app on a platform, seen from outside."""

    def __init__(self, platform: Platform, app: str = APP) -> None:
        self.platform, self.app = platform, app

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.platform.api(method, f"/apps/{self.app}{path}", **options)

    def publish(self, type: str, data: Any = None, *, id: str, **attributes: Any) -> str:
        """Publish one event; give its id in the log."""
        said = {"specversion": "1.0", "type": type, "id": id, "source": "/events", "data": data}
        answer = self.api("POST", "/events", json={**said, **attributes}, headers=STRUCTURED)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["ids"][0])

    def saw(self, function: str) -> list[dict[str, Any]]:
        """What a function said so far, in the order it said it."""
        lines = self.platform.logs(app=self.app, function=function, limit="1000")
        return [
            json.loads(line["text"].removeprefix(MARK))
            for line in lines
            if line["text"].startswith(MARK)
        ]

    def wait_saw(
        self, function: str, enough: int | Callable[[list[dict[str, Any]]], bool]
    ) -> list[dict[str, Any]]:
        """Wait until a function has said so many things, or enough."""
        seen: list[dict[str, Any]] = []

        def is_enough() -> bool:
            seen[:] = self.saw(function)
            return len(seen) >= enough if isinstance(enough, int) else enough(seen)

        until(is_enough, f"{function} says {enough}")
        return seen

    def deliveries(self, function: str, **query: str) -> list[dict[str, Any]]:
        found = self.api("GET", "/events/deliveries", params={"function": function, **query})
        listed: list[dict[str, Any]] = found.json()["deliveries"]
        return listed

    def dead(self, function: str) -> list[dict[str, Any]]:
        found = self.api("GET", "/events/dead", params={"function": function})
        listed: list[dict[str, Any]] = found.json()["deliveries"]
        return listed

    def wait_dead(self, function: str, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.dead(function)) >= count, f"{count} dead letters of {function}")
        return self.dead(function)

    def wait_quiet(self) -> None:
        """Wait until nothing waits or runs on any line."""

        def is_quiet() -> bool:
            lines = self.api("GET", "/events/lines").json()["lines"]
            return not any(one["waiting"] + one["delayed"] + one["leased"] for one in lines)

        until(is_quiet, "all lines are quiet")
