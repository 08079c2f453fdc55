"""The keys with which an app's tokens are signed: made when needed, sealed at rest, rotated."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.secrets import Secrets

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

ALGORITHM = "ES256"
ROTATE_S = 30 * 86_400.0
OVERLAP_S = 86_400.0  # An old key is published and believed for so long after its time.
_NAME = "signing-keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key; ``made_at`` says when its time began."""

    kid: str
    made_at: float
    key: "ECKey"

    def public(self) -> dict[str, Any]:
        """The half that is published."""
        shown = self.key.as_dict(private=False)
        return {**shown, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


class SigningKeys:
    """Keys of all apps. They lie among the secrets, under a name that no app can have."""

    def __init__(self, *, secrets: Secrets, clock: Clock, ids: IdSource) -> None:
        self._secrets, self._clock, self._ids = secrets, clock, ids
        self._held: dict[AppId, tuple[SigningKey, ...]] = {}
        self._making = asyncio.Lock()

    def known(self, app: AppId) -> Sequence[SigningKey]:
        """The keys that are believed now, the newest first; none before the first sign-in."""
        held = self._held.get(app)
        if held is None:
            held = self._load(app)
            if held:  # Names of apps that do not exist are not remembered.
                self._held[app] = held
        oldest = self._clock.now() - ROTATE_S - OVERLAP_S
        return [key for key in held if key.made_at > oldest]

    def find(self, app: AppId, kid: str) -> SigningKey | None:
        return next((key for key in self.known(app) if key.kid == kid), None)

    async def current(self, app: AppId) -> SigningKey:
        """The key to sign with; makes one when there is none, or its time is over."""
        key = self._current(app)
        if key is not None:
            return key
        async with self._making:
            key = self._current(app)
            return await self._make(app) if key is None else key

    async def erase(self, app: AppId) -> None:
        self._held.pop(app, None)
        await self._secrets.remove(_place(app), _NAME)

    def _current(self, app: AppId) -> SigningKey | None:
        known = self.known(app)
        fresh = known and known[0].made_at > self._clock.now() - ROTATE_S
        return known[0] if fresh else None

    async def _make(self, app: AppId) -> SigningKey:
        from joserfc.jwk import ECKey

        made = await asyncio.to_thread(ECKey.generate_key, "P-256")
        key = SigningKey(kid=self._ids.fresh(), made_at=self._clock.now(), key=made)
        keys = (key, *self.known(app))
        stored = [
            {"kid": one.kid, "made_at": one.made_at, "jwk": one.key.as_dict(private=True)}
            for one in keys
        ]
        await self._secrets.put(_place(app), _NAME, json.dumps(stored))
        self._held[app] = keys
        return key

    def _load(self, app: AppId) -> tuple[SigningKey, ...]:
        stored = self._secrets.values(_place(app), [_NAME]).get(_NAME)
        if not stored:
            return ()
        from joserfc.jwk import ECKey  # Only a node that has users pays for it.

        return tuple(
            SigningKey(kid=one["kid"], made_at=one["made_at"], key=ECKey.import_key(one["jwk"]))
            for one in json.loads(stored)
        )


def _place(app: AppId) -> AppId:
    """A slash is in no app's name: functions and `tapwater secrets` do not come here."""
    return AppId(f"{app}/auth")
