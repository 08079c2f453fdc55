"""The cache in memory, with a clock wound by hand: ``fake.now += 60``."""

import json
from dataclasses import dataclass, field
from typing import Any

from tapwater.services.transport import Reply, Request
from tapwater.testing.fakes.answering import (
    Answers,
    body_of,
    conflict,
    invalid,
    not_found,
    too_large,
)

_VALUE_BYTES_MAX = 1 << 20
_KEY_BYTES_MAX = 512


@dataclass
class FakeCache:
    """``values`` by key, as the API says them, with ``ends``: when a value is over, or None."""

    prefixes: tuple[str, ...] = ("/cache",)
    now: float = 1_800_000_000.0
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 0
    hits: int = 0
    misses: int = 0

    def __post_init__(self) -> None:
        one = "/cache/{key}"
        self._answers = Answers(
            ("GET", "/cache", self._list),
            ("DELETE", "/cache", self._clear),
            ("POST", "/cache/-/get", self._get_many),
            ("POST", "/cache/-/add", self._add),
            ("POST", "/cache/-/touch", self._touch),
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("DELETE", one, self._drop),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def _get(self, request: Request, key: str) -> Any:
        found = self._find(_key(key))
        if found is None:
            raise not_found("the cache has nothing under this key")
        return self._says(found)

    def _get_many(self, request: Request) -> Any:
        found = {key: self._find(_key(key)) for key in body_of(request)["keys"]}
        self.hits += sum(one is not None for one in found.values())
        self.misses += sum(one is None for one in found.values())
        return {"values": {key: self._says(one) for key, one in found.items() if one is not None}}

    def _put(self, request: Request, key: str) -> Any:
        asked = body_of(request)
        if ("value" in asked) == (asked.get("base64") is not None):
            raise invalid("say one of value (any JSON) and base64")
        content = {name: asked[name] for name in ("value", "base64") if asked.get(name) is not None}
        if len(json.dumps(content)) > _VALUE_BYTES_MAX * 4 // 3:
            raise too_large(f"a cached value has at most {_VALUE_BYTES_MAX} bytes")
        self._check(_key(key), asked.get("if_version"))
        return {"version": self._keep(key, content or {"value": None}, self._ends(asked))}

    def _add(self, request: Request) -> Any:
        asked = body_of(request)
        key, found = _key(asked["key"]), self._find(asked["key"])
        number = 0 if found is None else found.get("value")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise conflict(f"{key!r} is no number")
        ends = self._ends(asked) if asked.get("ttl_s") is not None else (found or {}).get("ends")
        self._keep(key, {"value": number + asked.get("by", 1)}, ends)
        return self._says(self.values[key])

    def _touch(self, request: Request) -> Any:
        asked = body_of(request)
        key = _key(asked["key"])
        self._check(key, asked.get("if_version"))
        found = self._find(key)
        if found is not None:
            found["ends"] = self._ends(asked)
        return {"found": found is not None}

    def _drop(self, request: Request, key: str) -> Any:
        said = request.query.get("if_version")
        self._check(_key(key), int(said) if said is not None else None)
        found = self._find(key)
        self.values.pop(key, None)
        return {"dropped": found is not None}

    def _clear(self, request: Request) -> Any:
        count = len(self.values)
        self.values.clear()
        return {"dropped": count}

    def _list(self, request: Request) -> Any:
        prefix, after = request.query.get("prefix", ""), request.query.get("after", "")
        keys = [k for k in sorted(self.values) if k.startswith(prefix) and k > after]
        page = [key for key in keys if self._find(key)][: int(request.query.get("limit", "100"))]
        stats = {
            "keys": len(self.values),
            "bytes": 0,
            "hits": self.hits,
            "misses": self.misses,
            "evicted": 0,
        }
        return {"stats": stats, "keys": [{"key": key, "bytes": 0, "ttl_s": None} for key in page]}

    def _find(self, key: str) -> dict[str, Any] | None:
        found = self.values.get(key)
        if found is None or (found["ends"] is not None and found["ends"] <= self.now):
            return None
        return found

    def _check(self, key: str, version: int | None) -> None:
        found = self._find(key)
        if version is not None and version != (found["version"] if found is not None else 0):
            raise conflict(f"{key!r} has another version")

    def _keep(self, key: str, content: dict[str, Any], ends: float | None) -> int:
        self.version += 1
        self.values[key] = {**content, "version": self.version, "ends": ends}
        return self.version

    def _ends(self, asked: dict[str, Any]) -> float | None:
        ttl_s = asked.get("ttl_s")
        if ttl_s is not None and ttl_s <= 0:
            raise invalid("ttl_s is more than 0")
        return None if ttl_s is None else self.now + ttl_s

    def _says(self, found: dict[str, Any]) -> dict[str, Any]:
        ends = found["ends"]
        said = {name: value for name, value in found.items() if name != "ends"}
        return {**said, "ttl_s": None if ends is None else ends - self.now}


def _key(text: str) -> str:
    if not text or not text.isprintable() or len(text.encode()) > _KEY_BYTES_MAX:
        raise invalid(f"a key is 1 to {_KEY_BYTES_MAX} bytes of text that can be printed")
    if {".", ".."} & set(text.split("/")):
        raise invalid("a key has no part that is . or .. : a path would lose it")
    return text
