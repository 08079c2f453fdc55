"""Takes drafts: checks them, writes them whole, puts them into the outbox or the inbox."""

import hashlib
from dataclasses import dataclass
from email.headerregistry import Address

from tapwater_server.model.errors import Invalid, RateLimited
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Draft, Letter, Stage
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mail import Outbox, Server
from tapwater_server.ports.mail_server import read_server
from tapwater_server.ports.secrets import Secrets
from tapwater_server.services.mail.composing import compose, read_mailbox, recipients_of

URL_SECRET, FROM_SECRET = "SMTP_URL", "MAIL_FROM"
_NOBODY = "tapwater@localhost"
_KEY_LENGTH_MAX = 200
BURST = 200  # Mails of one app at once,
EACH_S = 0.5  # and then one each half second.


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """What the node says about mail. ``keep``: none leaves, all are kept in the inbox."""

    server: Server | None = None
    sender: str = ""
    keep: bool = False
    reach_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an app's mail leaves. No server: it stays in the inbox."""

    server: Server | None
    sender: str
    free: bool  # it may name any sender


class Ways:
    """Finds each app's way: its own server by its secrets, else the node's."""

    def __init__(self, *, secrets: Secrets, settings: MailSettings) -> None:
        self._secrets, self._settings = secrets, settings

    def of(self, app: AppId) -> Way:
        """Raises Invalid: the app's own server has an address that cannot be read."""
        own = self._secrets.values(app, [URL_SECRET, FROM_SECRET])
        sender = own.get(FROM_SECRET) or self._settings.sender or _NOBODY
        if self._settings.keep:
            return Way(server=None, sender=sender, free=True)
        if URL_SECRET in own:
            reach = self._settings.reach_private
            server = read_server(own[URL_SECRET], own_network=reach)
            return Way(server=server, sender=sender, free=True)
        if self._settings.server is None:
            return Way(server=None, sender=sender, free=True)
        node = self._settings.sender or _NOBODY
        return Way(server=self._settings.server, sender=node, free=False)


class AppPost:
    """See ``ports.mail.Post``."""

    def __init__(self, *, outbox: Outbox, ways: Ways, clock: Clock, ids: IdSource) -> None:
        self._outbox, self._ways = outbox, ways
        self._clock, self._ids = clock, ids
        self._tanks: dict[AppId, tuple[float, float]] = {}  # level, at

    async def send(self, app: AppId, draft: Draft) -> str:
        """Accept a draft, durably.

        Raises:
            Invalid, TooLarge: it cannot be sent.
            RateLimited: the app sends too many.
        """
        return (await self.accept(app, draft)).id

    async def accept(self, app: AppId, draft: Draft) -> Letter:
        letter = self.write(app, draft)
        self._take(app)
        await self.keep(letter)
        return letter

    async def keep(self, letter: Letter) -> None:
        await self._outbox.accept(letter)

    def write(self, app: AppId, draft: Draft) -> Letter:
        way = self._ways.of(app)
        sender = _sender(draft, way)
        recipients = recipients_of(draft)
        id, now = self._id(app, draft.key), self._clock.now()
        raw = compose(draft, id=id, sender=sender, at=now)
        kept = way.server is None
        return Letter(
            id=id,
            app=app,
            sender=sender.addr_spec,
            recipients=recipients,
            to=", ".join(draft.to)[:500],
            subject=draft.subject,
            accepted_at=now,
            stage=Stage.KEPT if kept else Stage.WAITING,
            due_at=now,
            settled_at=now if kept else 0.0,
            size=len(raw),
            raw=raw,
            trace=draft.trace,
        )

    def _id(self, app: AppId, key: str) -> str:
        if len(key) > _KEY_LENGTH_MAX:
            raise Invalid(f"a key has {_KEY_LENGTH_MAX} characters at most")
        if not key:
            return self._ids.fresh()
        return "K" + hashlib.sha256(f"{app}\0{key}".encode()).hexdigest()[:25].upper()

    def _take(self, app: AppId) -> None:
        now = self._clock.monotonic()
        level, at = self._tanks.get(app, (float(BURST), now))
        level = min(float(BURST), level + (now - at) / EACH_S)
        if level < 1.0:
            self._tanks[app] = (level, now)
            wait_s = (1.0 - level) * EACH_S
            raise RateLimited("this app sends too many mails", retry_after_s=wait_s)
        self._tanks[app] = (level - 1.0, now)


def _sender(draft: Draft, way: Way) -> Address:
    usual = read_mailbox(way.sender)
    if not draft.sender:
        return usual
    wanted = read_mailbox(draft.sender)
    if not way.free and wanted.addr_spec != usual.addr_spec:
        raise Invalid(
            f"this app's mail leaves through the node's server, as {usual.addr_spec}: to send as "
            f"anybody else, give it a server of its own (the secret {URL_SECRET})"
        )
    return wanted
