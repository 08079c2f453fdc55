"""The stages a request meets between its head and its call, in this order."""

from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING

from tapwater_server.gateway.admission import Admission
from tapwater_server.gateway.asgi import Bridge
from tapwater_server.gateway.cors import Cors
from tapwater_server.gateway.directory import Directory
from tapwater_server.gateway.errors import Refusal
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.handshake import (
    check_handshake,
    offered_token,
    wants_websocket,
    without_token,
)
from tapwater_server.gateway.pages import Pages
from tapwater_server.gateway.proxies import Proxies
from tapwater_server.gateway.routing import Match, Target
from tapwater_server.gateway.settings import GatewaySettings
from tapwater_server.gateway.site import Compiled, Site
from tapwater_server.gateway.target import RequestTarget, read_absolute, read_target
from tapwater_server.gateway.translate import (
    believe,
    method_name,
    other_verb,
    retraced,
    user_json,
)
from tapwater_server.gateway.websocket import WebSocket
from tapwater_server.model.ids import AppId, InvocationId
from tapwater_server.model.invocation import Headers, Invocation, Verb
from tapwater_server.model.limits import BUNDLE_BYTES_MAX
from tapwater_server.model.trace import is_traceparent, span_of
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Call, Invoker
from tapwater_server.ports.tracing import Traces
from tapwater_server.web.cloud import Cloud, Whole

if TYPE_CHECKING:
    from tapwater_server.gateway.connection import Connection

INTERNAL = "/_/"
OWN = b"/_/v1/"  # An app's services, on its own hosts too.
APPS, DEPLOYS = "/_/api/v1/apps/", "/deploys"
OBJECT_BYTES_MAX = 5 << 40  # What is sent to a service; each endpoint has a ceiling of its own.
_LOOKS = frozenset({b"GET", b"HEAD"})
_ANY = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


@dataclass(slots=True)
class Counts:
    """What happened so far; read by ``Gateway.stats()``."""

    connections: int = 0
    connections_refused: int = 0
    requests: int = 0
    refused: int = 0
    aborted: int = 0
    websockets: int = 0


class Door:
    """What all connections share, and what is decided about each request."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        directory: Directory,
        admission: Admission,
        bridge: Bridge,
        pages: Pages,
        clock: Clock,
        ids: IdSource,
        settings: GatewaySettings,
        cloud: Cloud | None = None,
        abroad: Bridge | None = None,
    ) -> None:
        self.invoker = invoker
        self.settings = settings
        self.limits = settings.limits
        self.proxies = Proxies(settings.trusted_proxies)
        self.counts = Counts()
        self.connections: set[Connection] = set()
        self.stopping = False
        self._directory, self._admission = directory, admission
        self._bridge, self._pages = bridge, pages
        self._cloud, self._abroad = cloud, abroad  # both or neither
        self._clock, self._ids = clock, ids
        self._traces = Traces(ids)
        self.coarse_now = 0.0
        self.dated = b""
        self.tick()

    def tick(self) -> float:
        """Look at the clock for everything that need not be exact."""
        self.coarse_now = self._clock.monotonic()
        date = formatdate(self._clock.now(), usegmt=True).encode()
        self.dated = b"date: %b\r\nserver: tapwater\r\n" % date
        return self.coarse_now

    def admit(self, connection: "Connection") -> bool:
        """Count a new connection; False: there are too many."""
        if len(self.connections) >= self.limits.connections_max:
            self.counts.connections_refused += 1
            return False
        self.counts.connections += 1
        self.connections.add(connection)
        return True

    def forget(self, connection: "Connection") -> None:
        self.connections.discard(connection)

    def decide(self, exchange: Exchange) -> None:
        """Say what the request gets when its turn comes.

        Raises:
            Refusal: an answer that says no.
        """
        self.counts.requests += 1
        if exchange.url[:1] != b"/" and self._unusual(exchange):
            return
        if exchange.connection.peer_trusted:
            believe(exchange, self.proxies)
        site = self._directory.site(exchange.host)
        if site.shared and self._claimed(exchange, site):
            return
        compiled = site.choose()
        raw, _, query = exchange.url.partition(b"?")
        match = compiled.plain.get(raw) if compiled is not None else None
        if match is None or b"#" in query:
            match = self._search(exchange, site, compiled)
        if compiled is not None and match is not None:
            self._call(exchange, compiled, match, query)

    def _search(self, exchange: Exchange, site: Site, compiled: Compiled | None) -> Match | None:
        """Look for who answers at a path that is no function's plain one. None: there is a plan.

        Raises:
            Refusal: nobody does.
        """
        try:
            return self._look(exchange, site, compiled)
        except Refusal:
            if not self._taken(exchange, site):
                raise
            return None

    def _look(self, exchange: Exchange, site: Site, compiled: Compiled | None) -> Match | None:
        target = read_target(exchange.url)
        if target.path.startswith(INTERNAL):
            # On no host is this an app's: whoever is sent tokens must be the platform.
            self._internal(exchange, site, compiled, target)
            return None
        if compiled is not None:
            return self._find(exchange, compiled, target)
        if site.app or target.path != "/" or exchange.method not in _LOOKS:
            raise Refusal("not_found", "No app answers here.")
        place = [(b"location", INTERNAL.encode())]  # Nobody's: then the dashboard's.
        exchange.plan = partial(say, status=302, headers=place, whole=b"")
        return None

    def _claimed(self, exchange: Exchange, site: Site) -> bool:
        """Say whether another cloud's client asks; then that cloud answers."""
        cloud = self._cloud
        assert cloud is not None
        if not site.owned and not cloud.claims(exchange.url, exchange.seen):
            return False
        self._go_abroad(exchange)
        return True

    def _taken(self, exchange: Exchange, site: Site) -> bool:
        """Nothing of ours answers: say whether another cloud does."""
        if not site.shared or self._cloud is None or not self._cloud.answers(exchange.url):
            return False
        self._go_abroad(exchange)
        return True

    def _go_abroad(self, exchange: Exchange) -> None:
        exchange.body_bytes_max = OBJECT_BYTES_MAX
        exchange.recoded = False
        exchange.plan = self._ask_abroad

    def _ask_abroad(self, exchange: Exchange) -> Call | None:
        """A plan: the other cloud answers, in haste if it can."""
        assert self._cloud is not None and self._abroad is not None  # noqa: PT018
        if exchange.complete and exchange.host == exchange.seen.get(b"host"):
            call = self._cloud.hasten(
                Whole(
                    method=exchange.method,
                    url=exchange.url,
                    headers=exchange.headers,
                    body=b"".join(exchange.parts),
                    scheme=exchange.scheme or exchange.connection.scheme,
                    client=exchange.client or exchange.connection.client,
                    exchange=exchange,
                )
            )
            if call is not None:
                return call
        raw, _, query = exchange.url.partition(b"?")
        target = RequestTarget(raw.decode("latin-1"), query)
        return self._abroad.start(exchange, target=target, app=AppId(""))

    def decide_abroad(self, exchange: Exchange) -> None:
        """As ``decide``, for who may reach the other cloud's interface and nothing else."""
        self.counts.requests += 1
        if exchange.url[:1] == b"/" or not self._unusual(exchange):
            self._go_abroad(exchange)

    def _unusual(self, exchange: Exchange) -> bool:
        """A target that is not a path: ``*`` or a whole URL."""
        if exchange.method == b"OPTIONS" and exchange.url == b"*":
            exchange.plan = partial(say, status=204, headers=[(b"allow", _ANY)], whole=b"")
            return True
        if exchange.method == b"CONNECT":
            raise Refusal("not_implemented", "This is no proxy.")
        exchange.host, exchange.url = read_absolute(exchange.url)
        return False

    def _internal(
        self, exchange: Exchange, site: Site, compiled: Compiled | None, target: RequestTarget
    ) -> None:
        """The platform answers: an app's services on each of its hosts, the rest on the bare one.

        Raises:
            Refusal: it is an app's host, and no service was asked.
        """
        own = exchange.url.startswith(OWN)  # As it was sent: what is spelled otherwise is not it.
        if not own and not site.bare:
            raise Refusal("not_found", "The control API does not answer on an app's host.")
        cors = compiled.services_cors if own and compiled is not None else None
        if cors is not None and self._crossing(exchange, cors):
            return
        exchange.body_bytes_max = OBJECT_BYTES_MAX if own else BUNDLE_BYTES_MAX
        if target.path.startswith(APPS) and not target.path.endswith(DEPLOYS):
            exchange.body_bytes_max = OBJECT_BYTES_MAX
        if b"upgrade" in exchange.seen and wants_websocket(exchange.method, exchange.seen):
            check_handshake(exchange.seen)
            exchange.keep_alive = False
            exchange.body_bytes_max = 0
            exchange.plan = partial(self._bridge.open_socket, target=target, app=site.app)
            return
        exchange.plan = partial(self._bridge.start, target=target, app=site.app)

    def _find(self, exchange: Exchange, compiled: Compiled, target: RequestTarget) -> Match | None:
        """Look for a function, then for a file or a page, then for a function that takes all."""
        routes = compiled.routes
        if target.segments is None:
            match = routes.match(target.path)
        else:
            match = routes.match_segments(target.segments, target.path)
        if match is None or not match.exact:
            exchange.plan = self._pages.plan(exchange, compiled, target.path)
            if exchange.plan is not None:
                return None
        if match is None:
            raise Refusal("not_found", "Nothing answers at this path.")
        return match

    def _call(self, exchange: Exchange, compiled: Compiled, match: Match, query: bytes) -> None:
        """A function answers: check method and caller, and make the invocation."""
        target, params, path, root_path, _ = match
        function = target.function
        method = method_name(exchange.method)
        if compiled.cors is not None and self._crossing(exchange, compiled.cors):
            return
        websocket = b"upgrade" in exchange.seen and self._socket(exchange, target)
        if target.verbs and method not in target.verbs and not websocket:
            method = other_verb(method, target)
            if not method:
                headers = [(b"allow", target.allow)]
                exchange.plan = partial(say, status=204, headers=headers, whole=b"")
                return
        now = self._clock.monotonic()
        user = b""
        if target.guarded:
            authorization = exchange.seen.get(b"authorization", b"")
            if websocket and not authorization:
                authorization = offered_token(exchange.seen)
            principal = self._admission.admit(function, authorization=authorization, now=now)
            if principal is not None:
                # The token was for us. The function is told who asks, not with what.
                user = user_json(principal)
                exchange.headers = without_token(exchange.headers)
        connection = exchange.connection
        traceparent, parent = self._traces.fresh(), ""
        if b"traceparent" in exchange.seen:
            traceparent, parent = self._follow(exchange, traceparent)
        exchange.body_bytes_max = 0 if websocket else function.limits.body_bytes_max
        exchange.invocation = Invocation(
            id=InvocationId(self._ids.fresh()),
            revision=compiled.revision.id,
            function=function,
            verb=Verb.WEBSOCKET if websocket else Verb.HTTP,
            method=method,
            path=path,
            root_path=root_path,
            query=query,
            scheme=exchange.scheme or connection.scheme,
            host=exchange.host,
            client=exchange.client or connection.client,
            params=params,
            headers=exchange.headers,
            user=user,
            traceparent=traceparent,
            parent=parent,
            arrived_at=now,
        )

    def _follow(self, exchange: Exchange, fresh: bytes) -> tuple[bytes, str]:
        """The client is part of a trace: its span is the parent of this call's."""
        said = exchange.seen[b"traceparent"]
        known = is_traceparent(said)
        traceparent = self._traces.child(said) if known else fresh
        exchange.headers = retraced(exchange.headers, traceparent, known=known)
        return traceparent, span_of(said) if known else ""

    def _socket(self, exchange: Exchange, target: Target) -> bool:
        """A WebSocket is asked for: see that function and request are fit for it."""
        if not wants_websocket(exchange.method, exchange.seen) or not target.websocket:
            return False
        check_handshake(exchange.seen)
        exchange.keep_alive = False
        exchange.plan = open_websocket
        return True

    def _crossing(self, exchange: Exchange, cors: Cors) -> bool:
        """A page of another origin asks: answer its preflight, or mark the answer to come."""
        origin = exchange.seen.get(b"origin")
        if origin is None:
            return False
        if exchange.method == b"OPTIONS" and b"access-control-request-method" in exchange.seen:
            asked = exchange.seen.get(b"access-control-request-headers", b"")
            headers = cors.preflight_headers(origin, asked)
            exchange.plan = partial(say, status=204, headers=headers, whole=b"")
            return True
        exchange.cors = cors.answer_headers(origin)
        return False


def open_websocket(exchange: Exchange) -> Call | None:
    """A plan: the connection becomes a WebSocket if the function says so."""
    invocation = exchange.invocation
    assert invocation is not None
    return WebSocket(exchange).start(partial(exchange.connection.door.invoker.start, invocation))


def say(exchange: Exchange, *, status: int, headers: Headers, whole: bytes) -> None:
    """A plan: an answer that is known already."""
    exchange.say(status, headers, whole)
