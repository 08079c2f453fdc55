"""A basket, and what it costs."""

from dataclasses import dataclass

from tapwater import Problem

from lib.catalogue import PRODUCTS

QUANTITY_MAX = 99


@dataclass
class Item:
    """So many of one product."""

    product: str
    quantity: int = 1


@dataclass
class Basket:
    """What a customer wants to buy."""

    items: list[Item]


@dataclass
class Line:
    """One item with its price."""

    product: str
    name: str
    quantity: int
    total_cents: int


@dataclass
class Quote:
    """A basket with its prices."""

    lines: list[Line]
    total_cents: int


def quote(basket: Basket) -> Quote:
    """Price a basket; say of every item that cannot be bought why not."""
    problems = [
        {"where": f"body.items[{place}]", "what": what}
        for place, item in enumerate(basket.items)
        if (what := refusal(item))
    ]
    if not basket.items:
        problems.append({"where": "body.items", "what": "is empty"})
    if problems:
        raise Problem(422, "This basket cannot be bought.", code="basket", problems=problems)
    lines = [priced(item) for item in basket.items]
    return Quote(lines=lines, total_cents=sum(line.total_cents for line in lines))


def refusal(item: Item) -> str:
    """Say why an item cannot be bought, or nothing."""
    if item.product not in PRODUCTS:
        return f"there is no product {item.product!r}"
    if not 1 <= item.quantity <= QUANTITY_MAX:
        return f"quantity must be between 1 and {QUANTITY_MAX}"
    return ""


def priced(item: Item) -> Line:
    """Put the price to an item."""
    product = PRODUCTS[item.product]
    return Line(
        product=product.id,
        name=product.name,
        quantity=item.quantity,
        total_cents=product.price_cents * item.quantity,
    )
