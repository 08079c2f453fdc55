"""Telling people and functions that something is wrong: by event, by mail, by webhook.

NTF-1  tell() returns at once and never raises, whatever the other side does.
NTF-2  A notice reaches each of its places, or that place was tried ATTEMPTS_MAX times; one that
       does not answer keeps none of the others waiting.
NTF-3  Of notices with one ``key`` one is told in ``quiet_s``; stats() counts those that were not.
NTF-4  At most WAITING_MAX wait; beyond, the oldest are dropped, and stats() counts them.
NTF-5  A webhook is signed: ``x-timestamp``, and ``x-signature``, the HMAC-SHA256 in hex of
       ``<timestamp>.<body>`` with the webhook's secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapwater_server.model.ids import AppId

ATTEMPTS_MAX = 5
WAITING_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where a notice is posted to, and what it is signed with."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell. ``title`` is a mail's subject, ``text`` its body; ``facts`` are for
    machines: the data of the event and of the webhook, besides those two.
    """

    type: str  # of the event: "tapwater.alert", "tapwater.budget.reached"
    app: AppId  # whose event, mail server and inbox it is; "": the node's, and there is no event
    subject: str  # what it is about: the name of a rule or of a budget
    title: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""  # "": told however often
    quiet_s: float = 0.0
    event: bool = True
    mails: tuple[str, ...] = ()
    hooks: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierStats:
    """What became of notices so far. ``told`` and the rest count places, ``quiet`` notices."""

    told: int
    failed: int
    dropped: int
    quiet: int
    waiting: int


class Notifier(Protocol):
    """Whom to give a notice to."""

    def tell(self, notice: Notice) -> bool:
        """Take a notice. False: one of its key was told a moment ago."""
        ...

    def stats(self) -> NotifierStats: ...
