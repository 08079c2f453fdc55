"""What a cache keeps in memory: values by key with versions and ends, the least used leave first.

Nothing here waits or looks at a clock: whoever asks says what time it is.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import msgspec

from tapwater_server.model.errors import Conflict, TooLarge
from tapwater_server.model.ids import AppId

VALUE_BYTES_MAX = 1 << 20
APP_BYTES_MAX = 64 << 20  # Of all keys and values of one app.
TOTAL_BYTES_MAX = 256 << 20  # Of all apps; then the app that uses most loses first.
NUMBER_MAX = 2**53  # Of what is counted.
ENTRY_BYTES = 256  # What an entry costs besides its key and value, about.
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One value. ``version`` rises with each write of anything, also after a forgetful restart
    (it is made of the time), so that no two values of a key ever have the same.
    """

    key: str
    value: bytes
    json: bool  # what ``value`` is: JSON text, or bytes
    version: int
    expires_at: float = 0.0  # seconds since the epoch; 0.0: never

    @property
    def size_bytes(self) -> int:
        return len(self.key.encode()) + len(self.value) + ENTRY_BYTES

    def is_over(self, now: float) -> bool:
        return 0.0 < self.expires_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a write did: ``kept`` came (or replaced), ``gone`` of the app left."""

    app: AppId
    kept: Kept | None = None
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfStats:
    """How full an app's part is, and how often something was found there."""

    keys: int
    size_bytes: int
    hits: int
    misses: int
    evicted: int


class _Part:
    """Of one app, in the order of use."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, Kept] = OrderedDict()
        self.size_bytes = 0
        self.hits = self.misses = self.evicted = 0


class Shelf:
    """All values of all apps. Writes give the changes they made, for who keeps a copy."""

    def __init__(
        self, *, app_bytes_max: int = APP_BYTES_MAX, total_bytes_max: int = TOTAL_BYTES_MAX
    ) -> None:
        self._app_bytes_max, self._total_bytes_max = app_bytes_max, total_bytes_max
        self._parts: dict[AppId, _Part] = {}
        self._size_bytes = 0
        self._version = 0

    def get(self, app: AppId, key: str, *, now: float) -> Kept | None:
        """Find a value; it counts as used now."""
        part = self._parts.get(app)
        found = self._fresh(part, key, now)
        if part is not None:
            part.hits += found is not None
            part.misses += found is None
            if found is not None:
                part.kept.move_to_end(key)
        return found

    def put(
        self,
        app: AppId,
        key: str,
        value: bytes,
        *,
        json: bool,
        expires_at: float,
        now: float,
        if_version: int | None = None,
    ) -> tuple[Kept, Sequence[Change]]:
        """Keep a value. ``if_version``: only over that version; 0: only where there is none.

        Raises:
            Conflict: there is another version.
            TooLarge: the value is.
        """
        if len(value) > VALUE_BYTES_MAX:
            raise TooLarge(f"a cached value has at most {VALUE_BYTES_MAX} bytes")
        self._check(app, key, if_version, now)
        kept = Kept(key=key, value=value, json=json, version=self._next(now), expires_at=expires_at)
        return kept, self._place(app, kept)

    def add_to(
        self, app: AppId, key: str, by: float, *, expires_at: float | None, now: float
    ) -> tuple[Kept, Sequence[Change]]:
        """Add to a number; where there is none, 0 is. ``expires_at`` None: as it was.

        Raises:
            Conflict: what is there is no number, or it would become too large.
        """
        before = self._fresh(self._parts.get(app), key, now)
        number = _number(before) + by
        if not -NUMBER_MAX <= number <= NUMBER_MAX:
            raise Conflict(f"{key[:100]!r} would leave the numbers that JSON keeps exactly")
        until = expires_at if expires_at is not None else before.expires_at if before else 0.0
        kept = Kept(
            key=key,
            value=msgspec.json.encode(number),
            json=True,
            version=self._next(now),
            expires_at=until,
        )
        return kept, self._place(app, kept)

    def touch(
        self, app: AppId, key: str, *, expires_at: float, now: float, if_version: int | None = None
    ) -> tuple[Kept | None, Sequence[Change]]:
        """Move the end of a value; its version stays.

        Raises:
            Conflict: there is another version.
        """
        self._check(app, key, if_version, now)
        before = self._fresh(self._parts.get(app), key, now)
        if before is None:
            return None, ()
        kept = replace(before, expires_at=expires_at)
        return kept, self._place(app, kept)

    def drop(
        self, app: AppId, key: str, *, now: float, if_version: int | None = None
    ) -> tuple[bool, Sequence[Change]]:
        """Forget a value; say whether there was one.

        Raises:
            Conflict: there is another version.
        """
        self._check(app, key, if_version, now)
        was = self._fresh(self._parts.get(app), key, now) is not None
        return was, [self._remove(app, [key])]

    def clear(self, app: AppId) -> tuple[int, Sequence[Change]]:
        """Forget all values of an app; say how many."""
        part = self._parts.get(app)
        if part is None:
            return 0, ()
        return len(part.kept), [self._remove(app, list(part.kept))]

    def sweep(self, *, now: float) -> Sequence[Change]:
        """Forget what has expired."""
        return [
            self._remove(app, over)
            for app, part in list(self._parts.items())
            if (over := [key for key, kept in part.kept.items() if kept.is_over(now)])
        ]

    def restore(self, app: AppId, kept: Kept) -> None:
        """Put back what was kept before a restart, in the order of use."""
        self._version = max(self._version, kept.version)
        self._place(app, kept)

    def keys(self, app: AppId, *, now: float) -> Iterator[Kept]:
        """List what an app has, by key."""
        part = self._parts.get(app)
        for key in sorted(part.kept) if part is not None else ():
            found = self._fresh(part, key, now)
            if found is not None:
                yield found

    def stats(self, app: AppId) -> ShelfStats:
        part = self._parts.get(app) or _Part()
        return ShelfStats(
            keys=len(part.kept),
            size_bytes=part.size_bytes,
            hits=part.hits,
            misses=part.misses,
            evicted=part.evicted,
        )

    def _next(self, now: float) -> int:
        self._version = max(self._version + 1, int(now * _MICROSECONDS))
        return self._version

    def _fresh(self, part: _Part | None, key: str, now: float) -> Kept | None:
        found = part.kept.get(key) if part is not None else None
        return None if found is None or found.is_over(now) else found

    def _check(self, app: AppId, key: str, if_version: int | None, now: float) -> None:
        if if_version is None:
            return
        found = self._fresh(self._parts.get(app), key, now)
        version = found.version if found is not None else 0
        if version != if_version:
            raise Conflict(f"{key[:100]!r} has another version", version=version)

    def _place(self, app: AppId, kept: Kept) -> Sequence[Change]:
        part = self._parts.setdefault(app, _Part())
        before = part.kept.pop(kept.key, None)
        part.kept[kept.key] = kept
        grown = kept.size_bytes - (before.size_bytes if before is not None else 0)
        part.size_bytes += grown
        self._size_bytes += grown
        return [Change(app=app, kept=kept), *self._evict(app, part)]

    def _evict(self, app: AppId, part: _Part) -> Iterator[Change]:
        """Make room: first in the app itself, then in the one that uses most."""
        over = self._oldest(part, part.size_bytes - self._app_bytes_max)
        if over:
            part.evicted += len(over)
            yield self._remove(app, over)
        while self._size_bytes > self._total_bytes_max:
            most = max(self._parts, key=lambda one: self._parts[one].size_bytes)
            over = self._oldest(self._parts[most], self._size_bytes - self._total_bytes_max)
            self._parts[most].evicted += len(over)
            yield self._remove(most, over)

    def _oldest(self, part: _Part, excess_bytes: int) -> list[str]:
        over: list[str] = []
        for key, kept in part.kept.items():
            if excess_bytes <= 0:
                break
            over.append(key)
            excess_bytes -= kept.size_bytes
        return over

    def _remove(self, app: AppId, keys: Sequence[str]) -> Change:
        part = self._parts.get(app)
        for key in keys:
            kept = part.kept.pop(key, None) if part is not None else None
            if kept is not None and part is not None:
                part.size_bytes -= kept.size_bytes
                self._size_bytes -= kept.size_bytes
        if part is not None and not part.kept and not part.hits + part.misses:
            del self._parts[app]
        return Change(app=app, gone=tuple(keys))


def _number(kept: Kept | None) -> int | float:
    """Read the number a value is.

    Raises:
        Conflict: it is none.
    """
    if kept is None:
        return 0
    try:
        if kept.json:
            return msgspec.json.decode(kept.value, type=int | float)
    except msgspec.MsgspecError:
        pass
    raise Conflict(f"{kept.key[:100]!r} is no number")


def select(found: Iterator[Kept], *, prefix: str, after: str, count_max: int) -> Sequence[Kept]:
    """Take a page of what was found."""
    fitting = (one for one in found if one.key.startswith(prefix) and one.key > after)
    return list(islice(fitting, count_max))
