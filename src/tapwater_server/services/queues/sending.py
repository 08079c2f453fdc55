"""From what is sent to the errands that carry it: names, chains, dedupe ids. Pure."""

import hashlib
import re
from dataclasses import dataclass

from tapwater_server.model.errors import Invalid, TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Invocation
from tapwater_server.model.message import Message, pack_attributes
from tapwater_server.ports.bus import Errand, queue_line
from tapwater_server.ports.queues import DELAY_S_MAX, QueueSettings

KEY_LENGTH_MAX = 256
PRIORITY_MAX = 100
EVERYTHING = "*"  # The key of messages without one, in an ordered queue.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where in a chain of functions something is sent."""

    root: str = ""
    depth: int = 0
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One message on its way into a queue or topic."""

    message: Message
    key: str = ""
    delay_s: float | None = None  # None: the queue's
    priority: int = 0
    dedupe: str = ""
    id: str = ""  # given by the platform's own parts: one sent before changes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of one: its id, or why it was refused."""

    id: str = ""
    duplicate: bool = False  # It had been sent before; ``id`` is that one's.
    error: TapwaterError | None = None


def check_name(name: str, *, what: str) -> None:
    """Refuse what cannot name a queue or topic.

    Raises:
        Invalid: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:100]!r} is not the name of a {what}: use letters, digits, dots, dashes and "
            "underscores, 80 at most, and begin with a letter or digit"
        )


def check(draft: Draft) -> None:
    """Refuse a malformed message.

    Raises:
        Invalid, TooLarge: it is.
    """
    draft.message.check()
    if len(draft.key) > KEY_LENGTH_MAX or len(draft.dedupe) > KEY_LENGTH_MAX:
        raise Invalid(f"a key or dedupe id has at most {KEY_LENGTH_MAX} characters")
    if abs(draft.priority) > PRIORITY_MAX:
        raise Invalid(f"a priority is from -{PRIORITY_MAX} to {PRIORITY_MAX}")
    if draft.delay_s is not None and not 0 <= draft.delay_s <= DELAY_S_MAX:
        raise Invalid(f"a delay is from 0 to {DELAY_S_MAX:g} seconds")


def chain_of(caller: Invocation | None, trace: str = "") -> Chain:
    """Continue the chain of the call that sends; ``trace`` is the step that does."""
    if caller is None:
        return Chain(trace=trace)
    return Chain(
        root=caller.root or caller.id,
        depth=caller.depth + 1,
        trace=trace or caller.traceparent.decode("ascii", "replace"),
    )


def dedupe_ids(place: str, dedupe: str, *, now: float, window_s: float) -> tuple[str, str]:
    """Give the id a message has by its dedupe id, and the one it would have had a window ago.

    Time is cut into windows. In one window equal dedupe ids make equal ids, which the bus takes
    once; who comes early in a window looks whether there was one late in the window before.
    """
    window = int(now // window_s)
    return _dedupe_id(place, dedupe, window), _dedupe_id(place, dedupe, window - 1)


def _dedupe_id(place: str, dedupe: str, window: int) -> str:
    said = f"{place}\0{window}\0{dedupe}".encode("utf-8", "surrogatepass")
    return f"dd{hashlib.sha256(said).hexdigest()[:30]}"


def errand_of(
    draft: Draft,
    *,
    id: str,
    app: AppId,
    queue: str,
    settings: QueueSettings,
    chain: Chain,
    now: float,
) -> Errand:
    """Write a message as an errand on the queue's line."""
    delay_s = settings.delay_s if draft.delay_s is None else draft.delay_s
    return Errand(
        id=id,
        app=app,
        line=queue_line(app, queue),
        body=draft.message.body,
        attributes=pack_attributes(draft.message),
        key=draft.key or (EVERYTHING if settings.ordered else ""),
        priority=draft.priority,
        root=chain.root or id,
        depth=chain.depth,
        trace=chain.trace,
        not_before=now + delay_s if delay_s else 0.0,
        expires_at=now + delay_s + settings.retention_s,
    )
