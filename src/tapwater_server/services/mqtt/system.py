"""The few topics below $SYS/ that tell an app's clients how their broker does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapwater_server.services.mqtt.spaces import Space

PREFIX = "$SYS/"


def topics(space: "Space", *, version: str, uptime_s: float) -> Sequence[tuple[str, bytes]]:
    """Give each topic with what it says now; the numbers are the app's own."""
    numbers = {
        "uptime": int(uptime_s),
        "clients/connected": space.connected,
        "clients/total": len(space.sessions),
        "messages/received": space.messages_in,
        "messages/sent": space.messages_out,
        "messages/dropped": space.dropped,
        "retained messages/count": len(space.retained),
    }
    said = [("version", f"Tapwater {version}".strip().encode())]
    said += [(name, str(number).encode()) for name, number in numbers.items()]
    return [(f"{PREFIX}broker/{name}", payload) for name, payload in said]
