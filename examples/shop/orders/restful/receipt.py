"""POST /orders-api/receipt: read a receipt, and say whether it is ours."""

from dataclasses import dataclass
from typing import Any

from tapwater import Context

from lib import tokens


@dataclass
class Receipt:
    """What orders/place handed out."""

    receipt: str


def post(receipt: Receipt, ctx: Context) -> dict[str, Any]:
    """Show what was bought."""
    return tokens.read(receipt.receipt, kind="receipt", key=tokens.signing_key(ctx))
