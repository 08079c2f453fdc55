"""What the door makes of a revision, and what a host name leads to."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tapwater_server.gateway.cors import Cors, for_services, read_cors
from tapwater_server.gateway.files import Files
from tapwater_server.gateway.routing import Match, Routes
from tapwater_server.model.function import Function, Kind, Revision
from tapwater_server.model.ids import AppId
from tapwater_server.ports.ids import IdSource

Public = Callable[[Revision], Path | None]


class Compiled:
    """One revision, made ready for requests. Built once; a revision never changes."""

    __slots__ = ("cors", "files", "groups", "plain", "revision", "routes", "services_cors")

    def __init__(self, revision: Revision, *, public: Path | None) -> None:
        restful = [function for function in revision.functions if function.kind is Kind.RESTFUL]
        self.revision = revision
        self.routes = Routes(restful)
        self.plain: Mapping[bytes, Match] = self.routes.plain()
        self.cors: Cors | None = read_cors(revision.settings.get("cors"))
        self.services_cors = None if self.cors is None else for_services(self.cors)
        self.files = None if public is None else Files(public)
        self.groups: Mapping[str, Sequence[Function]] = _by_group(restful)


class Site:
    """Where a host name leads: an app, its revisions and their shares.

    No app: the bare host, and none is the default. No revision: nothing is live there.
    ``shared``: another cloud's clients may be meant; ``owned``: nobody else can be.
    """

    __slots__ = ("_ids", "_shares", "app", "bare", "only", "owned", "shared")

    def __init__(
        self,
        app: AppId,
        shares: Sequence[tuple[Compiled, int]],
        *,
        bare: bool,
        ids: IdSource,
        shared: bool = False,
        owned: bool = False,
    ) -> None:
        self.app = app
        self.bare = bare
        self.shared, self.owned = shared, owned
        self._ids = ids
        self._shares = [(compiled, weight) for compiled, weight in shares if weight > 0]
        self.only = self._shares[0][0] if len(self._shares) == 1 else None

    def choose(self) -> Compiled | None:
        """Pick a revision by the weights."""
        if self.only is not None or not self._shares:
            return self.only
        drawn = self._ids.chance() * sum(weight for _, weight in self._shares)
        for compiled, weight in self._shares:
            drawn -= weight
            if drawn < 0:
                return compiled
        return self._shares[-1][0]


def _by_group(functions: Sequence[Function]) -> dict[str, list[Function]]:
    groups: dict[str, list[Function]] = {}
    for function in functions:
        groups.setdefault(function.group, []).append(function)
    return groups
