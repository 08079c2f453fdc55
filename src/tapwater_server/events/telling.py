"""From leased errands to the invocation they stand for, found in what is live at each attempt."""

from collections.abc import Sequence

import msgspec

from tapwater_server.events.audience import Audience, Target
from tapwater_server.events.contexts import delivery_context
from tapwater_server.events.envelope import batched, enveloped, message
from tapwater_server.model.calling import choose_method, place, read_headers
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.errors import NotFound
from tapwater_server.model.function import Function, Kind, Revision
from tapwater_server.model.ids import AppId, InvocationId, parse_function_id
from tapwater_server.model.invocation import Headers, Invocation, Verb
from tapwater_server.model.trace import span_of
from tapwater_server.ports.bus import Delivery, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.listening import Told
from tapwater_server.ports.tracing import Traces

TYPE_LENGTH_MAX = 200
_NULL = b"null"


class _Attributes(msgspec.Struct):
    """What the relay noted beside an event."""

    trigger: int = 0
    params: dict[str, str] = {}


class _Typed(msgspec.Struct):
    """What is looked at in a CloudEvent."""

    type: str = ""
    specversion: str = ""


class Telling:
    """Makes invocations; a pinned revision stays pinned."""

    def __init__(self, *, audience: Audience, log: EventLog, clock: Clock, ids: IdSource) -> None:
        self._audience, self._log = audience, log
        self._clock, self._ids = clock, ids
        self._traces = Traces(ids)

    async def one(self, delivery: Delivery, target: Target) -> Invocation:
        """Tell one errand.

        Raises:
            NotFound: the app, the revision or the function is gone, or the event is.
            Invalid: the function needs parameters that an errand does not carry.
        """
        revision, function = self._find(delivery.errand, target)
        body = await self.body(delivery, target)
        headers = [
            (b"tapwater-delivery", delivery.errand.id.encode()),
            (b"tapwater-attempt", b"%d" % delivery.attempt),
        ]
        return self._invocation(delivery, revision, function, body, headers)

    async def several(self, deliveries: Sequence[Delivery], target: Target) -> Invocation:
        """Tell a batch; the function is the one the first of them finds.

        Raises:
            NotFound: the app or the function is gone.
        """
        first = deliveries[0].errand
        revision, function = self._find(first, target)
        bodies = [await self.body(one, target) for one in deliveries]
        body = batched(deliveries, bodies)
        return self._invocation(deliveries[0], revision, function, body, [])

    def foreign(self, delivery: Delivery, told: Told) -> Invocation:
        """Tell what a listener of another room says; the delivery is the (first) one it is for."""
        errand = delivery.errand
        context, _ = delivery_context(errand)
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=told.revision.id,
            function=told.function,
            verb=Verb.EVENT,
            headers=[(b"content-type", b"application/json"), *told.headers],
            body=told.body,
            client="background",
            traceparent=self._traces.child(context),
            parent=span_of(context),
            event=told.event[:TYPE_LENGTH_MAX],
            delivery=errand.id,
            attempt=delivery.attempt,
            arrived_at=self._clock.monotonic(),
            depth=errand.depth,
            root=errand.root or errand.id,
        )

    async def body(self, delivery: Delivery, target: Target) -> bytes:
        """Give what the function is told: the errand's own body, or the event it names.

        Raises:
            NotFound: the event is not in the log any more.
        """
        errand = delivery.errand
        if target.queue:
            return message(delivery, queue=target.queue)
        if errand.body or not errand.event:
            return errand.body
        logged = await self._log.find(AppId(errand.app), errand.event)
        if logged is None:
            raise NotFound(f"the event {errand.event} was kept no longer")
        return enveloped(logged.event, _attributes(errand).params)

    def options(self, errand: Errand, target: Target) -> DeliveryOptions:
        """Say how this errand is to be made: as its trigger says, or the function itself."""
        function = target.function
        if target.queue or function is None:
            return target.options
        if not errand.event or not function.triggers:
            return function.delivery
        index = min(_attributes(errand).trigger, len(function.triggers) - 1)
        return function.triggers[index].delivery

    def _find(self, errand: Errand, target: Target) -> tuple[Revision, Function]:
        if target.queue:
            return self._audience.consumer(target.app, target.queue, by=errand.id)[:2]
        known = target.function
        id = known.id if known is not None else parse_function_id(errand.function)
        if errand.revision:
            return self._audience.pinned(id, errand.revision)
        return self._audience.of_function(id.app, id.name, by=errand.event or errand.id)

    def _invocation(
        self,
        delivery: Delivery,
        revision: Revision,
        function: Function,
        body: bytes,
        headers: Headers,
    ) -> Invocation:
        errand, has_body = delivery.errand, body != _NULL
        context, _ = delivery_context(errand)
        path, root_path, params = place(function, None, {})
        kind = "application/json" if has_body else None
        return Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=revision.id,
            function=function,
            verb=Verb.HTTP if function.kind is Kind.RESTFUL else Verb.EVENT,
            method=choose_method(function, None, has_body=has_body),
            path=path,
            root_path=root_path,
            params=params or None,
            headers=[*read_headers({}, body_kind=kind), *headers],
            body=body if has_body else b"",
            client="background",
            traceparent=self._traces.child(context),
            parent=span_of(context),
            event=_type(body),
            delivery=errand.id,
            attempt=delivery.attempt,
            arrived_at=self._clock.monotonic(),
            depth=errand.depth,
            root=errand.root,
        )


def _type(body: bytes) -> str:
    """Say what kind of event a function is told of; nothing, if what it is told is none."""
    try:
        said = msgspec.json.decode(body, type=_Typed)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return said.type[:TYPE_LENGTH_MAX] if said.specversion else ""


def _attributes(errand: Errand) -> _Attributes:
    return msgspec.json.decode(errand.attributes or b"{}", type=_Attributes)
