"""Who a token's holder is: an access token of a user, or a key for programs."""

import hashlib

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.model.user import ApiKey
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.users import Users
from tapwater_server.services.auth.access import AccessTokens
from tapwater_server.services.auth.signing import SigningKeys

USED_S = 3600.0
KEY_PREFIX = "tapk_"  # So that a leaked key is recognised by scanners and people.


def hash_of(text: str) -> bytes:
    """Hash a secret text of ours. There are 256 bits of chance in it: a slow hash adds nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class AppIdentities:
    """See the promises of ``ports/identity.py``."""

    def __init__(
        self, *, users: Users, access: AccessTokens, keys: SigningKeys, clock: Clock
    ) -> None:
        self.access, self.keys = access, keys
        self._users, self._clock = users, clock

    def check(self, app: AppId, token: str) -> Principal | None:
        if token.startswith(KEY_PREFIX):
            return self._check_key(app, token)
        access = self.access.read(app, token)
        if access is None or self._users.refuses(
            app,
            user=access.principal.user,
            generation=access.generation,
            session=access.session,
        ):
            return None
        return access.principal

    def _check_key(self, app: AppId, token: str) -> Principal | None:
        found = self._users.key(app, hash_of(token))
        if found is None:
            return None
        key, owner = found
        now = self._clock.now()
        if key.expires_at and key.expires_at <= now:
            return None
        if key.user and (owner is None or owner.disabled):
            return None
        if abs(now - key.used_at) >= USED_S:  # So old and so coarse that no call waits for it.
            self._users.mark_used(key, at=now - now % USED_S)
        return _program(key) if owner is None else owner.principal()


def _program(key: ApiKey) -> Principal:
    """A key of the app itself: no person, and bound by the app's rules like one."""
    return Principal(
        name=key.name, user=f"key:{key.id}", user_app=key.app, roles=frozenset(key.roles)
    )
