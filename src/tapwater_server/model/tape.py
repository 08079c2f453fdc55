"""What a running call asked of the platform, and what it was told: held until the call ends."""

from dataclasses import dataclass, field

SECRET = "secret"  # the one question whose answer is never written down


@dataclass(slots=True, kw_only=True)
class Question:
    """One question of a call to the host: to a service, another function, for a secret.

    ``body`` and ``answer`` are as they went over the wire; where ``fine`` is false the answer is
    the error's JSON.
    """

    name: str  # service, call, secret
    body: bytes
    answer: bytes = b""
    fine: bool = True
    answered: bool = False  # False: the call ended first
    kept: bool = True  # False: too large, or secret: body or answer are not here
    at_ms: float = 0.0  # since the call arrived
    took_ms: float = 0.0


@dataclass(slots=True)
class Tape:
    """The questions of one call, in the order they were asked."""

    questions: list[Question] = field(default_factory=list)
    size_bytes: int = 0
    cut: bool = False  # some are missing: there were too many
    over: bool = False  # the call has ended: what is still told is not held
