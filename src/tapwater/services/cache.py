"""The cache: ``cache.set("rates", {...}, ttl=60)``. Quick, bounded, and free to forget.

What must not be lost belongs into documents.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import ServiceError, Transport


@dataclass(frozen=True, slots=True)
class Cached:
    """A value and its version; ``ttl`` are the seconds it has left, None: no end."""

    value: Any
    version: int
    ttl: float | None = None


class LockHeld(Exception):
    """Somebody else has the lock."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock one has. ``token`` is greater than that of everybody who had it before.

    A holder that was slower than its ``ttl`` has lost the lock and may not know. Where that
    matters, pass the token on to what is written to, and let it refuse smaller ones.
    """

    name: str
    token: int


class Cache:
    """The cache of an app. Values are anything JSON can say, or bytes, up to 1 MiB."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, key: str, default: Any = None) -> Any:
        """Give a value, or the default."""
        found = self.look([key]).get(key)
        return default if found is None else found.value

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Give those values that are there."""
        return {key: found.value for key, found in self.look(keys).items()}

    def look(self, keys: Iterable[str]) -> dict[str, Cached]:
        """Give those values that are there, with their versions."""
        said = ask_json(self._transport, "POST", "/cache/-/get", {"keys": list(keys)})
        return {key: _read(one) for key, one in said["values"].items()}

    def set(self, key: str, value: Any, *, ttl: float | None = None) -> int:
        """Keep a value, for ``ttl`` seconds if said; give its version."""
        return self._put(key, value, ttl, None)

    def add(self, key: str, value: Any, *, ttl: float | None = None) -> bool:
        """Keep a value only if there is none."""
        return self.replace(key, value, version=0, ttl=ttl) is not None

    def replace(
        self, key: str, value: Any, *, version: int, ttl: float | None = None
    ) -> int | None:
        """Keep a value only over that version; None: there is another."""
        try:
            return self._put(key, value, ttl, version)
        except ServiceError as error:
            if error.code == "conflict":
                return None
            raise

    def increment(self, key: str, by: float = 1, *, ttl: float | None = None) -> Any:
        """Add to a number in one step, from 0 where there is none; give what it is then."""
        asked = {"key": key, "by": by, "ttl_s": ttl}
        return ask_json(self._transport, "POST", "/cache/-/add", asked)["value"]

    def touch(self, key: str, *, ttl: float | None = None) -> bool:
        """Let a value end ``ttl`` seconds from now (None: never); False: there is none."""
        asked = {"key": key, "ttl_s": ttl}
        return bool(ask_json(self._transport, "POST", "/cache/-/touch", asked)["found"])

    def delete(self, key: str) -> bool:
        """Forget a value; say whether there was one."""
        return bool(ask_json(self._transport, "DELETE", _to(key))["dropped"])

    def clear(self) -> int:
        """Forget all values of the app; say how many."""
        return int(ask_json(self._transport, "DELETE", "/cache")["dropped"])

    def keys(self, prefix: str = "", *, after: str = "", limit: int = 100) -> list[str]:
        """List keys by name; the next page comes after the last of this one."""
        query = {"prefix": prefix or None, "after": after or None, "limit": limit}
        said = ask_json(self._transport, "GET", "/cache", query=query)
        return [one["key"] for one in said["keys"]]

    def stats(self) -> Mapping[str, int]:
        """Say how full it is and how often something was found."""
        said = ask_json(self._transport, "GET", "/cache", query={"limit": 1})
        stats: Mapping[str, int] = said["stats"]
        return stats

    @contextmanager
    def lock(self, name: str, *, ttl: float = 30.0) -> Iterator[Lock]:
        """Hold a lock while the block runs, ``ttl`` seconds at most.

        Raises:
            LockHeld: somebody else has it.
        """
        held = self.try_lock(name, ttl=ttl)
        if held is None:
            raise LockHeld(name)
        try:
            yield held
        finally:
            self.unlock(held)

    def try_lock(self, name: str, *, ttl: float = 30.0) -> Lock | None:
        """Take a lock; None: somebody else has it."""
        token = self.replace(_lock_key(name), True, version=0, ttl=ttl)
        return None if token is None else Lock(name, token)

    def keep_lock(self, lock: Lock, *, ttl: float = 30.0) -> bool:
        """Hold a lock for ``ttl`` seconds from now. False: it was lost."""
        asked = {"key": _lock_key(lock.name), "ttl_s": ttl, "if_version": lock.token}
        try:
            return bool(ask_json(self._transport, "POST", "/cache/-/touch", asked)["found"])
        except ServiceError as error:
            if error.code == "conflict":
                return False
            raise

    def unlock(self, lock: Lock) -> bool:
        """Give a lock back. False: it was lost before."""
        query = {"if_version": lock.token}
        try:
            path = _to(_lock_key(lock.name))
            return bool(ask_json(self._transport, "DELETE", path, query=query)["dropped"])
        except ServiceError as error:
            if error.code == "conflict":
                return False
            raise

    def _put(self, key: str, value: Any, ttl: float | None, version: int | None) -> int:
        asked: dict[str, Any] = {"ttl_s": ttl, "if_version": version}
        if isinstance(value, bytes | bytearray | memoryview):
            from base64 import b64encode

            asked["base64"] = b64encode(bytes(value)).decode()
        else:
            asked["value"] = value
        return int(ask_json(self._transport, "PUT", _to(key), asked)["version"])


def _to(key: str) -> str:
    return path_to("cache", key)


def _lock_key(name: str) -> str:
    return f"lock:{name}"


def _read(said: Mapping[str, Any]) -> Cached:
    value = said.get("value")
    if "base64" in said:
        from base64 import b64decode

        value = b64decode(said["base64"])
    return Cached(value, said["version"], said["ttl_s"])
