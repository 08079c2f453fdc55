"""The services by the names under which functions know them, each loaded when it is first used."""

import importlib
from typing import Any

from tapwater.services.transport import Transport

NAMES = {
    "docs": "docs:Docs",
    "blobs": "blobs:Blobs",
    "queues": "queues:Queues",
    "topics": "topics:Topics",
    "cache": "cache:Cache",
    "mail": "mail:Mail",
    "users": "users:Users",
    "events": "events:Events",
    "schedules": "schedules:Schedules",
    "mqtt": "mqtt:Mqtt",
}


def make(name: str, transport: Transport) -> Any:
    """Make the client of a service.

    Raises:
        AttributeError: there is no such service.
    """
    place = NAMES.get(name)
    if place is None:
        raise AttributeError(name)
    module, _, kind = place.partition(":")
    return getattr(importlib.import_module(f"tapwater.services.{module}"), kind)(transport)
