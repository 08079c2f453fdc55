"""What one service of AWS asks of another: functions to call, targets to send to.

The services are strangers to each other; assembly hands each of them what it needs of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tapwater_server.clouds.aws.account import Account

PAYLOAD_BYTES_MAX = 6 << 20  # Of a call that waits, each way.
EVENT_BYTES_MAX = 1 << 20  # Of one that does not.


@dataclass(slots=True, kw_only=True)
class Called:
    """How a Lambda function answered. Made for each call: slotted, not frozen."""

    payload: bytes
    version: str  # that ran: "$LATEST", "3"
    error: str = ""  # "", "Unhandled", "Handled"
    log_tail: bytes = b""  # the last 4 KB of its log, if they were asked for
    request_id: str = ""


class Functions(Protocol):
    """Lambda, for who calls functions. ``name``: a name, ``name:qualifier``, or an ARN."""

    def arn_of(self, account: Account, name: str) -> str:
        """Give the ARN of what is there, its qualifier included.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        ...

    async def call(self, account: Account, name: str, payload: bytes, *, trace: str = "") -> Called:
        """Call a function and wait.

        Raises:
            AwsError: it could not be called at all; that it failed is a ``Called`` with an error.
        """
        ...

    async def call_later(
        self, account: Account, name: str, payload: bytes, *, id: str = "", trace: str = ""
    ) -> str:
        """Have a function called; durable before this returns. Gives the request's id.

        With the ``id`` of an errand that is known already nothing is done.

        Raises:
            AwsError: there is no such function, or the payload is too large.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Something to be sent to a target, whatever that is."""

    body: bytes  # JSON or text
    source: str  # ARN of who sends it
    id: str = ""  # sent again with the same one, it arrives once; "": each time
    group: str = ""  # of a FIFO queue or topic
    dedupe: str = ""
    subject: str = ""  # of a notification
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # DataType, …Value
    trace: str = ""
    root: str = ""  # id at the start of the chain of calls and events that led here
    depth: int = 0  # how many functions lie between


class Targets(Protocol):
    """Whatever an ARN can name that takes something: functions, queues, topics, event buses."""

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        """Hand it over; durable before this returns.

        Raises:
            AwsError: there is no such target, or it does not take this.
        """
        ...

    def exists(self, account: Account, arn: str) -> bool: ...
