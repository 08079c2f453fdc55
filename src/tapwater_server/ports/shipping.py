"""Handing what was seen to another system.

SHP-1  send() raises nothing for what the other side does or does not do; the receipt says it.
SHP-2  send() ends within SEND_S_MAX, whatever the other side does.
SHP-3  A receipt carries the status, how long to wait before trying again where the other side said
       so, and at most ANSWER_BYTES_MAX of the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

SEND_S_MAX = 10.0
ANSWER_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What came of it. Status 0: there was no answer, ``why`` says why."""

    status: int = 0
    retry_after_s: float | None = None
    body: bytes = b""
    why: str = ""


class Shipper(Protocol):
    """See the promises above."""

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """POST to a path below the address of the other side."""
        ...
