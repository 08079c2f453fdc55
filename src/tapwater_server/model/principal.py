"""Who is asking."""

from dataclasses import dataclass, field

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A holder of a token. ``apps`` empty and ``admin`` true: may do everything."""

    name: str
    admin: bool = False
    apps: frozenset[AppId] = field(default_factory=frozenset)

    def may_deploy(self, app: AppId) -> bool:
        """Say whether this principal may change ``app``."""
        return self.admin or app in self.apps
