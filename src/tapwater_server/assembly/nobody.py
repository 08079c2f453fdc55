"""What stands where no users and no rules are: nobody is known, and nobody else is let in."""

from collections.abc import Mapping
from typing import Any

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.rules import Action


class NoIdentities:
    """Knows nobody: see ``ports/identity.py``."""

    def check(self, app: AppId, token: str) -> Principal | None:
        return None


class NoRules:
    """Allows an app's own functions everything, and others nothing: see ``ports/rules.py``."""

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,
        action: Action,
        path: str,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        return who.is_trusted(app)
