"""Runs on each reading a sensor publishes: checks it and puts it into the queue of readings."""

import math
from typing import Any

from tapwater import Event, on, queues


@on.mqtt("sensors/{sensor}/temperature")
def take(event: Event, sensor: str, data: Any) -> str:
    """What is no temperature is dropped here, so that nobody behind has to look again."""
    if not isinstance(data, int | float) or isinstance(data, bool) or not math.isfinite(data):
        print(f"{sensor} sent {data!r}, which is no temperature")
        return "dropped"
    queues.send("readings", {"sensor": sensor, "celsius": float(data), "time": event.time})
    return "taken"
