"""Users that a test names: who holds which token."""

from collections.abc import Mapping

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal


class ListedIdentities:
    """Knows those it was given, and nobody else: see ``ports/identity.py``."""

    def __init__(self, known: Mapping[tuple[AppId, str], Principal] | None = None) -> None:
        self.known = dict(known or {})

    def check(self, app: AppId, token: str) -> Principal | None:
        return self.known.get((app, token))
