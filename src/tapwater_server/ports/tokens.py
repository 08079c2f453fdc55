"""Who holds which token.

TOK-1  A token's text is given out once, at issue(); at rest there is only its hash.
TOK-2  A revoked token is refused from the next call on.
TOK-3  check() takes the same time for a wrong token as for a right one; so does holder().
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Protocol

from tapwater_server.model.errors import Conflict, Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.ids import IdSource

TOKENS_MAX = 1_000  # check() looks at each one.
_PREFIX = "tap_"  # So that a leaked token is recognised by scanners and people.


class Tokens(Protocol):
    """Admin and project-scoped deploy tokens."""

    def check(self, token: str) -> Principal | None: ...

    def holder(self, hash: bytes) -> Principal | None:
        """Who holds the token of this hash (``hash_of``); a revoked one is nobody's."""
        ...

    async def issue(self, name: str, *, admin: bool, apps: Sequence[AppId]) -> str: ...

    async def revoke(self, name: str) -> bool: ...

    def list(self) -> Sequence[Principal]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldToken:
    """What is kept of a token: never its text."""

    principal: Principal
    hash: bytes


def hash_of(text: str) -> bytes:
    """Hash a token's text. It has 256 bits of chance in it, so a slow hash would add nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def find(held: Iterable[HeldToken], wanted: bytes) -> Principal | None:
    """Look at every token, whether or not an earlier one fitted."""
    found: Principal | None = None
    for token in held:
        if compare_digest(token.hash, wanted):
            found = token.principal
    return found


def without(held: Iterable[HeldToken], app: AppId) -> list[HeldToken]:
    """Take an app away from all tokens; a deploy token with no app left is gone."""
    left = []
    for token in held:
        apps = token.principal.apps - {app}
        if token.principal.admin or apps:
            left.append(replace(token, principal=replace(token.principal, apps=apps)))
    return left


def fresh(
    name: str, *, admin: bool, apps: Sequence[AppId], held: Sequence[HeldToken], ids: IdSource
) -> tuple[str, HeldToken]:
    """Make a new token.

    Raises:
        Conflict: the name is taken.
        Overloaded: there are ``TOKENS_MAX`` already.
    """
    if any(token.principal.name == name for token in held):
        raise Conflict(f"there is a token named {name!r} already: revoke it first")
    if len(held) >= TOKENS_MAX:
        raise Overloaded(f"there are {TOKENS_MAX} tokens already: revoke some first")
    text = _PREFIX + ids.secret()
    principal = Principal(name=name, admin=admin, apps=frozenset(apps))
    return text, HeldToken(principal=principal, hash=hash_of(text))
