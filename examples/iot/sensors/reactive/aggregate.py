"""Runs once a minute, or after 500 readings: puts them into the documents of their minutes."""

from collections import defaultdict
from typing import Any

from tapwater import Event, docs, on

HOT_CELSIUS = 80.0


@on.batch("readings", size=500, window="60s")
def aggregate(events: list[Event]) -> str:
    """Write all minutes together.

    A message may come twice, and the next time with other neighbours. So nothing is added up:
    each reading stands in its minute under its own id, and standing there twice is once.
    """
    minutes: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for event in events:
        reading = event.data
        minutes[reading["sensor"], reading["time"][:16]][event.id] = reading["celsius"]
    with docs.batch() as batch:
        for (sensor, minute), readings in minutes.items():
            id = f"{sensor}_{minute.replace(':', '-')}"
            facts: dict[str, Any] = {"sensor": sensor, "minute": minute, "readings": readings}
            batch.set(f"minutes/{id}", facts, merge=True)
            hottest = max(readings.values())
            if hottest >= HOT_CELSIUS:
                batch.set(f"alerts/{id}", {"sensor": sensor, "celsius": hottest}, merge=True)
    return f"{len(events)} readings, {len(minutes)} minutes"
