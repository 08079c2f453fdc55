"""Webhooks: /webhooks/<name>. A signed request of another site becomes a durable event."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tapwater_server.model.errors import NotFound, Unauthenticated
from tapwater_server.model.event import Event
from tapwater_server.model.function import Trigger
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import is_json
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.secrets import Secrets
from tapwater_server.services.events.shapes import Taken
from tapwater_server.services.events.signatures import complaint
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who

BODY_BYTES_MAX = 4 << 20
FIELDS_MAX = 1000  # Of a form.
LIVE = "live"
# What a function has no need to know, or must not: the platform has looked at it.
_HIDDEN = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "stripe-signature",
        "transfer-encoding",
        "x-hub-signature",
        "x-hub-signature-256",
        "x-signature",
        "x-slack-signature",
    }
)
# Where senders name a delivery.
_IN_HEADERS = ("x-github-delivery", "webhook-id", "x-delivery-id")
_IN_BODY: Mapping[str, str] = {"stripe": "id", "slack": "event_id"}
_log = logging.getLogger(__name__)


class WebhooksApi:
    """Checks the signature, writes the event, answers 202."""

    def __init__(
        self,
        *,
        registry: Registry,
        secrets: Secrets,
        log: EventLog,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._registry, self._secrets = registry, secrets
        self._eventlog, self._clock, self._ids = log, clock, ids

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/webhooks/{name}",
                says="Where another site tells of its events, signed with a secret of the app.",
                handler=self._take,
                who=Who.ANYONE,
                gives=Taken,
                status=202,
            ),
        )

    async def _take(self, asked: Asked) -> Answer:
        name = asked.params["name"]
        triggers = self._triggers(asked.app, name)
        if not triggers:
            raise NotFound(f"there is no webhook {name[:100]!r}")
        body = await asked.raw(bytes_max=BODY_BYTES_MAX)
        style = self._check(asked, triggers, name, body)
        parsed = parse(asked.headers, body)
        challenge = parsed.get("challenge") if isinstance(parsed, dict) else None
        if challenge is not None and parsed.get("type") == "url_verification":
            return Answer({"challenge": str(challenge)})
        event = self._event(asked, name, style, parsed)
        new = await self._eventlog.append([event])
        return Answer(Taken(ids=[event.id], new=new), status=202)

    def _check(self, asked: Asked, triggers: Sequence[Trigger], name: str, body: bytes) -> str:
        """Believe it if it fits what any live revision says; give the style that it fits.

        Raises:
            Unauthenticated: it fits none; who sent it learns no more than that.
        """
        reasons = []
        for trigger in triggers:
            secret = str(trigger.arguments["secret"])
            text = self._secrets.values(asked.app, [secret]).get(secret, "")
            style = str(trigger.arguments.get("style", "hmac"))
            reason = complaint(style, asked.headers, body, secret=text, now=self._clock.now())
            if not reason:
                return style
            reasons.append(reason if text else f"the app has no secret {secret}")
        _log.warning(
            "webhook refused", extra={"app": asked.app, "webhook": name, "why": reasons[0]}
        )
        raise Unauthenticated("the signature is not that of this webhook")

    def _event(self, asked: Asked, name: str, style: str, parsed: Any) -> Event:
        shown = {key: value for key, value in asked.headers.items() if key not in _HIDDEN}
        return Event(
            id=self._id(asked.headers, name, style, parsed),
            app=asked.app,
            type=f"tapwater.webhook.{name}",
            source=f"/webhooks/{name}",
            subject=subject(asked.headers, parsed),
            at=self._clock.now(),
            data=msgspec.json.encode({"headers": shown, "body": parsed}),
            trace=asked.trace,
        )

    def _id(self, headers: Mapping[str, str], name: str, style: str, parsed: Any) -> str:
        """What is sent again is the same event, as far as its sender says which one it is."""
        member = _IN_BODY.get(style, "")
        said = next((headers[one] for one in _IN_HEADERS if headers.get(one)), "")
        if member:
            said = str(parsed.get(member) or "") if isinstance(parsed, dict) else ""
        if not said:
            return self._ids.fresh()
        return hashlib.blake2b(f"{name}\0{said}".encode(), digest_size=16).hexdigest()

    def _triggers(self, app: AppId, name: str) -> Sequence[Trigger]:
        found = []
        for alias in self._registry.aliases(app):
            if alias.name != LIVE:
                continue
            for id in alias.weights:
                revision = self._registry.revision(app, id)
                for function in revision.functions if revision is not None else ():
                    found += [one for one in function.triggers if _is_webhook(one, name)]
        return found


def parse(headers: Mapping[str, str], body: bytes) -> Any:
    """Read the body: JSON, a form (GitHub's has JSON in its field ``payload``), or text."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    text = body.decode("utf-8", "replace")
    if kind == "application/x-www-form-urlencoded":
        try:
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
        except ValueError:
            return text
        if set(fields) == {"payload"}:
            return _json_or(fields["payload"].encode(), fields)
        return fields
    return _json_or(body, text) if is_json(kind) or not kind else text


def subject(headers: Mapping[str, str], parsed: Any) -> str:
    """Say what kind of event it is, as its sender names it.

    >>> subject({"x-github-event": "push"}, {})
    'push'
    >>> subject({}, {"type": "charge.paid"})
    'charge.paid'
    """
    said: Any = headers.get("x-github-event", "")
    if not said and isinstance(parsed, dict):
        inner = parsed.get("event")
        said = (inner if isinstance(inner, dict) else parsed).get("type")
    return said[:256] if isinstance(said, str) and said.isprintable() else ""


def _json_or(raw: bytes, otherwise: Any) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return otherwise


def _is_webhook(trigger: Trigger, name: str) -> bool:
    return trigger.source == "webhook" and trigger.arguments.get("name") == name
