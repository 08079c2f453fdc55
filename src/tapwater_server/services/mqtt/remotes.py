"""Keeps a connection to the broker elsewhere of each app that names one and listens."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.model.ids import AppId
from tapwater_server.model.mqtt import ElsewhereSettings, parse_elsewhere
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.registry import Registry, live_revision
from tapwater_server.ports.secrets import Secrets
from tapwater_server.services.mqtt.codec.packets import V5, V311
from tapwater_server.services.mqtt.listeners import Listeners
from tapwater_server.services.mqtt.remote import Login, Remote, version_after

_log = logging.getLogger(__name__)
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 0.5, 60.0


@dataclass(slots=True, kw_only=True)
class _Kept:
    settings: ElsewhereSettings
    task: "asyncio.Task[None]"
    remote: Remote | None = None
    error: str = ""
    failures: int = 0


class Remotes:
    """Follows the registry: what is live says which broker, and which topics."""

    def __init__(
        self,
        *,
        registry: Registry,
        secrets: Secrets,
        listeners: Listeners,
        log: EventLog,
        clock: Clock,
        ids: IdSource,
        node: str,
    ) -> None:
        self._node = node  # The same at every start: a broker keeps what we miss under it.
        self._registry, self._secrets, self._listeners = registry, secrets, listeners
        self._log, self._clock, self._ids = log, clock, ids
        self._kept: dict[AppId, _Kept] = {}
        self._changed = asyncio.Event()
        self._changed.set()
        registry.watch(lambda app: self._changed.set())

    async def run(self) -> None:
        """Keep connections as the live revisions say, until cancelled."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._changed.wait()
                    self._changed.clear()
                    await self.step(group)
            finally:
                for kept in self._kept.values():
                    kept.task.cancel()

    async def step(self, group: asyncio.TaskGroup) -> None:
        """Bring what is connected in line with what is wanted."""
        wanted = self._wanted()
        for app, kept in tuple(self._kept.items()):
            if wanted.get(app) != kept.settings:
                del self._kept[app]
                kept.task.cancel()
                await asyncio.wait([kept.task])
        for app, settings in wanted.items():
            found = self._kept.get(app)
            if found is None:
                task = group.create_task(self._keep(app))
                self._kept[app] = _Kept(settings=settings, task=task)
            elif found.remote is not None and found.remote.is_connected:
                found.remote.listen(self._listeners.filters(app))

    def state(self, app: AppId) -> Mapping[str, object] | None:
        """Say how the connection of an app does; None: it wants none."""
        kept = self._kept.get(app)
        if kept is None:
            return None
        remote = kept.remote
        is_connected = remote is not None and remote.is_connected
        return {
            "host": kept.settings.host,
            "port": kept.settings.port,
            "connected": is_connected,
            "messages": remote.messages if remote is not None else 0,
            "refused": dict(remote.refused) if remote is not None else {},
            "error": "" if is_connected else kept.error,
        }

    def _wanted(self) -> Mapping[AppId, ElsewhereSettings]:
        found = {}
        for app in self._registry.apps():
            revision = live_revision(self._registry, app)
            said = revision.settings.get("mqtt") if revision is not None else None
            settings = parse_elsewhere(said)[0] if said else None
            if settings is not None and self._listeners.filters(app):
                found[app] = settings
        return found

    async def _keep(self, app: AppId) -> None:
        """Connect, hear, and again after each failure; wait longer each time it fails at once."""
        kept = self._kept[app]
        version = V311 if kept.settings.version == "3.1.1" else V5
        messages = 0
        while True:
            remote = self._remote(app, kept.settings, version)
            kept.remote, remote.messages = remote, messages
            try:
                await remote.run(self._listeners.filters(app))
            except Exception as error:
                # A border: one app's broker, or a full disk, must not end all the others.
                kept.error = str(error) or type(error).__name__
                kept.failures = 1 if remote.messages > messages else kept.failures + 1
                messages = remote.messages
                version = version_after(error, version)
                _log.warning("mqtt_elsewhere_lost", extra={"app": app, "reason": kept.error})
            await self._clock.sleep(self._back_off_s(kept.failures))

    def _back_off_s(self, failures: int) -> float:
        longest = min(BACK_OFF_S_MIN * float(1 << min(failures, 10)), BACK_OFF_S_MAX)
        return longest * (0.5 + self._ids.chance() / 2)

    def _remote(self, app: AppId, settings: ElsewhereSettings, version: int) -> Remote:
        return Remote(
            app=app,
            settings=settings,
            login=self._login(app, settings),
            hears=self._listeners.hears,
            log=self._log,
            clock=self._clock,
            ids=self._ids,
            version=version,
        )

    def _login(self, app: AppId, settings: ElsewhereSettings) -> Login:
        """Secrets are read at each attempt: a new password needs no new deploy."""
        names = [name for name in (settings.user_secret, settings.password_secret) if name]
        values = self._secrets.values(app, names) if names else {}
        return Login(
            client_id=settings.client_id or f"tapwater-{app}-{self._node}",
            user=values.get(settings.user_secret, settings.user),
            password=values.get(settings.password_secret, ""),
        )
