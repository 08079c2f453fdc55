"""Who may connect, to which app's topics, and what they may do there.

A user name is ``<app>`` or ``<app>:<anything>``; the password is a platform token for the app, or a
token or key of one of its users. Who is trusted may do everything; a user may do what the app's
rules allow for the service ``mqtt``: ``read`` hears a topic, ``create`` publishes on it. Where an
operator names an app for them, clients that do not say who they are come in as nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId, parse_app_id
from tapwater_server.model.principal import NOBODY, Principal
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.rules import Action, Rules
from tapwater_server.ports.tokens import Tokens
from tapwater_server.services.mqtt.codec.packets import Connect
from tapwater_server.services.mqtt.codec.reasons import BadPacket, Reason

SERVICE = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who was let in."""

    app: AppId
    who: Principal
    still: Callable[[], bool]  # whether what they showed is still good

    def key(self, client_id: str) -> str:
        """Name their session: a user's never is another one's, whatever client id they choose."""
        return f"{self.who.user}\0{client_id}" if self.who.user else client_id


class Door:
    """Decides who comes in."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        identities: Identities,
        rules: Rules,
        knows: Callable[[AppId], bool],
        anonymous: AppId | None,
        trusting: bool,
        over_budget: Callable[[AppId], bool] = lambda app: False,
    ) -> None:
        self._tokens, self._identities, self._rules = tokens, identities, rules
        self._knows, self._anonymous, self._trusting = knows, anonymous, trusting
        self._over_budget = over_budget

    def admit(self, connect: Connect) -> Visitor:
        """Let somebody in.

        Raises:
            BadPacket: they may not.
        """
        if connect.user is None and connect.password is None:
            if self._anonymous is None:
                raise BadPacket(Reason.NOT_AUTHORIZED, "say who you are: user name and password")
            who = NOBODY
            if self._trusting:
                who = Principal(name="anonymous", apps=frozenset({self._anonymous}))
            return Visitor(app=self._anonymous, who=who, still=lambda: True)
        app = self._app(connect.user or "")
        secret = (connect.password or b"").decode("utf-8", "replace")
        found = self._who(app, secret) if app is not None else None
        if app is None or found is None:
            raise BadPacket(Reason.BAD_CREDENTIALS, "the user name or password is not right")
        return Visitor(app=app, who=found, still=lambda: self._who(app, secret) is not None)

    def may_read(self, visitor: Visitor, topic: str) -> bool:
        """Say whether they may hear a topic, or subscribe to a filter."""
        return self._may(visitor, Action.READ, topic)

    def may_publish(self, visitor: Visitor, topic: str) -> bool:
        return self._may(visitor, Action.CREATE, topic)

    def has_room(self, visitor: Visitor) -> bool:
        """Say whether the app's budgets let in what they publish."""
        return visitor.who.admin or not self._over_budget(visitor.app)

    def _may(self, visitor: Visitor, action: Action, topic: str) -> bool:
        app, who = visitor.app, visitor.who
        if who.is_trusted(app):
            return True
        return self._rules.allows(app, who, service=SERVICE, action=action, path=topic)

    def _app(self, user: str) -> AppId | None:
        try:
            app = parse_app_id(user.partition(":")[0])
        except Invalid:
            return None
        return app if self._knows(app) else None

    def _who(self, app: AppId, secret: str) -> Principal | None:
        """A token for another app is as good as none."""
        found = self._tokens.check(secret)
        if found is not None:
            return found if found.is_trusted(app) else None
        return self._identities.check(app, secret)
