"""Queues and topics in memory, with a clock wound by hand: ``fake.now += 60``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request, ServiceError
from tapwater.testing.fakes.answering import Answers, body_of, invalid, not_found, too_large

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_BODY_BYTES_MAX = 1 << 20
_BATCH_MAX = 100
_DEFAULTS: dict[str, Any] = {
    "visibility_s": 30.0,
    "attempts_max": 5,
    "retention_s": 4 * 86_400.0,
    "delay_s": 0.0,
    "dedupe_s": 300.0,
    "ordered": False,
    "dead_letters": "",
}


@dataclass
class FakeMessage:
    """One message in a queue, and where it stands."""

    id: str
    queue: str
    said: dict[str, Any]  # body, text or base64; content_type, attributes
    key: str
    priority: int
    dedupe: str
    sent_at: float
    due: float  # when it can be received, or when its lease ends
    expires_at: float
    seq: int
    state: str = "waiting"
    attempt: int = 0
    lease: int = 0
    reason: str = ""

    @property
    def receipt(self) -> str:
        return f"{self.id}.{self.lease}"


@dataclass
class FakeQueues:
    """``published`` is what was published to topics: pairs of topic and message as JSON."""

    prefixes: tuple[str, ...] = ("/queues", "/topics")
    now: float = 1_800_000_000.0
    messages: list[FakeMessage] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[str, list[str]] = field(default_factory=dict)
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._count = count(1)
        queue, topic = "/queues/{queue}", "/topics/{topic}"
        self._answers = Answers(
            ("POST", f"{queue}/messages", self._send),
            ("GET", f"{queue}/messages", self._peek),
            ("GET", f"{queue}/messages/{{id}}", self._get),
            ("DELETE", f"{queue}/messages", self._purge),
            ("POST", f"{queue}/receive", self._receive),
            ("POST", f"{queue}/delete", self._delete),
            ("POST", f"{queue}/visibility", self._hide),
            ("GET", f"{queue}/dead", self._dead),
            ("POST", f"{queue}/redrive", self._redrive),
            ("DELETE", f"{queue}/dead", self._drop_dead),
            ("GET", "/queues", self._all),
            ("GET", queue, self._show),
            ("PUT", queue, self._configure),
            ("DELETE", queue, self._remove),
            ("POST", topic, self._publish),
            ("GET", "/topics", self._topics),
            ("GET", f"{topic}/queues", self._subscribed),
            ("PUT", f"{topic}/queues/{{queue}}", self._subscribe),
            ("DELETE", f"{topic}/queues/{{queue}}", self._unsubscribe),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def sent(self, queue: str) -> list[Any]:
        """Give the bodies (or texts) that lie in a queue, in their order: for assertions."""
        return [one.said.get("body", one.said.get("text")) for one in self._of(queue)]

    def _send(self, request: Request, queue: str) -> Any:
        _check_name(queue, "queue")
        asked = _batch(body_of(request))
        results = [self._try(lambda one=one: self._take(queue, one)) for one in asked]
        return _results(results)

    def _publish(self, request: Request, topic: str) -> Any:
        _check_name(topic, "topic")
        asked = _batch(body_of(request))
        return _results([self._try(lambda one=one: self._tell(topic, one)) for one in asked])

    def _try(self, work: Any) -> dict[str, Any]:
        try:
            said: dict[str, Any] = work()
        except ServiceError as error:
            return {"error": {"code": error.code, "message": error.message}, "status": error.status}
        return said

    def _tell(self, topic: str, said: dict[str, Any]) -> dict[str, Any]:
        _check(said)
        id = self._fresh()
        self.published.append((topic, said))
        for queue in self.subscriptions.get(topic, ()):
            attributes = {**said.get("attributes", {}), "topic": topic}
            self._take(queue, {**said, "attributes": attributes, "dedupe": ""})
        return {"id": id, "duplicate": False}

    def _take(self, queue: str, said: dict[str, Any]) -> dict[str, Any]:
        _check(said)
        settings, dedupe = self._settings(queue), said.get("dedupe", "")
        for one in self.messages if dedupe else ():
            recent = one.sent_at > self.now - settings["dedupe_s"]
            if one.queue == queue and one.dedupe == dedupe and recent:
                return {"id": one.id, "duplicate": True}
        delay_s = said.get("delay_s")
        due = self.now + (settings["delay_s"] if delay_s is None else delay_s)
        message = FakeMessage(
            id=self._fresh(),
            queue=queue,
            said=_content(said),
            key=said.get("key", "") or ("*" if settings["ordered"] else ""),
            priority=said.get("priority", 0),
            dedupe=dedupe,
            sent_at=self.now,
            due=due,
            expires_at=due + settings["retention_s"],
            seq=len(self.messages) + 1,
        )
        self.messages.append(message)
        return {"id": message.id, "duplicate": False}

    def _receive(self, request: Request, queue: str) -> Any:
        asked, settings = body_of(request), self._settings(queue)
        wanted = _count(asked.get("count", 1))
        if not 0 <= asked.get("wait_s", 0) <= 20:
            raise invalid("one can wait from 0 to 20 seconds")
        lease_s = asked.get("visibility_s", settings["visibility_s"])
        taken: list[FakeMessage] = []
        while len(taken) < wanted and (message := self._next(queue)) is not None:
            if message.attempt >= settings["attempts_max"]:
                self._bury(message, f"received {message.attempt} times and never deleted")
                continue
            message.state, message.due = "leased", self.now + lease_s
            message.attempt, message.lease = message.attempt + 1, message.lease + 1
            taken.append(message)
        return {"messages": [self._received(one) for one in taken]}

    def _next(self, queue: str) -> FakeMessage | None:
        """Find the next one that may be received; of one key only the first."""
        keys: set[str] = set()
        found = []
        for one in self._of(queue):
            if one.expires_at <= self.now and self._standing(one) == "waiting":
                self._bury(one, "expired")
                continue
            first = not one.key or one.key not in keys
            keys.add(one.key)
            if first and self._standing(one) == "waiting" and one.due <= self.now:
                found.append(one)
        return min(found, key=lambda one: (-one.priority, one.seq), default=None)

    def _delete(self, request: Request, queue: str) -> Any:
        held = [self._held(queue, receipt) for receipt in body_of(request)["receipts"]]
        for one in held:
            if one is not None:
                one.state = "done"
        return {"results": [{"done": one is not None} for one in held]}

    def _hide(self, request: Request, queue: str) -> Any:
        asked = body_of(request)
        held = [self._held(queue, receipt) for receipt in asked["receipts"]]
        for one in held:
            if one is not None:
                one.due = self.now + asked["visibility_s"]
                if not asked["visibility_s"]:
                    one.state, one.lease = "waiting", one.lease + 1
        return {"results": [{"done": one is not None} for one in held]}

    def _peek(self, request: Request, queue: str) -> Any:
        state = request.query.get("state", "")
        mine = [one for one in self.messages if one.queue == queue]
        return self._page(request, [o for o in mine if state in ("", self._standing(o))])

    def _dead(self, request: Request, queue: str) -> Any:
        return self._page(request, list(self._dead_ones(queue, ())))

    def _page(self, request: Request, found: list[FakeMessage]) -> Any:
        found, after = found[::-1], request.query.get("after")
        if after:
            found = found[[one.id for one in found].index(after) + 1 :]
        limit = int(request.query.get("limit", "100"))
        return {"messages": [self._listed(one) for one in found[:limit]]}

    def _get(self, request: Request, queue: str, id: str) -> Any:
        for one in self.messages:
            if (one.queue, one.id) == (queue, id):
                return {**self._listed(one), **one.said}
        raise not_found(f"the queue has no message {id}")

    def _purge(self, request: Request, queue: str) -> Any:
        gone = [one for one in self._of(queue) if self._standing(one) == "waiting"]
        self.messages = [one for one in self.messages if one not in gone]
        return {"dropped": len(gone)}

    def _redrive(self, request: Request, queue: str) -> Any:
        asked = body_of(request)
        dead = list(self._dead_ones(queue, asked.get("ids", ())))
        for one in dead:
            one.queue = asked.get("to") or queue
            one.state, one.attempt, one.due = "waiting", 0, self.now
            one.expires_at, one.reason = self.now + self._settings(queue)["retention_s"], ""
        return {"redriven": len(dead)}

    def _drop_dead(self, request: Request, queue: str) -> Any:
        gone = list(self._dead_ones(queue, body_of(request).get("ids", ())))
        self.messages = [one for one in self.messages if one not in gone]
        return {"dropped": len(gone)}

    def _all(self, request: Request) -> Any:
        names = sorted({one.queue for one in self.messages} | set(self.settings))
        return {
            "queues": [
                {"name": name, "configured": name in self.settings, **self._stats(name)}
                for name in names
            ]
        }

    def _show(self, request: Request, queue: str) -> Any:
        _check_name(queue, "queue")
        known = queue in self.settings or any(one.queue == queue for one in self.messages)
        return {
            "name": queue,
            "configured": queue in self.settings,
            "settings": self._settings(queue),
            "stats": self._stats(queue) if known else None,
        }

    def _configure(self, request: Request, queue: str) -> Any:
        _check_name(queue, "queue")
        asked = body_of(request)
        for name, value in asked.items():
            if name not in _DEFAULTS or (name == "attempts_max" and value < 1):
                raise invalid(f"{name} cannot be {value!r}")
        if asked.get("dead_letters") == queue:
            raise invalid("a queue cannot be its own dead-letter queue")
        self.settings[queue] = {**self._settings(queue), **asked}
        return {"name": queue, "settings": self.settings[queue]}

    def _remove(self, request: Request, queue: str) -> None:
        self.settings.pop(queue, None)
        self.messages = [one for one in self.messages if one.queue != queue]
        for queues in self.subscriptions.values():
            if queue in queues:
                queues.remove(queue)

    def _topics(self, request: Request) -> Any:
        topics = sorted(self.subscriptions.items())
        return {"topics": [{"name": name, "queues": queues} for name, queues in topics if queues]}

    def _subscribed(self, request: Request, topic: str) -> Any:
        return {"queues": self.subscriptions.get(topic, [])}

    def _subscribe(self, request: Request, topic: str, queue: str) -> None:
        _check_name(topic, "topic")
        _check_name(queue, "queue")
        queues = self.subscriptions.setdefault(topic, [])
        if queue not in queues:
            queues.append(queue)
            queues.sort()

    def _unsubscribe(self, request: Request, topic: str, queue: str) -> None:
        if queue not in self.subscriptions.get(topic, ()):
            raise not_found(f"the queue {queue} does not listen to {topic}")
        self.subscriptions[topic].remove(queue)

    def _fresh(self) -> str:
        return f"{next(self._count):026d}"

    def _settings(self, queue: str) -> dict[str, Any]:
        return self.settings.get(queue, _DEFAULTS)

    def _of(self, queue: str) -> Iterator[FakeMessage]:
        return (o for o in self.messages if o.queue == queue and o.state in ("waiting", "leased"))

    def _dead_ones(self, queue: str, ids: Any) -> Iterator[FakeMessage]:
        dead = (one for one in self.messages if one.queue == queue and one.state == "dead")
        return (one for one in dead if not ids or one.id in ids)

    def _standing(self, one: FakeMessage) -> str:
        over = one.state == "leased" and one.due <= self.now
        return "waiting" if over else one.state

    def _held(self, queue: str, receipt: str) -> FakeMessage | None:
        if "." not in receipt:
            raise invalid("this is not the receipt of a received message")
        found = (one for one in self._of(queue) if one.receipt == receipt)
        return next((one for one in found if one.state == "leased"), None)

    def _bury(self, one: FakeMessage, reason: str) -> None:
        one.state, one.reason = "dead", reason
        to = self._settings(one.queue)["dead_letters"]
        if to:
            attributes = {**one.said["attributes"], "dead-from": one.queue, "dead-reason": reason}
            self._take(to, {**one.said, "attributes": attributes, "key": one.key})
            self.messages.remove(one)

    def _received(self, one: FakeMessage) -> dict[str, Any]:
        return {
            "id": one.id,
            "receipt": one.receipt,
            **one.said,
            "key": one.key,
            "priority": one.priority,
            "attempt": one.attempt,
            "sent_at": one.sent_at,
            "visible_at": one.due,
            "seq": one.seq,
        }

    def _listed(self, one: FakeMessage) -> dict[str, Any]:
        return {
            "id": one.id,
            "state": self._standing(one),
            "attempt": one.attempt,
            "key": one.key,
            "sent_at": one.sent_at,
            "visible_at": one.due if self._standing(one) == "waiting" else 0.0,
            "reason": one.reason,
        }

    def _stats(self, queue: str) -> dict[str, Any]:
        still = list(self._of(queue))
        waiting = [one for one in still if self._standing(one) == "waiting"]
        return {
            "waiting": sum(one.due <= self.now for one in waiting),
            "delayed": sum(one.due > self.now for one in waiting),
            "leased": len(still) - len(waiting),
            "dead": sum(1 for _ in self._dead_ones(queue, ())),
            "oldest_at": min((one.sent_at for one in still), default=0.0),
        }


def _batch(asked: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = asked.get("messages", [])
    _count(len(messages))
    return messages


def _count(count: int) -> int:
    if not 1 <= count <= _BATCH_MAX:
        raise invalid(f"from 1 to {_BATCH_MAX} messages at a time")
    return count


def _results(results: list[dict[str, Any]]) -> Any:
    alone = results[0] if len(results) == 1 else {}
    if "error" in alone:
        error = alone["error"]
        raise ServiceError(error["message"], code=error["code"], status=alone["status"])
    return {"messages": [{k: v for k, v in one.items() if k != "status"} for one in results]}


def _check(said: dict[str, Any]) -> None:
    if abs(said.get("priority", 0)) > 100:
        raise invalid("a priority is from -100 to 100")
    if len(str(said.get("text", said.get("body", said.get("base64"))))) > _BODY_BYTES_MAX * 4 // 3:
        raise too_large(f"a message has at most {_BODY_BYTES_MAX} bytes: keep it as a blob")


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is not the name of a {what}")


def _content(said: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "body": "application/json",
        "text": "text/plain; charset=utf-8",
        "base64": "application/octet-stream",
    }
    for name, kind in usual.items():
        if name in said:
            return {
                name: said[name],
                "content_type": said.get("content_type") or kind,
                "attributes": said.get("attributes", {}),
            }
    raise invalid("a message has one of body (any JSON), text and base64")
