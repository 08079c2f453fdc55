"""After a start: what a kill left half done is done, and what nothing names is removed."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_ import records
from tapwater_server.clouds.aws.lambda_.archives import Archives
from tapwater_server.clouds.aws.lambda_.changing import Changing
from tapwater_server.clouds.aws.lambda_.making import MARK
from tapwater_server.clouds.aws.lambda_.records import Function
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.tidying import Tidying
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts
from tapwater_server.ports.registry import Registry

PREFIX = "aws/"
SWEEP_S = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairing:
    """Looks through all accounts once."""

    facts: Facts
    store: Store
    registry: Registry
    changing: Changing
    tidying: Tidying
    archives: Archives

    async def repair(self) -> None:
        """Go on with what was being done; then clear away."""
        for account, function in tuple(self.functions()):
            try:
                await self.changing.resume(account, function)
            except (AwsError, TapwaterError):
                # A border: one that cannot be mended must not keep the others from it.
                _log.exception("a Lambda function was not mended", extra={"name": function.name})
        for app in tuple(self.orphans()):
            await self.tidying.remove(app)
        await self.sweep()

    def told(self, app: AppId) -> None:
        """An app has changed. One that somebody removed takes its function with it."""
        if self.registry.revisions(app):
            return
        for account, function in self.functions():
            if function.app == app and function.latest.revision:
                self.changing.forget(account, function.name)

    def functions(self) -> Iterator[tuple[Account, Function]]:
        """Go through the functions of all accounts."""
        for space in self.facts.spaces():
            if not space.startswith(PREFIX):
                continue
            for fact in self.facts.list(space, records.FUNCTION):
                function = records.read_function_value(fact.value)
                home = AppId(space.removeprefix(PREFIX))
                yield Account(id=function.account, home=home, region=function.region), function

    def orphans(self) -> Iterator[AppId]:
        """Name the apps of functions that are no more."""
        for app in self.registry.apps():
            for revision in self.registry.revisions(app)[:1]:
                mark = revision.settings.get(MARK)
                if not isinstance(mark, dict):
                    continue
                fact = self.facts.get(mark["space"], records.FUNCTION, mark["name"])
                if fact is None or fact.value["app"] != app:
                    yield app

    async def run(self, clock: Clock) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            await clock.sleep(SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """Remove the zip files that no fact names, and layers that were deleted and that no
        function has any more.
        """
        held: set[str] = set()
        for space in self.facts.spaces():
            versions = self._versions(space)
            held |= {str(version["code"]["zip"]) for version in versions}
            used = {arn for version in versions for arn in version["config"].get("Layers") or ()}
            for fact in self.facts.list(space, records.LAYER):
                if fact.value.get("deleted") and not any(
                    str(arn).endswith(f":layer:{fact.key}") for arn in used
                ):
                    await self.facts.change(space, [Drop(kind=records.LAYER, key=fact.key)])
                else:
                    held.add(str(fact.value["zip"]))
        await self.archives.sweep(held)

    def _versions(self, space: str) -> Sequence[Mapping[str, Any]]:
        """Give all states of functions: latest, to come, published."""
        found = [fact.value for fact in self.facts.list(space, records.VERSION)]
        for fact in self.facts.list(space, records.FUNCTION):
            found += [fact.value[name] for name in ("latest", "next") if fact.value[name]]
        return found
