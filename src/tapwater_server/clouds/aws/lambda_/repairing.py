"""After a start: what a kill left half done is done, and what nothing names is removed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

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
from tapwater_server.ports.facts import Facts
from tapwater_server.ports.registry import Registry

PREFIX = "aws/"

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

    async def sweep(self) -> None:
        """Remove the zip files that no fact names."""
        held: set[str] = set()
        for space in self.facts.spaces():
            for fact in self.facts.list(space, records.FUNCTION):
                held.add(fact.value["latest"]["code"]["zip"])
                if fact.value["next"] is not None:
                    held.add(fact.value["next"]["code"]["zip"])
            held |= {one.value["code"]["zip"] for one in self.facts.list(space, records.VERSION)}
            held |= {one.value["zip"] for one in self.facts.list(space, records.LAYER)}
        await self.archives.sweep(held)
