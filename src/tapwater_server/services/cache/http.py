"""The API of the cache: /cache/… The port does the work; what is left is to read and to write."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.shelf import VALUE_BYTES_MAX, Kept
from tapwater_server.ports.cache import Cache
from tapwater_server.ports.clock import Clock
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint

KEY_BYTES_MAX = 512
KEYS_MAX = 1000  # Asked for at once, or listed on a page.
GIVEN_BYTES_MAX = 16 << 20  # Of the values in one answer.
FUNCTION_BYTES_MAX = 600 << 10  # Likewise, of what a function asks: it must fit its frame.
TTL_S_MAX = 366 * 86_400.0
PUT_BYTES_MAX = 2 * VALUE_BYTES_MAX  # As JSON or base64 a value takes more.
Said = dict[str, Any]
_ONE = "/cache/{key:path}"
_VERSION = {"if_version": "only if it has this version"}


class GetAsked(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[str]


class PutAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``value`` is any JSON, ``base64`` bytes. ``if_version`` 0: only if there is none."""

    value: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    base64: bytes | None = None
    ttl_s: float | None = None
    if_version: int | None = None


class AddAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    key: str
    by: int | float = 1
    ttl_s: float | None = None


class TouchAsked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    key: str
    ttl_s: float | None = None
    if_version: int | None = None


class CacheApi:
    """Reads, asks the cache, writes."""

    def __init__(self, *, cache: Cache, clock: Clock) -> None:
        self._cache, self._clock = cache, clock

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/cache",
                says="Say how full the cache is, and list keys by name.",
                handler=self._list,
                query={
                    "prefix": "only keys that begin so",
                    "after": "the key the page before ended with",
                    "limit": f"1 to {KEYS_MAX}, usually 100",
                },
            ),
            Endpoint(
                method="DELETE", path="/cache", says="Forget all values.", handler=self._clear
            ),
            Endpoint(
                method="POST",
                path="/cache/-/get",
                says="Get several values; what is not there is left out.",
                handler=self._get_many,
                takes=GetAsked,
            ),
            Endpoint(
                method="POST",
                path="/cache/-/add",
                says="Add to a number in one step; where there is none, 0 is.",
                handler=self._add,
                takes=AddAsked,
            ),
            Endpoint(
                method="POST",
                path="/cache/-/touch",
                says="Move the end of a value.",
                handler=self._touch,
                takes=TouchAsked,
            ),
            Endpoint(method="GET", path=_ONE, says="Get a value.", handler=self._get),
            Endpoint(
                method="PUT",
                path=_ONE,
                says="Keep a value, for ttl_s seconds if said.",
                handler=self._put,
                takes=PutAsked,
                body_bytes_max=PUT_BYTES_MAX,
            ),
            Endpoint(
                method="DELETE",
                path=_ONE,
                says="Forget a value.",
                handler=self._drop,
                query=_VERSION,
            ),
        )

    async def _get(self, asked: Asked) -> Said:
        key = _key(asked.params["key"])
        asked.count("cache_ops")
        found = self._cache.get(asked.app, key)
        if found is None:
            raise NotFound("the cache has nothing under this key")
        return self._says(found)

    async def _get_many(self, asked: Asked) -> Said:
        said = await asked.body(GetAsked)
        if len(said.keys) > KEYS_MAX:
            raise Invalid(f"at most {KEYS_MAX} keys at a time")
        found = [self._cache.get(asked.app, _key(key)) for key in said.keys]
        asked.count("cache_ops", len(said.keys))
        return {"values": self._fitting([one for one in found if one is not None], asked)}

    async def _put(self, asked: Asked) -> Said:
        key, said = _key(asked.params["key"]), await asked.body(PutAsked)
        value, json = _value(said)
        kept = await self._cache.put(
            asked.app,
            key,
            value,
            json=json,
            ttl_s=_ttl(said.ttl_s),
            if_version=said.if_version,
        )
        asked.count("cache_ops")
        return {"version": kept.version}

    async def _add(self, asked: Asked) -> Said:
        said = await asked.body(AddAsked)
        kept = await self._cache.add_to(asked.app, _key(said.key), said.by, ttl_s=_ttl(said.ttl_s))
        asked.count("cache_ops")
        return self._says(kept)

    async def _touch(self, asked: Asked) -> Said:
        said = await asked.body(TouchAsked)
        kept = await self._cache.touch(
            asked.app, _key(said.key), ttl_s=_ttl(said.ttl_s), if_version=said.if_version
        )
        asked.count("cache_ops")
        return {"found": kept is not None}

    async def _drop(self, asked: Asked) -> Said:
        version = asked.number("if_version", low=0, high=2**63)
        dropped = await self._cache.drop(
            asked.app,
            _key(asked.params["key"]),
            if_version=int(version) if version is not None else None,
        )
        asked.count("cache_ops")
        return {"dropped": dropped}

    async def _clear(self, asked: Asked) -> Said:
        return {"dropped": await self._cache.clear(asked.app)}

    async def _list(self, asked: Asked) -> Said:
        stats = self._cache.stats(asked.app)
        found = self._cache.keys(
            asked.app,
            prefix=asked.text("prefix") or "",
            after=asked.text("after") or "",
            count_max=int(asked.number("limit", low=1, high=KEYS_MAX) or 100),
        )
        return {
            "stats": {
                "keys": stats.keys,
                "bytes": stats.size_bytes,
                "hits": stats.hits,
                "misses": stats.misses,
                "evicted": stats.evicted,
            },
            "keys": [
                {"key": one.key, "bytes": len(one.value), "ttl_s": self._left(one)} for one in found
            ],
        }

    def _fitting(self, found: Sequence[Kept], asked: Asked) -> Said:
        """Write as many as fit one answer: what is left out counts as not there."""
        room = GIVEN_BYTES_MAX if asked.caller is None else FUNCTION_BYTES_MAX
        values: Said = {}
        for one in found:
            room -= len(one.value)
            if room < 0 and values:
                break
            values[one.key] = self._says(one)
        return values

    def _says(self, kept: Kept) -> Said:
        content = {"value": msgspec.Raw(kept.value)} if kept.json else {"base64": kept.value}
        return {**content, "version": kept.version, "ttl_s": self._left(kept)}

    def _left(self, kept: Kept) -> float | None:
        return kept.expires_at - self._clock.now() if kept.expires_at else None


def _key(text: str) -> str:
    """Check a key.

    Raises:
        Invalid: it is empty, too long, has characters nobody can see, or parts no path can have.
    """
    if not text or not text.isprintable() or len(text.encode()) > KEY_BYTES_MAX:
        raise Invalid(f"a key is 1 to {KEY_BYTES_MAX} bytes of text that can be printed")
    if {".", ".."} & set(text.split("/")):
        raise Invalid("a key has no part that is . or .. : a path would lose it")
    return text


def _ttl(ttl_s: float | None) -> float | None:
    if ttl_s is not None and not 0 < ttl_s <= TTL_S_MAX:
        raise Invalid(f"ttl_s is more than 0 and at most {TTL_S_MAX:g} seconds")
    return ttl_s


def _value(said: PutAsked) -> tuple[bytes, bool]:
    raw = bytes(said.value)
    if bool(raw) == (said.base64 is not None):
        raise Invalid("say one of value (any JSON) and base64")
    if said.base64 is not None:
        return said.base64, False
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise Invalid("the value is not UTF-8") from None
    return raw, True
