"""The rules that hold now: those of each app's live revision, compiled once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapwater_server.model.function import Revision
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.registry import Registry, live_revision
from tapwater_server.ports.rules import Action
from tapwater_server.rules.rulebook import (
    Question,
    Rulebook,
    read_rulebook,
    user_value,
)

_NOTHING = Rulebook()


class LiveRules:
    """See the promises of ``ports/rules.py``. While traffic is split, the larger share rules."""

    def __init__(self, *, registry: Registry, clock: Clock) -> None:
        self._registry, self._clock = registry, clock
        self._books: dict[AppId, Rulebook] = {}
        registry.watch(self._changed)

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
        if who.is_trusted(app):
            return True
        question = Question(
            service=service,
            action=action,
            path=path,
            user=user_value(app, who),
            old=old,
            new=new,
            now=datetime.fromtimestamp(self._clock.now(), UTC),
        )
        return self.book(app).allows(question)

    def book(self, app: AppId) -> Rulebook:
        """The rules of an app's live revision; none where nothing is live."""
        book = self._books.get(app)
        if book is None:
            revision = live_revision(self._registry, app)
            if revision is None:
                return _NOTHING
            book = self._books[app] = _read(revision)
        return book

    def _changed(self, app: AppId) -> None:
        self._books.pop(app, None)


def _read(revision: Revision) -> Rulebook:
    """They were checked at deploy. If they cannot be read any more, nothing is allowed."""
    book, problems = read_rulebook(revision.settings.get("rules") or {})
    return _NOTHING if problems else book
