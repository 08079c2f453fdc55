"""Message move tasks as they are kept: what is moved where, and how far it is. Pure."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.clouds.aws.asked import AwsError

RUNNING, COMPLETED, CANCELLED, FAILED = "RUNNING", "COMPLETED", "CANCELLED", "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTask:
    """One task."""

    id: str
    source: str  # queue
    destination: str = ""  # queue; "": where each message came from
    status: str = RUNNING
    rate_max: int = 0  # messages a second; 0: as fast as it goes
    moved: int = 0
    to_move: int = 0
    started: float = 0.0
    reason: str = ""

    def fact(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def task_of(fact: Mapping[str, Any]) -> MoveTask:
    return MoveTask(**fact)


def handle_of(task: MoveTask, source_arn: str) -> str:
    """Write the handle by which a task can be cancelled."""
    said = msgspec.json.encode({"taskId": task.id, "sourceArn": source_arn})
    return base64.b64encode(said).decode()


def id_of(handle: str) -> str:
    """Read which task a handle means.

    Raises:
        AwsError: it is none.
    """
    try:
        said = msgspec.json.decode(base64.b64decode(handle, validate=True), type=dict[str, str])
        return said["taskId"]
    except (ValueError, binascii.Error, msgspec.MsgspecError, KeyError):
        message = "Value for parameter TaskHandle is invalid."
        raise AwsError("InvalidParameterValueException", message) from None
