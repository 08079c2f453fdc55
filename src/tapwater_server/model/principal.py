"""Who is asking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A holder of a token of the platform, a running function, a user of an app, or nobody.

    ``apps`` empty and ``admin`` true: may do everything. ``function`` (``group/name``) is set for
    a running function; its ``apps`` is its own app. ``user`` is set for a signed-in user of
    ``user_app``; such a one may do what the app's rules allow, and nothing else.
    """

    name: str
    admin: bool = False
    apps: frozenset[AppId] = field(default_factory=frozenset)
    function: str = ""
    user: str = ""  # the user's id
    user_app: AppId = AppId("")
    email: str = ""
    email_verified: bool = False
    roles: frozenset[str] = field(default_factory=frozenset)
    claims: Mapping[str, Any] = field(default_factory=dict)  # what the app keeps of the user

    def may_deploy(self, app: AppId) -> bool:
        """Say whether this principal may change ``app``."""
        return not self.function and self.is_trusted(app)

    def is_trusted(self, app: AppId) -> bool:
        """Say whether the app's rules do not bind this principal: its own functions, and holders
        of a platform token for it.
        """
        return self.admin or app in self.apps

    def is_user_of(self, app: AppId) -> bool:
        """Say whether this is somebody who signed in to ``app``."""
        return bool(self.user) and self.user_app == app


NOBODY = Principal(name="nobody")
