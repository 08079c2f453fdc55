"""What each app says about its users: read from its live revision, once for each change."""

from tapwater_server.model.accounts import AccountSettings, parse_accounts
from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import Registry, live_revision

_USUAL = AccountSettings()
_CLOSED = AccountSettings(sign_up=False, confirm=True)


class LiveSettings:
    """Gives an app's settings; the usual ones where it says nothing."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._held: dict[AppId, AccountSettings] = {}
        registry.watch(self._changed)

    def __call__(self, app: AppId) -> AccountSettings:
        held = self._held.get(app)
        if held is None:
            revision = live_revision(self._registry, app)
            if revision is None:
                return _USUAL
            read, complaints = parse_accounts(revision.settings.get("users") or {})
            # They were checked at deploy. If they cannot be read any more, nobody new comes in.
            held = self._held[app] = _CLOSED if complaints else read
        return held

    def _changed(self, app: AppId) -> None:
        self._held.pop(app, None)
