"""Says hello with what the layer brings."""

from typing import Any

from greeting import greet


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """What Lambda calls."""
    return {"greeting": greet(event.get("name", "you"))}
