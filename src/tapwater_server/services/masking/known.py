"""The secrets of apps in the forms they are looked for in, worked out once and kept in memory."""

import logging

from tapwater_server.model.errors import SettingsError
from tapwater_server.model.ids import AppId
from tapwater_server.model.masking import Forms, written_forms
from tapwater_server.ports.secrets import Secrets

FORMS_MAX = 5_000  # of one app; those of values that were replaced go first
_log = logging.getLogger(__name__)


class KnownSecrets:
    """Gives the forms of an app's secrets. A value that was replaced is still looked for: what
    runs with it may still print it.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._forms: dict[str, Forms] = {}
        self._stale: dict[str, Forms] = {}  # of apps whose secrets have changed since
        secrets.when_changed(self._changed)

    def of(self, app: str) -> Forms:
        """Give what to look for; nothing where there is nothing. Never raises."""
        forms = self._forms.get(app)
        return self._read(app) if forms is None else forms

    def _read(self, app: str) -> Forms:
        id = AppId(app)
        try:
            values = self._secrets.values(id, self._secrets.names(id))
        except SettingsError as error:
            # Without the key nobody can read them, functions neither: there is nothing to hide.
            _log.warning("secrets cannot be hidden in logs", extra={"app": app, "why": str(error)})
            values = {}
        now = written_forms(values.values())
        before = tuple(form for form in self._stale.pop(app, ()) if form not in now)
        forms = tuple(sorted((*now, *before)[:FORMS_MAX], key=len, reverse=True))
        self._forms[app] = forms
        return forms

    def _changed(self, app: AppId) -> None:
        forms = self._forms.pop(app, ())
        if forms:
            self._stale[app] = forms
