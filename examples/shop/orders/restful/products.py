"""GET /orders-api/products: what there is to buy."""

from lib.catalogue import PRODUCTS, Product


def get(category: str = "", limit: int = 20) -> list[Product]:
    """List products, of one category or of all."""
    found = [product for product in PRODUCTS.values() if category in ("", product.category)]
    return found[: max(0, limit)]
