"""This node: whether it serves, what it can do, what it is doing."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from tapwater_server.control.api.shapes import Health
from tapwater_server.control.house import House
from tapwater_server.web.asked import Asked

VERSION = version("tapwater")


async def health(house: House, asked: Asked) -> Health:
    return Health(status="ok", version=VERSION)


async def doctor(house: House, asked: Asked) -> Mapping[str, Any]:
    return await house.doctor()


async def top(house: House, asked: Asked) -> Mapping[str, Any]:
    return house.top()
