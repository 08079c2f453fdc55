"""The receipt of a received message: which lease it was, so that a late answer can be told. Pure.

It says nothing that its holder may not know, and it proves nothing: whether the message is of the
queue it is used for is looked up.
"""

import base64
import binascii

import msgspec

from tapwater_server.model.errors import Invalid
from tapwater_server.ports.bus import Delivery, Errand

RECEIPT_LENGTH_MAX = 2048  # A key of 256 characters may have 1024 bytes.


class _Receipt(msgspec.Struct, array_like=True):
    id: str
    attempt: int
    lease: int
    seq: int
    until: float
    key: str = ""


def receipt_of(delivery: Delivery) -> str:
    """Write a receipt."""
    packed = msgspec.msgpack.encode(
        _Receipt(
            id=delivery.errand.id,
            attempt=delivery.attempt,
            lease=delivery.lease,
            seq=delivery.seq,
            until=delivery.leased_until,
            key=delivery.errand.key,
        )
    )
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def delivery_of(receipt: str, *, app: str, line: str) -> Delivery:
    """Read a receipt back, as far as settling needs it.

    Raises:
        Invalid: this is no receipt.
    """
    if len(receipt) > RECEIPT_LENGTH_MAX:
        raise Invalid(f"a receipt has at most {RECEIPT_LENGTH_MAX} characters")
    try:
        packed = base64.b64decode(receipt + "=" * (-len(receipt) % 4), altchars=b"-_")
        said = msgspec.msgpack.decode(packed, type=_Receipt)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid("this is not the receipt of a received message") from None
    return Delivery(
        errand=Errand(id=said.id, app=app, line=line, body=b"", key=said.key),
        attempt=said.attempt,
        leased_until=said.until,
        published_at=0.0,
        seq=said.seq,
        lease=said.lease,
    )
