"""From a leased errand to the invocation it stands for."""

from tapwater_server.model.calling import choose_method, place, read_headers
from tapwater_server.model.errors import NotFound
from tapwater_server.model.function import Function, Kind, Revision
from tapwater_server.model.ids import FunctionId, InvocationId, RevisionId, parse_function_id
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.ports.bus import Delivery
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.registry import Registry

LIVE = "live"


class Errands:
    """Finds what is live at the time of each attempt; a pinned revision stays pinned."""

    def __init__(self, *, registry: Registry, clock: Clock, ids: IdSource) -> None:
        self._registry, self._clock, self._ids = registry, clock, ids

    def translate(self, delivery: Delivery) -> Invocation:
        """Build the invocation.

        Raises:
            NotFound: the app, the revision or the function is gone.
            Invalid: the function needs parameters that an errand does not carry.
        """
        errand = delivery.errand
        id = parse_function_id(errand.function)
        revision = self._revision(id, errand.revision)
        function = _function(revision, id)
        has_body = errand.body != b"null"
        method = choose_method(function, None, has_body=has_body)
        path, root_path, params = place(function, None, {})
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=revision.id,
            function=function,
            verb=Verb.HTTP if function.kind is Kind.RESTFUL else Verb.EVENT,
            method=method,
            path=path,
            root_path=root_path,
            params=params or None,
            headers=[
                *read_headers({}, body_kind="application/json" if has_body else None),
                (b"tapwater-delivery", errand.id.encode()),
                (b"tapwater-attempt", b"%d" % delivery.attempt),
            ],
            body=errand.body if has_body else b"",
            client="background",
            arrived_at=self._clock.monotonic(),
            depth=errand.depth,
        )

    def _revision(self, id: FunctionId, pinned: str) -> Revision:
        chosen = RevisionId(pinned) if pinned else self._live(id)
        revision = self._registry.revision(id.app, chosen)
        if revision is None:
            raise NotFound(f"{id.app} has no such revision any more")
        return revision

    def _live(self, id: FunctionId) -> RevisionId:
        for alias in self._registry.aliases(id.app):
            if alias.name == LIVE:
                return alias.choose(self._ids.chance())
        raise NotFound(f"{id.app} has nothing live")


def _function(revision: Revision, id: FunctionId) -> Function:
    function = revision.function(id.name)
    if function is None:
        raise NotFound(f"{id} is not in the revision that is live")
    return function
