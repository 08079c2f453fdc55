"""Schedules in memory. Nothing runs by itself: a test looks at them, or calls ``due()``.

It does not read cron: ``next`` is always None, and what only looks like times is taken for them.
"""

import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request
from tapwater.testing.fakes.answering import Answers, body_of, invalid, not_found

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TARGET = re.compile(r"(function|queue|topic|event):.+")
_TIMES = re.compile(r"(\S+ ){4,5}\S+|@[a-z]+|every (\d+[smhd])+")
_USUAL: dict[str, Any] = {
    "times": "",
    "at": None,
    "zone": "UTC",
    "payload": None,
    "missed": "once",
    "overlap": "skip",
    "paused": False,
}
_CHOICES = {"missed": ("skip", "once", "all"), "overlap": ("skip", "wait", "allow")}


@dataclass
class FakeSchedules:
    """``schedules`` by name, as the API says them; ``runs`` are the names that were run.

    ``functions`` are those of which it knows that they have a schedule in their files.
    """

    prefixes: tuple[str, ...] = ("/schedules",)
    functions: set[str] = field(default_factory=set)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._count = count(1)
        one = "/schedules/{name}"
        self._answers = Answers(
            ("GET", "/schedules", self._list),
            ("GET", "/schedules/-/next", self._preview),
            ("POST", "/schedules/-/run", self._run_function),
            ("PUT", one, self._put),
            ("GET", one, self._get),
            ("DELETE", one, self._remove),
            ("POST", f"{one}/pause", self._pause),
            ("POST", f"{one}/resume", self._resume),
            ("POST", f"{one}/run", self._run),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def due(self, name: str) -> tuple[str, Any]:
        """Do as if its time had come: give its target and payload; what is due once is gone."""
        schedule = self._find(name)
        self.runs.append(name)
        if not schedule["times"]:
            del self.schedules[name]
        return schedule["target"], schedule["payload"]

    def _put(self, request: Request, name: str) -> Any:
        asked = body_of(request)
        if not _NAME.fullmatch(name):
            raise invalid(f"{name!r} is not the name of a schedule")
        for word in asked:
            if word not in _USUAL and word != "target":
                raise invalid(f"a schedule has no {word!r}")
        said = {**_USUAL, **asked, "name": name, "next": None, "last": None}
        _check(said)
        self.schedules[name] = json.loads(json.dumps(said))
        return self.schedules[name]

    def _list(self, request: Request) -> Any:
        after, limit = request.query.get("after", ""), int(request.query.get("limit", "100"))
        found = [one for name, one in sorted(self.schedules.items()) if name > after]
        return {"schedules": found[:limit], "triggers": []}

    def _preview(self, request: Request) -> Any:
        if not _TIMES.fullmatch(request.query.get("times", "")):
            raise invalid(f"{request.query.get('times')!r} is not a schedule")
        return {"next": []}

    def _get(self, request: Request, name: str) -> Any:
        return self._find(name)

    def _remove(self, request: Request, name: str) -> None:
        self._find(name)
        del self.schedules[name]

    def _pause(self, request: Request, name: str) -> Any:
        self._find(name)["paused"] = True
        return self._find(name)

    def _resume(self, request: Request, name: str) -> Any:
        self._find(name)["paused"] = False
        return self._find(name)

    def _run(self, request: Request, name: str) -> Any:
        self._find(name)
        self.runs.append(name)
        return {"id": f"run.{next(self._count)}"}

    def _run_function(self, request: Request) -> Any:
        name = body_of(request).get("function")
        if name not in self.functions:
            raise not_found(f"the app has no function {name!r} with a schedule in its file")
        self.runs.append(name)
        return {"id": f"run.{next(self._count)}"}

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.schedules:
            raise not_found(f"the app has no schedule {name!r}")
        return self.schedules[name]


def _check(said: dict[str, Any]) -> None:
    if bool(said["times"]) == (said["at"] is not None):
        raise invalid("a schedule has times (cron, or every 5m) or at (once), and not both")
    if said["times"] and not _TIMES.fullmatch(said["times"]):
        raise invalid(f"{said['times']!r} is not a schedule")
    if not _TARGET.fullmatch(said.get("target", "")):
        raise invalid("a target is function:group/name, queue:name, topic:name or event:type")
    for word, choices in _CHOICES.items():
        if said[word] not in choices:
            raise invalid(f"{word} is one of {', '.join(choices)}")
