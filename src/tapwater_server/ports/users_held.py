"""What any keeper of users holds in memory, to answer without waiting: keys and what is revoked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapwater_server.model.ids import AppId
from tapwater_server.model.user import ApiKey, User


def of_user(id: str) -> str:
    """The subject of a revocation: all tokens of a user."""
    return f"u:{id}"


def of_session(id: str) -> str:
    """The subject of a revocation: all tokens of a session."""
    return f"s:{id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Tokens of a generation below this one are refused until all of them have expired."""

    subject: str
    generation: int
    until: float


@dataclass(slots=True)
class Held:
    """See the promise USR-7 of ``ports/users.py``."""

    _keys: dict[AppId, dict[bytes, ApiKey]] = field(default_factory=dict)
    _owners: dict[tuple[AppId, str], User] = field(default_factory=dict)
    _refused: dict[AppId, dict[str, Refused]] = field(default_factory=dict)
    _used: dict[tuple[AppId, str], float] = field(default_factory=dict)  # not yet on disk

    def keys(self, app: AppId) -> Sequence[ApiKey]:
        return sorted(self._keys.get(app, {}).values(), key=lambda key: key.id)

    def key(self, app: AppId, hash: bytes) -> tuple[ApiKey, User | None] | None:
        key = self._keys.get(app, {}).get(hash)
        return None if key is None else (key, self._owners.get((app, key.user)))

    def refuses(self, app: AppId, *, user: str, generation: int, session: str) -> bool:
        refused = self._refused.get(app)
        if not refused:
            return False
        by_user = refused.get(of_user(user))
        return of_session(session) in refused or (
            by_user is not None and generation < by_user.generation
        )

    def add_key(self, key: ApiKey, owner: User | None) -> None:
        self._keys.setdefault(key.app, {})[key.hash] = key
        if owner is not None:
            self._owners[key.app, owner.id] = owner

    def drop_keys(self, app: AppId, gone: Iterable[ApiKey]) -> None:
        held = self._keys.get(app, {})
        for key in gone:
            held.pop(key.hash, None)
            self._used.pop((app, key.id), None)
            if key.user and not any(other.user == key.user for other in held.values()):
                self._owners.pop((app, key.user), None)

    def keys_of(self, app: AppId, user: str) -> list[ApiKey]:
        return [key for key in self._keys.get(app, {}).values() if key.user == user]

    def mark_used(self, key: ApiKey, *, at: float) -> None:
        held = self._keys.get(key.app, {})
        if key.hash in held:
            held[key.hash] = replace(held[key.hash], used_at=at)
            self._used[key.app, key.id] = at

    def used(self) -> Mapping[tuple[AppId, str], float]:
        """When keys were used, as far as it is not on disk."""
        return dict(self._used)

    def used_written(self, written: Mapping[tuple[AppId, str], float]) -> None:
        for name, at in written.items():
            if self._used.get(name) == at:
                del self._used[name]

    def changed(self, user: User) -> None:
        """A user was written: whoever holds a key of theirs has the new rights from now on."""
        if (user.app, user.id) in self._owners:
            self._owners[user.app, user.id] = user

    def refuse(self, app: AppId, marks: Iterable[Refused]) -> None:
        held = self._refused.setdefault(app, {})
        for mark in marks:
            held[mark.subject] = mark

    def sweep(self, now: float) -> None:
        for marks in self._refused.values():
            for subject in [mark.subject for mark in marks.values() if mark.until <= now]:
                del marks[subject]

    def erase(self, app: AppId) -> None:
        self.drop_keys(app, self.keys(app))
        self._keys.pop(app, None)
        self._refused.pop(app, None)
        for owner in [owner for owner in self._owners if owner[0] == app]:
            del self._owners[owner]
