"""Makes the registry follow the facts: the names a function's app must have, and no revision that
nothing names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_.archives import ReleasesNow
from tapwater_server.clouds.aws.lambda_.names import pinned, shown_alias
from tapwater_server.clouds.aws.lambda_.records import Function, Version
from tapwater_server.clouds.aws.lambda_.store import Store
from tapwater_server.clouds.aws.lambda_.weighing import percents
from tapwater_server.model.errors import NotFound
from tapwater_server.model.function import Alias
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidying:
    """Can be done at any time, and again."""

    store: Store
    registry: Registry
    releases: ReleasesNow

    async def tidy(self, account: Account, name: str) -> None:
        """Point every name of a function where it belongs, then drop what is left over."""
        function = self.store.find(account, name)
        if function is None or not function.latest.revision:
            return
        app = AppId(function.app)
        versions = {one.number: one for one in self.store.versions(account, name)}
        wanted = self._aliases(account, function, versions)
        there = {alias.name: alias for alias in self.registry.aliases(app)}
        for label, alias in wanted.items():
            if there.get(label) != alias:
                await self.releases().point(alias)
        for label in there.keys() - wanted.keys():
            await self.releases().unpoint(app, label)
        named = {function.latest.revision, *(one.revision for one in versions.values())}
        for revision in self.registry.revisions(app):
            if revision.id not in named:
                await self.releases().drop(app, revision.id)

    async def remove(self, app: AppId) -> None:
        """Remove an app; it may be gone already."""
        try:
            await self.releases().remove(app)
        except NotFound:
            return

    def _aliases(
        self, account: Account, function: Function, versions: Mapping[str, Version]
    ) -> dict[str, Alias]:
        app = AppId(function.app)
        wanted = {"live": _whole(app, "live", function.latest.revision)}
        for number, version in versions.items():
            wanted[pinned(number)] = _whole(app, pinned(number), version.revision)
        for alias in self.store.aliases(account, function.name):
            label = shown_alias(alias.name)
            shares = percents(alias)
            revisions = {number: self._revision(function, versions, number) for number in shares}
            if all(revisions.values()) and label not in wanted:
                weights: dict[RevisionId, int] = {}
                for number, share in shares.items():
                    id = RevisionId(revisions[number])
                    weights[id] = weights.get(id, 0) + share
                wanted[label] = Alias(app=app, name=label, weights=weights)
        return {
            label: alias
            for label, alias in wanted.items()
            if all(self.registry.revision(app, id) is not None for id in alias.weights)
        }

    def _revision(self, function: Function, versions: Mapping[str, Version], number: str) -> str:
        version = versions.get(number)
        return function.latest.revision if version is None else version.revision


def _whole(app: AppId, name: str, revision: str) -> Alias:
    return Alias(app=app, name=name, weights={RevisionId(revision): 100})
