"""Who may read or write what from a browser or phone, as the live revision of the app says.

RUL-1  What no rule allows is refused; an app without rules allows nothing to anybody but itself.
RUL-2  A rule that fails (a missing field, a wrong type) refuses.
RUL-3  Judging has a ceiling on steps and time, whatever the rule and the document are.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal


class Action(StrEnum):
    """What somebody wants to do with one document or blob."""

    READ = "read"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Rules(Protocol):
    """Judges the requests of users and of nobody; trusted principals are always allowed."""

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,  # "docs", "blobs" or "mqtt"
        action: Action,
        path: str,  # "users/42", "avatars/7.png"
        old: Mapping[str, Any] | None = None,  # the document (or the blob's facts) as it is
        new: Mapping[str, Any] | None = None,  # as it would be
    ) -> bool: ...
