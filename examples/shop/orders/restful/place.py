"""POST /orders-api/place: buy a basket. The payment is another function, called on the way."""

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from tapwater import CallFailed, Context, Header, Problem, Response

from lib import tokens
from lib.basket import Basket, Item, quote

VALID_S = 365 * 24 * 3600


@dataclass
class Purchase:
    """A basket and the card that pays for it."""

    items: list[Item]
    card: str


def post(purchase: Purchase, ctx: Context, authorization: str = Header(default="")) -> Response:
    """Charge the card, then hand out a receipt."""
    key = tokens.signing_key(ctx)
    user = tokens.signed_in(authorization, key=key)
    priced = quote(Basket(items=purchase.items))
    order = f"o-{secrets.token_hex(6)}"
    payment = charge(ctx, order=order, amount_cents=priced.total_cents, card=purchase.card)
    receipt = {"order": order, "user": user["id"], "payment": payment["id"], **asdict(priced)}
    signed = tokens.issue(receipt, kind="receipt", valid_s=VALID_S, key=key)
    return Response({**receipt, "receipt": signed}, 201)


def charge(ctx: Context, **payment: Any) -> dict[str, Any]:
    """Let payments/charge do it. What it refuses, the customer is told."""
    try:
        answer: dict[str, Any] = ctx.call("payments/charge", payment)
    except CallFailed as failure:
        if failure.status == 402:
            raise Problem(402, failure.body["detail"], code="card_declined") from failure
        raise
    return answer
