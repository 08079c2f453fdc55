"""GET /sensors-api/minutes?sensor=…: the means of a sensor's minutes, the newest first."""

from statistics import fmean
from typing import Any

from tapwater import docs

MINUTES_MAX = 1440


def get(sensor: str, limit: int = 60) -> list[dict[str, Any]]:
    """Give up to a day of them."""
    found = docs.query("minutes").where("sensor", "==", sensor).order_by("-minute")
    return [
        {
            "minute": one["minute"],
            "count": len(one["readings"]),
            "mean": fmean(one["readings"].values()),
        }
        for one in found.limit(max(1, min(limit, MINUTES_MAX)))
    ]
