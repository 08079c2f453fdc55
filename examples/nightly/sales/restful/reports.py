"""GET /sales-api/reports: the last reports, the newest first."""

from typing import Any

from tapwater import docs


def get(limit: int = 7) -> list[dict[str, Any]]:
    """Give up to a year of them."""
    newest = docs.query("reports").order_by("-day").limit(max(1, min(limit, 366)))
    return [one.data for one in newest]
