"""What the shop sells. Prices are in cents, because money is counted and not measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing to buy."""

    id: str
    name: str
    category: str
    price_cents: int


PRODUCTS = {
    product.id: product
    for product in (
        Product(id="kettle", name="Kettle, 1.7 l", category="kitchen", price_cents=3490),
        Product(id="teapot", name="Teapot, glass", category="kitchen", price_cents=2450),
        Product(id="cup", name="Cup", category="kitchen", price_cents=690),
        Product(id="assam", name="Assam, 250 g", category="tea", price_cents=890),
        Product(id="sencha", name="Sencha, 100 g", category="tea", price_cents=1190),
        Product(id="rooibos", name="Rooibos, 250 g", category="tea", price_cents=540),
    )
}
