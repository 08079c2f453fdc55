"""Who a user of an app is, from the token a browser or phone sends. Quick: no I/O.

IDN-1  A token that expired, was revoked, is another app's or was changed in one bit is nobody's.
IDN-2  check() neither waits nor reads from disk: it is called for each request.
"""

from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal


class Identities(Protocol):
    """Checks access tokens and API keys of an app's users."""

    def check(self, app: AppId, token: str) -> Principal | None: ...
