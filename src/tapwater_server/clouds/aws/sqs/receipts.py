"""The receipt handle of a received message: which lease it was. Pure.

It proves nothing, and opens only the queue it is used for: the bus settles no errand of another
line.
"""

import base64
import binascii
from typing import NamedTuple

import msgspec

from tapwater_server.clouds.aws.sqs.errors import bad_receipt
from tapwater_server.ports.bus import Delivery, Errand

HANDLE_LENGTH_MAX = 2048
_FORM = 1  # of what is written here


class Receipt(NamedTuple):
    """What a handle says."""

    delivery: Delivery  # as far as settling needs it
    received_at: float


class _Handle(msgspec.Struct, array_like=True):
    form: int
    id: str
    attempt: int
    lease: int
    seq: int
    until: float
    received_at: float
    key: str = ""


def handle_of(delivery: Delivery, *, received_at: float) -> str:
    """Write the handle of what has just been leased."""
    said = _Handle(
        form=_FORM,
        id=delivery.errand.id,
        attempt=delivery.attempt,
        lease=delivery.lease,
        seq=delivery.seq,
        until=delivery.leased_until,
        received_at=received_at,
        key=delivery.errand.key,
    )
    return base64.b64encode(msgspec.msgpack.encode(said)).decode()


def receipt_of(handle: str, *, app: str, line: str) -> Receipt:
    """Read a handle, for a message of a line.

    Raises:
        AwsError: it is none.
    """
    if len(handle) > HANDLE_LENGTH_MAX:
        raise bad_receipt()
    try:
        said = msgspec.msgpack.decode(base64.b64decode(handle, validate=True), type=_Handle)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise bad_receipt() from None
    if said.form != _FORM:
        raise bad_receipt()
    delivery = Delivery(
        errand=Errand(id=said.id, app=app, line=line, body=b"", key=said.key),
        attempt=said.attempt,
        leased_until=said.until,
        published_at=0.0,
        seq=said.seq,
        lease=said.lease,
    )
    return Receipt(delivery, said.received_at)
