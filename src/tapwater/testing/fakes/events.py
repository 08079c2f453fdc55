"""Events in memory: what was published can be looked at; nobody is told of it."""

import json
import re
import time
from typing import Any

from tapwater.services.transport import Reply, Request
from tapwater.testing.fakes.answering import Answers, body_of, conflict, invalid, not_found

_BATCH = "application/cloudevents-batch+json"


class FakeEvents:
    """The events of an app, its background calls, and what is done once.

    ``published`` has the events as they were published, ``called`` the background calls; a test
    gives ``dead`` letters for those who list them.
    """

    prefixes = ("/events", "/once")

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.called: list[dict[str, Any]] = []
        self.dead: list[dict[str, Any]] = []
        self._once: dict[tuple[str, str], tuple[str, float]] = {}  # a token, or none: it is done
        self._answers = Answers(
            ("POST", "/events", self._publish),
            ("GET", "/events", self._list),
            ("POST", "/events/calls", self._call),
            ("GET", "/events/deliveries/{id}", self._delivery),
            ("GET", "/events/dead", self._dead),
            ("POST", "/events/dead/replay", self._take_dead),
            ("POST", "/events/dead/drop", self._take_dead),
            ("POST", "/events/replay", self._replay),
            ("GET", "/events/{id}", self._show),
            ("POST", "/once/begin", self._begin),
            ("POST", "/once/commit", self._commit),
            ("POST", "/once/release", self._release),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def _publish(self, request: Request) -> dict[str, Any]:
        said = json.loads(request.body)
        events = said if request.headers.get("content-type") == _BATCH else [said]
        for event in events:
            _check(event)
        ids, new = [], 0
        for event in events:
            event.setdefault("source", "/events")
            known = any(_name(one) == _name(event) for one in self.published)
            if not known:
                self.published.append(event)
                new += 1
            ids.append(event["id"])
        return {"ids": ids, "new": new}

    def _list(self, request: Request) -> dict[str, Any]:
        wanted = {name: request.query.get(name) for name in ("type", "source", "subject")}
        found = [
            self._line(seq, event)
            for seq, event in enumerate(self.published, 1)
            if all(at is None or _fits(at, event.get(name, "")) for name, at in wanted.items())
        ]
        ordered = found if "since" in request.query else found[::-1]
        return {"events": ordered[: int(request.query.get("limit", "100"))], "next": None}

    def _show(self, request: Request, id: str) -> dict[str, Any]:
        for seq, event in enumerate(self.published, 1):
            if event["id"] == id:
                return {"event": self._line(seq, event), "deliveries": []}
        raise not_found(f"there is no event {id!r}, or it was kept no longer")

    def _line(self, seq: int, event: dict[str, Any]) -> dict[str, Any]:
        known = {"specversion", "datacontenttype", "data", "data_base64", "partitionkey"}
        names = ("id", "type", "source", "subject", "time")
        return {
            **{name: event.get(name, "") for name in names},
            "seq": seq,
            "key": event.get("partitionkey", ""),
            "root": "",
            "depth": 0,
            "data": event.get("data"),
            "data_base64": event.get("data_base64"),
            "extensions": {n: v for n, v in event.items() if n not in known | set(names)},
        }

    def _call(self, request: Request) -> dict[str, Any]:
        said = body_of(request)
        id = said.get("id") or f"call-{len(self.called) + 1}"
        if not any(one["id"] == id for one in self.called):
            self.called.append({**said, "id": id})
        return {"id": id}

    def _delivery(self, request: Request, id: str) -> dict[str, Any]:
        for one in self.called:
            if one["id"] == id:
                return _delivery(id, one["function"], one.get("data"))
        raise not_found(f"there is no delivery {id!r}, or it was kept no longer")

    def _dead(self, request: Request) -> dict[str, Any]:
        return {
            "deliveries": [one for one in self.dead if _is_meant(one, request.query)],
            "next": None,
        }

    def _take_dead(self, request: Request) -> dict[str, Any]:
        said = body_of(request)
        limits = {name: said[name] for name in ("function", "queue", "reason") if said.get(name)}
        if not limits and not said.get("ids") and not said.get("all"):
            raise invalid("say which dead letters: ids, function, queue, reason, or all")
        ids = said.get("ids") or [one["id"] for one in self.dead]
        taken = [one for one in self.dead if one["id"] in ids and _is_meant(one, limits)]
        self.dead = [one for one in self.dead if one not in taken]
        return {"count": len(taken), "ids": [one["id"] for one in taken]}

    def _replay(self, request: Request) -> dict[str, Any]:
        said = body_of(request)
        fit = [one for one in self.published if _fits(said.get("type") or "*", one["type"])]
        return {"replay": "r1", "events": len(fit), "deliveries": 0, "seq": 0, "complete": True}

    def _begin(self, request: Request) -> dict[str, Any]:
        said = body_of(request)
        place = (said.get("scope", ""), said["key"])
        token, until = self._once.get(place, ("", 0.0))
        if until > time.monotonic():
            return {"state": "busy" if token else "done", "token": "", "until": until}
        token = f"t{len(self._once)}-{time.monotonic_ns()}"
        self._once[place] = (token, time.monotonic() + said["lease_s"])
        return {"state": "first", "token": token, "until": 0.0}

    def _commit(self, request: Request) -> None:
        said = body_of(request)
        place = self._held(said)
        if place is None:
            raise conflict("the lease of this key ended before")
        self._once[place] = ("", time.monotonic() + said["keep_s"])

    def _release(self, request: Request) -> None:
        place = self._held(body_of(request))
        if place is not None:
            del self._once[place]

    def _held(self, said: dict[str, Any]) -> tuple[str, str] | None:
        place = (said.get("scope", ""), said["key"])
        return place if self._once.get(place, ("", 0))[0] == said["token"] else None


def _check(event: dict[str, Any]) -> None:
    for name in ("id", "type", "specversion"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise invalid(f"an event needs the attribute {name!r}")
    if event["type"].startswith("tapwater."):
        raise invalid("types that begin with 'tapwater.' are the platform's own")


def _name(event: dict[str, Any]) -> tuple[str, str]:
    return event["source"], event["id"]


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.DOTALL) is not None


def _is_meant(one: dict[str, Any], limits: Any) -> bool:
    return all(
        limits.get(name) in (None, one.get(name, "")) for name in ("function", "queue")
    ) and str(limits.get("reason") or "") in one.get("reason", "")


def _delivery(id: str, function: str, data: Any) -> dict[str, Any]:
    return {
        "id": id,
        "function": function,
        "queue": "",
        "state": "waiting",
        "attempt": 0,
        "reason": "",
        "event": "",
        "result": None,
        "body": data,
    }
