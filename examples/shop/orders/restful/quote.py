"""POST /orders-api/quote: what a basket would cost."""

from lib.basket import Basket, Quote, quote


def post(basket: Basket) -> Quote:
    """Price a basket without buying it."""
    return quote(basket)
