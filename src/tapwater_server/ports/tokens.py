"""Who holds which token.

TOK-1  A token's text is given out once, at issue(); at rest there is only its hash.
TOK-2  A revoked token is refused from the next call on.
TOK-3  check() takes the same time for a wrong token as for a right one.
"""

from collections.abc import Sequence
from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal


class Tokens(Protocol):
    """Admin and project-scoped deploy tokens."""

    def check(self, token: str) -> Principal | None: ...

    async def issue(self, name: str, *, admin: bool, apps: Sequence[AppId]) -> str: ...

    async def revoke(self, name: str) -> bool: ...

    def list(self) -> Sequence[Principal]: ...
