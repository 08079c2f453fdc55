"""Serves groups of errors: /faults of the node's API."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.fault import Fault, FaultState
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.faults import Faults
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Who
from tapwater_server.web.node import app_in_query

LIMIT_MAX = 1_000
_F = "/faults/{id}"


class StateAsked(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody says of a group."""

    state: FaultState


class FaultsApi:
    """Translates; the store decides. ``settled`` waits until what came so far is in it."""

    def __init__(
        self, *, faults: Faults, clock: Clock, settled: Callable[[], Awaitable[None]]
    ) -> None:
        self._faults, self._clock, self._settled = faults, clock, settled

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/faults",
                says="Groups of errors, those seen last first.",
                handler=self._list,
                who=Who.HOLDER,
                query={
                    "app": "only this app's",
                    "function": "only this function's (group/name)",
                    "state": f"only these: {', '.join(FaultState)}",
                    "limit": f"how many at most (100; up to {LIMIT_MAX})",
                },
            ),
            Endpoint(
                method="GET",
                path=_F,
                says="One group: its traceback, revisions, and calls to look at.",
                handler=self._get,
                who=Who.HOLDER,
            ),
            Endpoint(
                method="PUT",
                path=_F,
                says="Say that a group is resolved, muted, or open again.",
                handler=self._put,
                who=Who.HOLDER,
                takes=StateAsked,
            ),
        )

    async def _list(self, asked: Asked) -> Mapping[str, Any]:
        limit = int(asked.number("limit", low=1, high=LIMIT_MAX) or 100)
        await self._settled()
        faults = await self._faults.list(
            app=app_in_query(asked),
            function=asked.text("function"),
            state=_state(asked.text("state")),
            count_max=limit,
        )
        return {"faults": faults}

    async def _get(self, asked: Asked) -> Fault:
        return await self._known(asked)

    async def _put(self, asked: Asked) -> Fault:
        said = await asked.body(StateAsked)
        fault = await self._known(asked)
        changed = await self._faults.set_state(fault.id, said.state, now=self._clock.now())
        if changed is None:
            raise NotFound("the group was forgotten meanwhile")
        return changed

    async def _known(self, asked: Asked) -> Fault:
        id = asked.params["id"]
        fault = await self._faults.find(id)
        if fault is None or not asked.who.may_deploy(fault.app):
            raise NotFound(f"there is no group of errors {id[:64]!r}")
        return fault


def _state(said: str | None) -> FaultState | None:
    if said is None:
        return None
    if said not in set(FaultState):
        raise Invalid(f"there is no state {said[:20]!r} (there are: {', '.join(FaultState)})")
    return FaultState(said)
