"""Profiles of live calls over HTTP: an endpoint of the node."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import FunctionId
from tapwater_server.model.profile import (
    RATE_MAX,
    SECONDS_MAX,
    Mode,
    Profile,
    ProfileAsked,
    folded,
    speedscope,
)
from tapwater_server.ports.profiling import Profiling
from tapwater_server.ports.registry import Registry
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint, Who
from tapwater_server.web.node import app_in_path


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Which calls to look at, and how the answer should look."""

    function: str
    seconds: float = 10.0
    rate: float = 99.0
    mode: Mode = Mode.WALL
    format: Literal["json", "folded", "speedscope"] = "json"


class ProfilesApi:
    """The endpoint."""

    def __init__(self, *, profiling: Profiling, registry: Registry) -> None:
        self._profiling, self._registry = profiling, registry

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/apps/{app}/profiles",
                says="Look at the stacks of a function's running calls for some seconds.",
                handler=self._profile,
                who=Who.HOLDER,
                takes=Wanted,
                waits=True,
            ),
        )

    async def _profile(self, asked: Asked) -> Any:
        app = app_in_path(asked)
        wanted = await asked.body(Wanted)
        if not any(one.function(wanted.function) for one in self._registry.revisions(app)):
            raise NotFound(f"{app} has no function {wanted.function[:200]!r}")
        profile = await self._profiling.profile(
            ProfileAsked(
                function=FunctionId(app, wanted.function),
                seconds=min(max(wanted.seconds, 0.1), SECONDS_MAX),
                rate=min(max(wanted.rate, 1.0), RATE_MAX),
                mode=wanted.mode,
            )
        )
        if wanted.format == "folded":
            text = folded(profile.stacks).encode()
            return Answer(text, headers={"content-type": "text/plain; charset=utf-8"})
        if wanted.format == "speedscope":
            return speedscope(profile.stacks, name=wanted.function, mode=wanted.mode)
        return profile_shown(profile)


def profile_shown(profile: Profile) -> dict[str, Any]:
    """The stacks, outermost frame first, the heaviest first."""
    asked = profile.asked
    heaviest = sorted(profile.stacks.items(), key=lambda pair: -pair[1])
    return {
        "app": asked.function.app,
        "function": asked.function.name,
        "seconds": asked.seconds,
        "rate": asked.rate,
        "mode": asked.mode.value,
        "unit": "ms" if asked.mode is Mode.CPU else "looks",
        "instances": profile.instances,
        "looks": profile.looks,
        "weight": profile.weight,
        "left_out": profile.left_out,
        "stacks": [{"frames": list(stack), "weight": weight} for stack, weight in heaviest],
    }
