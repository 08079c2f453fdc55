"""Who is live: which functions hear an event, and which one serves a line.

The registry is asked each time (it answers from memory); what is made of a revision is kept, for
revisions never change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tapwater_server.events.matching import Listeners, Match, draw
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.errors import NotFound
from tapwater_server.model.event import Event
from tapwater_server.model.function import Alias, Function, Revision, Trigger
from tapwater_server.model.ids import AppId, FunctionId, RevisionId, parse_function_id
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.listening import Listening, Serving
from tapwater_server.ports.registry import Registry

LIVE = "live"
KEPT_MAX = 256  # Revisions whose triggers are kept compiled.
SEATS_MAX = 256  # Deliveries of one line at a time, however many instances there may be.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How a function takes several at once."""

    size: int
    window_s: float
    together: bool = False  # in order, so never in parts that run at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who serves a line. Without a function its errands can only be buried."""

    app: AppId
    function: Function | None
    seats: int = 1
    options: DeliveryOptions
    batching: Batching | None = None
    queue: str = ""  # of whose messages it is the consumer
    serving: Serving | None = None  # a listener of another room, instead of a function


class Audience:
    """Looks functions up in what is live now."""

    def __init__(self, *, registry: Registry, listening: Listening | None = None) -> None:
        self._registry, self._listening = registry, listening or Listening()
        self._listeners: dict[RevisionId, Listeners] = {}
        self._aliases: dict[AppId, Alias | None] = {}  # of what is live; forgotten when it changes
        registry.watch(self._forget)

    def _forget(self, app: AppId) -> None:
        self._aliases.pop(app, None)

    def match(self, event: Event) -> Sequence[Match]:
        """Say who is to be told; with several live revisions, one of them by the event's id."""
        revision = self._drawn(event.app, event.id)
        return [] if revision is None else self._compiled(revision).match(event)

    def match_all(self, event: Event, *, function: str = "") -> Sequence[Match]:
        """As match(), of one function only if it is named."""
        found = self.match(event)
        return [one for one in found if function in {"", one.listener.function.id.name}]

    def heard(self, event: Event) -> Sequence[Errand]:
        """Say what listeners of other rooms have to do because of an event."""
        return self._listening.heard(event)

    def of_function(self, app: AppId, name: str, *, by: str) -> tuple[Revision, Function]:
        """Find a function in what is live.

        Raises:
            NotFound: it is not there.
        """
        revision = self._drawn(app, by)
        function = revision.function(name) if revision is not None else None
        if revision is not None and function is not None:
            return revision, function
        raise NotFound(f"{app}:{name} is not in the revision that is live")

    def pinned(self, id: FunctionId, revision: str) -> tuple[Revision, Function]:
        """Find a function in a revision of its app.

        Raises:
            NotFound: one of them is gone.
        """
        found = self._registry.revision(id.app, RevisionId(revision))
        function = found.function(id.name) if found is not None else None
        if found is None or function is None:
            raise NotFound(f"{id.app} has no such revision any more, or it has no {id.name}")
        return found, function

    def consumer(self, app: AppId, queue: str, *, by: str) -> tuple[Revision, Function, Trigger]:
        """Find who takes the messages of a queue; any live revision will do.

        Raises:
            NotFound: nobody does.
        """
        drawn = self._drawn(app, by)
        for revision in ([drawn] if drawn else []) + self._live(app):
            for function in revision.functions:
                for trigger in function.triggers:
                    if trigger.arguments.get("queue") == queue:
                        return revision, function, trigger
        raise NotFound(f"no function of {app} takes messages of {queue!r}")

    def target(self, line: str) -> Target | None:
        """Say who serves a line; None: nobody of ours, its messages wait to be asked for."""
        serving = self._listening.serving(line)
        if serving is not None:
            return _foreign(serving, line)
        kind, _, name = line.partition(":")
        match kind:
            case "f":
                return self._function_target(name)
            case "q":
                return self._queue_target(name)
            case _:
                return None

    def hears_failures(self, line: str) -> bool:
        """Say whether somebody is to be told what a line's deliveries come to when they fail."""
        target = self.target(line)
        return target is not None and bool(target.options.on_failure)

    def _function_target(self, name: str) -> Target:
        id = parse_function_id(name)
        for revision in self._live(id.app):
            function = revision.function(id.name)
            if function is not None:
                trigger = function.trigger
                batched = trigger if trigger is not None and trigger.source == "batch" else None
                return _target(function, trigger, batched)
        # A pinned errand may find its own revision; all others are buried.
        return Target(app=id.app, function=None, options=DeliveryOptions())

    def _queue_target(self, name: str) -> Target | None:
        app, _, queue = name.partition(":")
        try:
            _, function, trigger = self.consumer(AppId(app), queue, by="")
        except NotFound:
            return None
        batched = trigger if trigger.source == "batch" else None
        return _target(function, trigger, batched, queue=queue)

    def _compiled(self, revision: Revision) -> Listeners:
        found = self._listeners.get(revision.id)
        if found is None:
            found = self._listeners[revision.id] = Listeners(revision.functions)
            while len(self._listeners) > KEPT_MAX:
                del self._listeners[next(iter(self._listeners))]
        return found

    def _drawn(self, app: AppId, by: str) -> Revision | None:
        alias = self._alias(app)
        if alias is None:
            return None
        if len(alias.weights) == 1:
            return self._registry.revision(app, next(iter(alias.weights)))
        return self._registry.revision(app, alias.choose(draw(by)))

    def _live(self, app: AppId) -> list[Revision]:
        """The live revisions, the heaviest first."""
        alias = self._alias(app)
        weights = {} if alias is None else alias.weights
        ids = sorted(weights, key=lambda id: -weights[id])
        found = (self._registry.revision(app, id) for id in ids)
        return [one for one in found if one is not None]

    def _alias(self, app: AppId) -> Alias | None:
        if app not in self._aliases:
            found = (one for one in self._registry.aliases(app) if one.name == LIVE)
            self._aliases[app] = next(found, None)
        return self._aliases[app]


def _foreign(serving: Serving, line: str) -> Target:
    kind, _, name = line.partition(":")
    batching = None
    if serving.size:
        batching = Batching(size=serving.size, window_s=serving.window_s, together=serving.together)
    return Target(
        app=serving.app,
        function=serving.function,
        seats=min(SEATS_MAX, serving.seats),
        options=DeliveryOptions(),
        batching=batching,
        queue=name.partition(":")[2] if kind == "q" else "",
        serving=serving,
    )


def _target(
    function: Function, trigger: Trigger | None, batched: Trigger | None, *, queue: str = ""
) -> Target:
    limits = function.limits
    said = {} if batched is None else batched.arguments
    return Target(
        app=function.id.app,
        function=function,
        seats=min(SEATS_MAX, limits.instances_max * limits.concurrency),
        options=function.delivery if trigger is None else trigger.delivery,
        batching=None
        if batched is None
        else Batching(size=int(said.get("size", 100)), window_s=float(said.get("window_s", 5.0))),
        queue=queue,
    )
