"""What this room asks of Lambda: which function a name means, how it is told, what it answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.reaching import Called
from tapwater_server.model.function import Function, Revision
from tapwater_server.model.invocation import Headers, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """A function that can be called, as one of its versions."""

    arn: str  # with the qualifier it was named by, if any
    name: str  # without it
    version: str  # that runs: "$LATEST", "3"
    revision: Revision
    function: Function
    seats: int  # calls at a time; 0: it is throttled wholly
    dead_letters: str = ""  # ARN, of its DeadLetterConfig
    loops: bool = False  # it may be part of one: nobody counts how often it leads back to itself
    kept: Any = None  # what Lambda knows of it besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The Lambda function that an app of ours is."""

    account: Account
    name: str
    function: Function  # as it is live


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call as the function sees it."""

    id: str  # a UUID
    trace: str = ""  # W3C
    client_context: str = ""
    root: str = ""  # of the chain it is part of
    depth: int = 0


class Callees(Protocol):
    """Lambda's functions. Answers from memory."""

    def find(self, account: Account, name: str, *, by: str = "") -> Callee:
        """Find what a name, ``name:qualifier`` or ARN means; of an alias with weights, ``by`` draws
        a version.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        ...

    def headers(self, callee: Callee, request: Request) -> Headers:
        """Say beside a payload what its context has."""
        ...

    def enter(self, callee: Callee) -> bool:
        """Count a call that begins; False: as many as are reserved run already."""
        ...

    def leave(self, callee: Callee) -> None:
        """It is over."""
        ...

    def answered(self, callee: Callee, outcome: Outcome, *, request: str) -> Called:
        """Read how a call ended, also where it had no answer of its own."""
        ...

    def async_settings(self, account: Account, name: str) -> Mapping[str, Any]:
        """Give what PutFunctionEventInvokeConfig was told for this qualifier; {}: nothing."""
        ...

    def owner(self, app: str) -> Owner | None:
        """Say which function an app is; None: it is no app of Lambda's."""
        ...
