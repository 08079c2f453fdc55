"""Tokens in memory."""

from collections.abc import Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tokens import HeldToken, find, fresh, hash_of, without


class MemoryTokens:
    """See the promises of ``ports/tokens.py``."""

    def __init__(self, *, ids: IdSource) -> None:
        self._ids = ids
        self._held: list[HeldToken] = []

    def check(self, token: str) -> Principal | None:
        return find(self._held, hash_of(token))

    def holder(self, hash: bytes) -> Principal | None:
        return find(self._held, hash)

    async def issue(self, name: str, *, admin: bool, apps: Sequence[AppId]) -> str:
        text, token = fresh(name, admin=admin, apps=apps, held=self._held, ids=self._ids)
        self._held.append(token)
        return text

    async def revoke(self, name: str) -> bool:
        left = [token for token in self._held if token.principal.name != name]
        gone = len(left) < len(self._held)
        self._held = left
        return gone

    def list(self) -> Sequence[Principal]:
        return [token.principal for token in self._held]

    def forget(self, app: AppId) -> None:
        """The app is gone."""
        self._held = without(self._held, app)
