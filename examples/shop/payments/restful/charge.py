"""POST /payments-api/charge: takes money from a card. It checks the card; the bank is not there.

Cards that end in 0002 are declined, as test cards are.
"""

import secrets
from dataclasses import dataclass

from tapwater import Problem

DECLINED = "0002"


@dataclass
class Charge:
    """How much for which order, from which card."""

    order: str
    amount_cents: int
    card: str


async def post(charge: Charge) -> dict[str, str | int]:
    """Charge a card once."""
    digits = charge.card.replace(" ", "")
    if charge.amount_cents <= 0:
        raise Problem(422, "There is nothing to pay.")
    if not luhn(digits):
        raise Problem(402, "This is no card number.", code="card_declined")
    if digits.endswith(DECLINED):
        raise Problem(402, "The bank declined this card.", code="card_declined")
    print(f"charged {charge.amount_cents} cents for {charge.order} to a card ending {digits[-4:]}")
    return {"id": f"p-{secrets.token_hex(6)}", "amount_cents": charge.amount_cents}


def luhn(digits: str) -> bool:
    """Check the last digit of a card number (ISO/IEC 7812-1).

    >>> luhn("4242424242424242"), luhn("4242424242424241")
    (True, False)
    """
    if not digits.isascii() or not digits.isdigit() or not 12 <= len(digits) <= 19:
        return False
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(sum(divmod(d, 10)) for d in doubled)) % 10 == 0
