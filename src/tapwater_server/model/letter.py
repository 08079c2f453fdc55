"""A letter: what is asked to be sent by e-mail, and what has become of it."""

from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be sent. Addresses may carry a name: ``Ada <ada@example.com>``."""

    to: tuple[str, ...]
    subject: str
    text: str = ""
    html: str = ""
    sender: str = ""  # "": the app's or the node's own
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()
    key: str = ""  # idempotency: a second one with this key is not sent
    trace: str = ""  # W3C traceparent of what sends it


class Stage(StrEnum):
    """How far a letter is."""

    WAITING = "waiting"
    SENT = "sent"  # the server for mail has taken it
    KEPT = "kept"  # in the inbox: there is no server for mail
    DEAD = "dead"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter that was accepted. ``raw`` is the whole message (RFC 5322); empty in listings."""

    id: str
    app: AppId
    sender: str  # of the envelope: plain addresses
    recipients: tuple[str, ...]
    to: str  # as shown
    subject: str
    accepted_at: float
    stage: Stage = Stage.WAITING
    attempt: int = 0
    due_at: float = 0.0
    settled_at: float = 0.0
    reason: str = ""  # of the last failure
    size: int = 0
    raw: bytes = b""
    trace: str = ""  # W3C traceparent of what sent it
